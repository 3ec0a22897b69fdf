"""The TOML file of the banks that are connected, read whole and checked whole; it never shows a value in an error."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any, Final, cast

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from banks.base import REFERENCE_LENGTH, LaneRules
from banks.keys import RSA_BITS_MIN, private_key, public_key
from banks.settings_checks import Check, base_url, flag, one_of, pace, text, timeout_s, whole
from banks.snap import Encoding

CONNECT_TIMEOUT_S: Final = 3.05
READ_TIMEOUT_S: Final = 20.0
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


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """One bank without an API: the folders through which files are exchanged, ours out and theirs in."""

    code: str
    product: str
    name: str
    province: str
    out_dir: Path
    in_dir: Path
    cut_off: time
    """On Jakarta's clock: a file that is there by then is worked off the same day."""
    settlement_dir: Path | None = None


AnyBank = BankSettings | BatchSettings
_FOLDER: Final = text(512, r"[^\0]+", "a folder's name")
_FILE: Final = text(512, r"[^\0]+", "a file name")
_HOUR: Final = text(5, r"([01][0-9]|2[0-3]):[0-5][0-9]", 'a time of day such as "21:30"')
_EVERY: Final[Mapping[str, Check]] = {
    "product": text(20),
    "name": text(40),
    "province": text(2, r"[1-9][0-9]", "a two-digit province code"),
}
# Lengths: ASPI SNAP, headers (Keamanan) and services 54, 70 and 71 (programme.md 3.3, 3.4).
_SNAP: Final[Mapping[str, Check]] = {
    **_EVERY,
    "base_url": base_url,
    "path_prefix": text(64, r"(/[A-Za-z0-9._-]+)+", "a path that begins with / and does not end in one"),
    "token_path": text(128, r"(/[A-Za-z0-9._-]+)+", "a path that begins with / and does not end in one"),
    "client_id": text(128),
    "client_secret": text(512),
    "private_key_file": _FILE,
    "partner_id": text(36),
    "channel_id": text(5),
    "signature_encoding": one_of("base64", "hex"),
    # SNAP's `partnerReferenceNo` is String(64) (programme.md 3.4). Of a bank that takes less than ours has, every debit
    # would be refused unsent.
    "reference_max": whole(REFERENCE_LENGTH, 64),
}
_LANE: Final[Mapping[str, Check]] = {
    "pace_per_s": pace,
    "parallel_max": whole(1, PARALLEL_MAX),
    "cut_off_from": _HOUR,
    "cut_off_until": _HOUR,
    "bounce_fee_rp": whole(0, 1_000_000),
}
_SNAP_OPTIONAL: Final[Mapping[str, Check]] = {
    "connect_timeout_s": timeout_s,
    "read_timeout_s": timeout_s,
    "notice_public_key_file": _FILE,
    "settlement_dir": _FOLDER,
    **_LANE,
}
_NEEDED: Final[Mapping[str, Mapping[str, Check]]] = {
    "bifast": {
        **_SNAP,
        "biller_id": text(30),
        "biller_name": text(50),
        "beneficiary_account_no": text(19, r"[0-9]+", "digits"),
        "beneficiary_account_name": text(100),
    },
    "snap_debit": {
        **_SNAP,
        "merchant_id": text(64),
        "otp": flag,
        "status_service_code": one_of("54", "55"),
    },
    "batch_file": {**_EVERY, "out_dir": _FOLDER, "in_dir": _FOLDER, "cut_off": _HOUR},
}
"""Of each product."""
_OPTIONAL: Final[Mapping[str, Mapping[str, Check]]] = {
    "bifast": {**_SNAP_OPTIONAL, "bank_code": text(11, r"[A-Za-z0-9]+", "letters and digits")},
    "snap_debit": _SNAP_OPTIONAL,
    "batch_file": {"settlement_dir": _FOLDER},
}
_FOLDERS: Final = ("out_dir", "in_dir", "settlement_dir")


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


def _shared_folders(banks: Mapping[str, AnyBank]) -> list[str]:
    """Two streams of files in one folder would take each other's."""
    named: dict[Path, str] = {}
    lines = list[str]()
    for code, bank in banks.items():
        for key in _FOLDERS:
            folder = getattr(bank, key, None)
            if folder is not None and (first := named.setdefault(folder, f"{code}.{key}")) != f"{code}.{key}":
                lines.append(f"banks.{code}: {key}: is the folder of {first} too")
    return lines


def _bank(code: str, table: object, folder: Path) -> AnyBank | list[str]:
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
    plain: dict[str, Any] = {name: v for name, v in table.items() if name not in _KEY_FILES and name not in _LANE}
    plain |= {name: (folder / plain[name]).resolve() for name in _FOLDERS if name in plain}
    if plain["product"] == "batch_file":
        return BatchSettings(**{**plain, "code": code, "cut_off": time.fromisoformat(plain["cut_off"])})
    values = {"bank_code": code, **plain, **keys, "code": code, "rules": _rules(table)}
    return BankSettings(**cast(dict[str, Any], values))


def load_banks(path: Path) -> dict[str, AnyBank]:
    """Every bank of the file by its three-digit code; key files and folders are named relative to it.

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
    banks: dict[str, AnyBank] = {}
    for code, table in tables.items():
        bank = _bank(code, table, path.parent)
        if isinstance(bank, list):
            lines += [f"banks.{code}: {line}" for line in bank]
        else:
            banks[code] = bank
    lines += _shared_folders(banks)
    if lines:
        raise BankSettingsError(lines)
    return banks
