"""The TOML file of the banks that are connected, read whole and checked whole; it never shows a value in an error."""

import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from banks.base import LaneRules
from banks.keys import RSA_BITS_MIN, private_key, public_key
from banks.snap import Encoding

CONNECT_TIMEOUT_S: Final = 3.05
READ_TIMEOUT_S: Final = 20.0
TIMEOUT_S_MAX: Final = 120.0
PARALLEL_MAX: Final = 32


class BankSettingsError(Exception):
    """Says every key that is missing or bad, of every bank, one line each, and never a value."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(["Bank settings that need a hand:", *(f"  {line}" for line in lines)]))
        self.lines = lines


@dataclass(frozen=True, kw_only=True)
class BankSettings:
    """One bank: who we are to it, how it is reached and signed for. Times are in seconds.

    What only another product needs is empty.
    """

    code: str
    product: str
    name: str
    province: str
    """Kemendagri code of the province whose own bank this is, two digits."""
    base_url: str
    path_prefix: str
    token_path: str
    client_id: str
    client_secret: str = field(repr=False)
    private_key: RSAPrivateKey = field(repr=False)
    partner_id: str
    channel_id: str
    signature_encoding: Encoding
    biller_id: str = ""
    biller_name: str = ""
    beneficiary_account_no: str = field(default="", repr=False)
    beneficiary_account_name: str = field(default="", repr=False)
    merchant_id: str = ""
    otp: bool = False
    """Whether the bank sends its own code to the holder before it binds an account."""
    status_service_code: str = ""
    """`serviceCode` of a status call: of the debit ("54", DANA) or of the call ("55", DOKU; programme.md 3.4)."""
    notice_key: RSAPublicKey | None = field(default=None, repr=False)
    """The bank's public key; without one none of its notices is believed."""
    rules: LaneRules = field(default_factory=LaneRules)
    reference_max: int
    """Longest reference of ours the bank takes; the standard says 64, some banks 12 (programme.md 3.4)."""
    bank_code: str
    """`bankCode` on the wire: the three-digit code unless the file names another."""
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    read_timeout_s: float = READ_TIMEOUT_S
    settlement_dir: Path | None = None
    """Where the bank puts its file of each day; None if it gives none."""


Check = Callable[[object], str | None]
"""What is wrong with a value, in words that do not hold it; None if nothing is."""


def _text(longest: int, pattern: str = r"[ -~]+", what: str = "text of printable ASCII") -> Check:
    shape = re.compile(pattern)

    def check(value: object) -> str | None:
        fits = isinstance(value, str) and len(value) <= longest and value.strip() == value and shape.fullmatch(value)
        return None if fits else f"must be {what}, at most {longest} characters"

    return check


def _one_of(*known: str) -> Check:
    return lambda value: None if value in known else f"must be one of {', '.join(known)}"


def _timeout_s(value: object) -> str | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= TIMEOUT_S_MAX
    return None if fits else f"must be seconds, above 0 and at most {TIMEOUT_S_MAX:.0f}"


def _pace(value: object) -> str | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")
    return None if fits else "must be requests in a second, above 0"


def _whole(least: int, most: int) -> Check:
    def check(value: object) -> str | None:
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if fits else f"must be a whole number from {least} to {most}"

    return check


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _base_url(value: object) -> str | None:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[!-~]+", value) or value.endswith("/"):
        return "must be a URL that begins with https:// and does not end in /"
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return "must be a URL with a host and a port in range"
    if not host or parts.query or parts.fragment or "@" in parts.netloc:
        return "must be a host and a path, without user, query or fragment"
    if parts.scheme != "https" and not _loopback(host):
        return "must be https, but for a loopback host"
    return None


_FILE: Final = _text(512, r"[^\0]+", "a file name")
_HOUR: Final = _text(5, r"([01][0-9]|2[0-3]):[0-5][0-9]", 'a time of day such as "21:30"')
# Lengths: ASPI SNAP, headers (Keamanan) and services 54, 70 and 71 (programme.md 3.3, 3.4).
_SNAP: Final[Mapping[str, Check]] = {
    "product": _text(20),
    "name": _text(40),
    "province": _text(2, r"[1-9][0-9]", "a two-digit province code"),
    "base_url": _base_url,
    "path_prefix": _text(64, r"(/[A-Za-z0-9._-]+)+", "a path that begins with / and does not end in one"),
    "token_path": _text(128, r"(/[A-Za-z0-9._-]+)+", "a path that begins with / and does not end in one"),
    "client_id": _text(128),
    "client_secret": _text(512),
    "private_key_file": _FILE,
    "partner_id": _text(36),
    "channel_id": _text(5),
    "signature_encoding": _one_of("base64", "hex"),
    # SNAP's `partnerReferenceNo` is String(64) (programme.md 3.4).
    "reference_max": _whole(1, 64),
}
_LANE: Final[Mapping[str, Check]] = {
    "pace_per_s": _pace,
    "parallel_max": _whole(1, PARALLEL_MAX),
    "cut_off_from": _HOUR,
    "cut_off_until": _HOUR,
    "bounce_fee_rp": _whole(0, 1_000_000),
}
_SNAP_OPTIONAL: Final[Mapping[str, Check]] = {
    "connect_timeout_s": _timeout_s,
    "read_timeout_s": _timeout_s,
    "notice_public_key_file": _FILE,
    "settlement_dir": _FILE,
    **_LANE,
}
_NEEDED: Final[Mapping[str, Mapping[str, Check]]] = {
    "bifast": {
        **_SNAP,
        "biller_id": _text(30),
        "biller_name": _text(50),
        "beneficiary_account_no": _text(19, r"[0-9]+", "digits"),
        "beneficiary_account_name": _text(100),
    },
    "snap_debit": {
        **_SNAP,
        "merchant_id": _text(64),
        "otp": _flag,
        "status_service_code": _one_of("54", "55"),
    },
}
"""Of each product."""
_OPTIONAL: Final[Mapping[str, Mapping[str, Check]]] = {
    "bifast": {**_SNAP_OPTIONAL, "bank_code": _text(11, r"[A-Za-z0-9]+", "letters and digits")},
    "snap_debit": _SNAP_OPTIONAL,
}


def _wrong_keys(table: Mapping[str, object]) -> list[str]:
    product = table.get("product")
    if not isinstance(product, str) or product not in _NEEDED:
        # Which keys belong here only the product says.
        return ["product: " + (f"must be one of {', '.join(_NEEDED)}" if "product" in table else "not set")]
    needed, optional = _NEEDED[product], _OPTIONAL[product]
    lines = [f"{key}: not set" for key in needed if key not in table]
    for key, value in table.items():
        check = needed.get(key) or optional.get(key)
        wrong = check(value) if check else "not a key we know"
        if wrong:
            lines.append(f"{key}: {wrong}")
    begins, ends = table.get("cut_off_from"), table.get("cut_off_until")
    if (begins is None) != (ends is None) or (begins is not None and begins == ends):
        lines.append("cut_off_from: must stand together with cut_off_until, and not be the same")
    return lines


_KEY_FILES: Final[Mapping[str, tuple[str, Callable[[Path], object]]]] = {
    "private_key_file": ("private_key", private_key),
    "notice_public_key_file": ("notice_key", public_key),
}


def _rules(table: Mapping[str, Any]) -> LaneRules:
    """The keys of `_LANE`, each checked before."""
    plain = {name: table[name] for name in ("pace_per_s", "parallel_max", "bounce_fee_rp") if name in table}
    if "cut_off_from" not in table:
        return LaneRules(**plain)
    return LaneRules(
        **plain, cut_off=(time.fromisoformat(table["cut_off_from"]), time.fromisoformat(table["cut_off_until"]))
    )


def _bank(code: str, table: object, folder: Path) -> BankSettings | list[str]:
    if not re.fullmatch(r"[0-9]{3}", code):
        return ["must be under its three-digit code"]
    if not isinstance(table, dict):
        return ["must be a table"]
    lines = _wrong_keys(table)
    named_wrong = {line.split(":")[0] for line in lines}
    keys: dict[str, object] = {}
    for name, (field_name, read) in _KEY_FILES.items():
        if name in table and name not in named_wrong:
            keys[field_name] = read(folder / str(table[name]))
            if keys[field_name] is None:
                lines.append(f"{name}: no RSA key in PEM of {RSA_BITS_MIN} bits or more can be read there")
    if lines:
        return lines
    plain = {name: value for name, value in table.items() if name not in _KEY_FILES and name not in _LANE}
    if "settlement_dir" in plain:
        plain["settlement_dir"] = (folder / str(plain["settlement_dir"])).resolve()
    values = {"bank_code": code, **plain, **keys, "code": code, "rules": _rules(table)}
    return BankSettings(**cast(dict[str, Any], values))


def load_banks(path: Path) -> dict[str, BankSettings]:
    """Every bank of the file by its three-digit code; key files are named relative to it.

    Raises BankSettingsError naming every missing, bad or unknown key of every bank at once.
    """
    try:
        document = tomllib.loads(path.read_bytes().decode())
    except OSError:
        raise BankSettingsError(["the file cannot be read"]) from None
    except ValueError as error:
        where = re.search(r"\(at line \d+, column \d+\)", str(error))
        raise BankSettingsError([f"the file is no TOML in UTF-8 {where[0] if where else ''}".rstrip()]) from None
    tables = document.get("banks")
    lines = [f"{name}: not a table we know" for name in document if name != "banks"]
    if not isinstance(tables, dict) or not tables:
        raise BankSettingsError([*lines, "banks: no bank is set"])
    banks: dict[str, BankSettings] = {}
    for code, table in tables.items():
        bank = _bank(code, table, path.parent)
        if isinstance(bank, BankSettings):
            banks[code] = bank
        else:
            lines += [f"banks.{code}: {line}" for line in bank]
    if lines:
        raise BankSettingsError(lines)
    return banks
