"""What the sandbox is told: banks.toml and keys that `init` makes, and the environment that `serve` reads."""

import json
import os
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

BANKS_FILE, PRIVATE_KEY_FILE, PUBLIC_KEY_FILE = "banks.toml", "client.pem", "client.pub"
NOTICE_PRIVATE_FILE, NOTICE_PUBLIC_FILE = "bank.pem", "bank.pub"
"""The banks' own pair, one for all of them: they sign their notices by it."""
BIFAST, SNAP_DEBIT = "bifast", "snap_debit"
HANG_S, SLOW_S = 15.0, 8.0
_RSA_BITS = 2048
# DOKU's limit for CIMB and BRI, the tightest known (programme.md 3.4).
_REFERENCE_MAX = 12


@dataclass(frozen=True)
class Connection:
    """How one bank of the sandbox speaks; `status_service_code` and `otp` are of snap_debit only."""

    name: str
    province: str
    product: str
    encoding: str
    otp: bool = False
    status_service_code: str = ""


# Names and codes: data/banks.csv. Provinces: Kemendagri. One bank takes hex signatures, so that both are spoken; one
# sends a code of its own and one does not; DANA wants "54" in a status call and DOKU "55" (programme.md 3.4).
CONNECTED = {
    "110": Connection("bank bjb", "32", BIFAST, "base64"),
    "113": Connection("Bank Jateng", "33", SNAP_DEBIT, "hex", otp=True, status_service_code="54"),
    "114": Connection("Bank Jatim", "35", BIFAST, "base64"),
    "128": Connection("Bank NTB Syariah", "52", SNAP_DEBIT, "base64", otp=False, status_service_code="55"),
}
BATCH_FILE = "batch_file"
BATCH_CONNECTED = {"118": ("Bank Nagari", "13")}
"""Banks without an API: name and province."""


class NotReady(Exception):
    """Something the sandbox needs is missing or wrong; the message says what to do."""


@dataclass(frozen=True)
class BankSettings:
    """What the bank knows of its client; what only another product needs is empty."""

    code: str
    product: str
    client_id: str
    client_secret: str = field(repr=False)
    public_key: RSAPublicKey
    notice_key: RSAPrivateKey = field(repr=False)
    partner_id: str
    channel_id: str
    signature_encoding: str
    reference_max: int
    biller_id: str = ""
    beneficiary_account_no: str = ""
    merchant_id: str = ""
    otp: bool = False
    status_service_code: str = ""


@dataclass(frozen=True)
class Settings:
    """`hang_s` is how long a time-out lasts, `slow_s` a slow answer; a folder that is None leaves the insurer out.

    With `hold_notices` notices are posted to nobody: a test takes them and brings them itself.
    """

    database_url: str = field(repr=False)
    banks: Mapping[str, BankSettings]
    callbacks: str = field(repr=False)
    api_key: str = field(repr=False)
    insurer_out: Path | None = None
    insurer_in: Path | None = None
    hang_s: float = HANG_S
    slow_s: float = SLOW_S
    hold_notices: bool = False
    files: Path | None = None
    """The folder of banks.toml, below which banks lay their files; None leaves batch and settlement files out."""


def load_settings(folder: Path, callbacks: str, environ: Mapping[str, str] = os.environ) -> Settings:
    """Raises NotReady. The sandbox refuses to run beside a production system."""
    if environ.get("IURAN_MODE", "sandbox") != "sandbox":
        raise NotReady("IURAN_MODE is not sandbox: the sandbox does not run there")
    if not environ.get("DATABASE_URL"):
        raise NotReady("DATABASE_URL is not set: the sandbox keeps its accounts in PostgreSQL")
    out_dir, in_dir = environ.get("INSURER_OUT_DIR"), environ.get("INSURER_IN_DIR")
    return Settings(
        database_url=environ["DATABASE_URL"],
        banks=read_banks(folder),
        callbacks=callbacks.rstrip("/"),
        api_key=environ.get("AT_API_KEY") or "sandbox",
        insurer_out=Path(out_dir) if out_dir else None,
        insurer_in=Path(in_dir) if in_dir else None,
        files=folder,
    )


def read_banks(folder: Path) -> dict[str, BankSettings]:
    """The banks that speak SNAP, by code. Raises NotReady."""
    again = f"python -m sandbox init --dir {folder} --url URL"
    try:
        tables = tomllib.loads((folder / BANKS_FILE).read_text("utf-8"))["banks"]
        public_key = serialization.load_pem_public_key((folder / PUBLIC_KEY_FILE).read_bytes())
        notice_key = serialization.load_pem_private_key((folder / NOTICE_PRIVATE_FILE).read_bytes(), None)
    except FileNotFoundError as error:
        raise NotReady(f"{error.filename} is missing: {again}") from None
    if not isinstance(public_key, RSAPublicKey) or not isinstance(notice_key, RSAPrivateKey):
        raise NotReady(f"a key in {folder} is no RSA key: remove it and {again}")
    known = BankSettings.__dataclass_fields__.keys() - {"code", "public_key", "notice_key"}
    return {
        code: BankSettings(
            code=code,
            public_key=public_key,
            notice_key=notice_key,
            **{name: value for name, value in table.items() if name in known},
        )
        for code, table in tables.items()
        if table["product"] in (BIFAST, SNAP_DEBIT)
    }


def init(folder: Path, url: str) -> None:
    """Make keys, secrets and banks.toml where they are missing; secrets stay, base URLs follow `url`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for private, public in ((PRIVATE_KEY_FILE, PUBLIC_KEY_FILE), (NOTICE_PRIVATE_FILE, NOTICE_PUBLIC_FILE)):
        if not (folder / private).exists():
            _write(folder / private, _new_key())
        _write(folder / public, _public_half((folder / private).read_bytes()))
    known: dict[str, dict[str, object]] = {}
    if (folder / BANKS_FILE).exists():
        known = tomllib.loads((folder / BANKS_FILE).read_text("utf-8"))["banks"]
    tables = [
        _table(code, url.rstrip("/"), str(known.get(code, {}).get("client_secret") or secrets.token_urlsafe(32)))
        for code in CONNECTED
    ]
    tables += [_batch_table(code) for code in BATCH_CONNECTED]
    _write(folder / BANKS_FILE, "\n".join(tables).encode())


def _table(code: str, url: str, client_secret: str) -> str:
    bank = CONNECTED[code]
    rows: dict[str, str | int] = {
        "product": bank.product,
        "name": bank.name,
        "province": bank.province,
        "base_url": f"{url}/bank/{code}",
        "path_prefix": "/v1.0",
        "token_path": "/v1.0/access-token/b2b",
        "client_id": f"iuran-{code}",
        "client_secret": client_secret,
        "private_key_file": PRIVATE_KEY_FILE,
        "notice_public_key_file": NOTICE_PUBLIC_FILE,
        "partner_id": "IURAN",
        "channel_id": "95231",
        "signature_encoding": bank.encoding,
        **_of_product(code, bank),
        "reference_max": _REFERENCE_MAX,
        "settlement_dir": f"settlement/{code}",
        # This bank has no limits of its own to be spared.
        "pace_per_s": 1000,
    }
    # JSON's strings, numbers and booleans are TOML's too.
    return "\n".join([f"[banks.{code}]", *(f"{key} = {json.dumps(value)}" for key, value in rows.items()), ""])


def _of_product(code: str, bank: Connection) -> dict[str, str | int]:
    if bank.product == SNAP_DEBIT:
        return {
            "merchant_id": f"IURAN{code}",
            "otp": bank.otp,
            "status_service_code": bank.status_service_code,
        }
    return {
        "biller_id": "IURAN01",
        "biller_name": "IURAN BPU",
        "beneficiary_account_no": f"{code}0000001",
        "beneficiary_account_name": "IURAN BPJS TK",
    }


def _batch_table(code: str) -> str:
    name, province = BATCH_CONNECTED[code]
    rows = {
        "product": BATCH_FILE,
        "name": name,
        "province": province,
        "out_dir": f"batch/{code}/out",
        "in_dir": f"batch/{code}/in",
        # Late, so that whoever tries it in the evening need not wait for the next day.
        "cut_off": "23:30",
        "settlement_dir": f"settlement/{code}",
    }
    return "\n".join([f"[banks.{code}]", *(f'{key} = "{value}"' for key, value in rows.items()), ""])


def _new_key() -> bytes:
    return generate_private_key(public_exponent=65537, key_size=_RSA_BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_half(pem: bytes) -> bytes:
    public_key = serialization.load_pem_private_key(pem, password=None).public_key()
    return public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, readable by nobody else; a file that is right already is left alone."""
    if path.exists() and path.read_bytes() == content:
        path.chmod(0o600)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    temporary.replace(path)
