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

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from banks.snap import Encoding

CONNECT_TIMEOUT_S: Final = 3.05
READ_TIMEOUT_S: Final = 20.0
TIMEOUT_S_MAX: Final = 120.0
# NIST SP 800-131A rev. 2 (2019): RSA signatures under 2048 bits are disallowed.
RSA_BITS_MIN: Final = 2048


class BankSettingsError(Exception):
    """Says every key that is missing or bad, of every bank, one line each, and never a value."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(["Bank settings that need a hand:", *(f"  {line}" for line in lines)]))
        self.lines = lines


@dataclass(frozen=True)
class BankSettings:
    """One bank: who we are to it, how it is reached and signed for. Times are in seconds."""

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
    biller_id: str
    biller_name: str
    beneficiary_account_no: str = field(repr=False)
    beneficiary_account_name: str = field(repr=False)
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


def _reference_max(value: object) -> str | None:
    # SNAP's `partnerReferenceNo` is String(64) (programme.md 3.4).
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 64
    return None if fits else "must be a whole number from 1 to 64"


def _timeout_s(value: object) -> str | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= TIMEOUT_S_MAX
    return None if fits else f"must be seconds, above 0 and at most {TIMEOUT_S_MAX:.0f}"


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


_FOLDER: Final = _text(512, r"[^\0]+", "a folder's name")
_HOUR: Final = _text(5, r"([01][0-9]|2[0-3]):[0-5][0-9]", 'a time of day such as "21:30"')
_EVERY: Final[Mapping[str, Check]] = {
    "product": _text(20),
    "name": _text(40),
    "province": _text(2, r"[1-9][0-9]", "a two-digit province code"),
}
# Lengths: ASPI SNAP, headers (Keamanan) and services 70 and 71 (programme.md 3.3, 3.4).
_NEEDED: Final[Mapping[str, Mapping[str, Check]]] = {
    "bifast": {
        **_EVERY,
        "base_url": _base_url,
        "path_prefix": _text(64, r"(/[A-Za-z0-9._-]+)+", "a path that begins with / and does not end in one"),
        "token_path": _text(128, r"(/[A-Za-z0-9._-]+)+", "a path that begins with / and does not end in one"),
        "client_id": _text(128),
        "client_secret": _text(512),
        "private_key_file": _text(512, r"[^\0]+", "a file name"),
        "partner_id": _text(36),
        "channel_id": _text(5),
        "signature_encoding": _one_of("base64", "hex"),
        "biller_id": _text(30),
        "biller_name": _text(50),
        "beneficiary_account_no": _text(19, r"[0-9]+", "digits"),
        "beneficiary_account_name": _text(100),
        "reference_max": _reference_max,
    },
    "batch_file": {**_EVERY, "out_dir": _FOLDER, "in_dir": _FOLDER, "cut_off": _HOUR},
}
"""Of each product."""
_OPTIONAL: Final[Mapping[str, Mapping[str, Check]]] = {
    "bifast": {
        "settlement_dir": _FOLDER,
        "bank_code": _text(11, r"[A-Za-z0-9]+", "letters and digits"),
        "connect_timeout_s": _timeout_s,
        "read_timeout_s": _timeout_s,
    },
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
    return lines


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


def _private_key(path: Path) -> RSAPrivateKey | None:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPrivateKey) and key.key_size >= RSA_BITS_MIN else None


def _bank(code: str, table: object, folder: Path) -> AnyBank | list[str]:
    if not re.fullmatch(r"[0-9]{3}", code):
        return ["must be under its three-digit code"]
    if not isinstance(table, dict):
        return ["must be a table"]
    lines = _wrong_keys(table)
    file = table.get("private_key_file")
    key = None
    if isinstance(file, str) and not any(line.startswith("private_key_file:") for line in lines):
        key = _private_key(folder / file)
        if key is None:
            lines.append(f"private_key_file: no RSA key in PEM of {RSA_BITS_MIN} bits or more can be read there")
    if lines:
        return lines
    values = cast(dict[str, Any], {name: value for name, value in table.items() if name != "private_key_file"})
    values |= {name: (folder / values[name]).resolve() for name in _FOLDERS if name in values}
    if values["product"] == "batch_file":
        return BatchSettings(**{**values, "code": code, "cut_off": time.fromisoformat(values["cut_off"])})
    return BankSettings(**{"bank_code": code, **values, "code": code, "private_key": key})


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
