"""A partner of the sandbox bank as any other would be: it signs with `cryptography`, not with the product's code."""

import base64
import hashlib
import hmac
import json
import re
import subprocess
import tomllib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from psycopg import sql
from sqlalchemy import make_url

from sandbox.server import running
from sandbox.settings import Settings, init, read_banks
from units.clock import JAKARTA

HANG_S, SLOW_S = 1.0, 0.5
GRANT = b'{"grantType":"client_credentials"}'
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=JAKARTA)
Json = dict[str, Any]


class Hand:
    """A clock that stands at noon in Jakarta until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now.astimezone(UTC)


class Client:
    """What any partner of the bank would have to do, and each part of it can be done wrong."""

    def __init__(self, url: str, folder: Path, code: str, clock: Hand) -> None:
        self.host, self.code, self.clock, self.folder = url, code, clock, folder
        self.bank = tomllib.loads((folder / "banks.toml").read_text())["banks"][code]
        key = serialization.load_pem_private_key((folder / "client.pem").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.key, self.tokens = key, list[str]()

    def stamp(self) -> str:
        return self.clock.now.astimezone(JAKARTA).isoformat(timespec="seconds")

    def encoded(self, signature: bytes) -> str:
        return signature.hex() if self.bank["signature_encoding"] == "hex" else base64.b64encode(signature).decode()

    def ask_token(self, body: bytes = GRANT, /, **headers: str) -> requests.Response:
        stamp = headers.get("X-TIMESTAMP", self.stamp())
        name = headers.get("X-CLIENT-KEY", self.bank["client_id"])
        signature = self.key.sign(f"{name}|{stamp}".encode(), padding.PKCS1v15(), hashes.SHA256())
        usual = {
            "Content-Type": "application/json",
            "X-CLIENT-KEY": self.bank["client_id"],
            "X-TIMESTAMP": stamp,
            "X-SIGNATURE": self.encoded(signature),
        }
        url = f"{self.host}/bank/{self.code}/v1.0/access-token/b2b"
        return requests.post(url, data=body, headers={**usual, **headers}, timeout=5)

    def token(self) -> str:
        if not self.tokens:
            self.tokens.append(self.ask_token().json()["accessToken"])
        return self.tokens[0]

    def sign(self, path: str, body: bytes, token: str, stamp: str, secret: str | None = None) -> str:
        digest = hashlib.sha256(json_minified(body)).hexdigest()
        text = f"POST:{path}:{token}:{digest}:{stamp}"
        mac = hmac.new((secret or self.bank["client_secret"]).encode(), text.encode(), hashlib.sha512)
        return self.encoded(mac.digest())

    def post(self, service: str, body: Json | bytes, *, query: str = "", **headers: str) -> requests.Response:
        return self.call(f"debit/{service}{query}", body, **headers)

    def call(self, service: str, body: Json | bytes, **headers: str) -> requests.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        path = f"/bank/{self.code}/v1.0/{service}"
        stamp = headers.get("X-TIMESTAMP", self.stamp())
        usual = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.token()}",
            "X-TIMESTAMP": stamp,
            "X-PARTNER-ID": self.bank["partner_id"],
            "CHANNEL-ID": self.bank["channel_id"],
            "X-EXTERNAL-ID": uuid.uuid4().hex,
            "X-SIGNATURE": self.sign(path, raw, self.token(), stamp),
        }
        sent = {name: value for name, value in {**usual, **headers}.items() if value}
        return requests.post(self.host + path, data=raw, headers=sent, timeout=5)

    def mandate_body(self, account_no: str, **fields: Any) -> Json:
        expires_at = (self.clock.now + timedelta(days=365)).replace(microsecond=0)
        usual = {
            "bankCode": self.code,
            "sourceAccountNo": account_no,
            "sourceAccountName": "SITI RAHMA",
            "maxAmount": {"value": "36800.00", "currency": "IDR"},
            "billerId": self.bank["biller_id"],
            "billerName": self.bank["biller_name"],
            "customerId": "W-1",
            "expiredDatetime": expires_at.isoformat(),
        }
        return without_none({**usual, **fields})

    def mandate(self, account_no: str, **fields: Any) -> str:
        answer = self.post("fast-emandate", self.mandate_body(account_no, **fields))
        assert answer.json()["responseCode"] == "2007000", answer.text
        return str(answer.json()["eMandateReffId"])

    def payment_body(self, account_no: str, mandate: str, reference: str, **fields: Any) -> Json:
        usual = {
            "partnerReferenceNo": reference,
            "customerReference": "W-1",
            "beneficiaryAccountNo": self.bank["beneficiary_account_no"],
            "beneficiaryAccountName": self.bank["beneficiary_account_name"],
            "transactionDate": self.stamp(),
            "bankCode": self.code,
            "sourceAccountNo": account_no,
            "amount": {"value": "28400.00", "currency": "IDR"},
            "eMandateReffId": mandate,
        }
        return without_none({**usual, **fields})

    def pay(self, account_no: str, mandate: str, reference: str, **fields: Any) -> requests.Response:
        return self.post("fast-payment", self.payment_body(account_no, mandate, reference, **fields))

    def book(self) -> Json:
        book: Json = requests.get(f"{self.host}/bank/{self.code}/book", timeout=5).json()
        return book

    def notices(self, account_no: str, *, take: bool = False) -> list[Json]:
        """The bodies of what is due about debits of this account, with path and headers under `sent`."""
        method = requests.delete if take else requests.get
        mine = {debit["partnerReferenceNo"] for debit in self.debits_of(account_no)}
        found = method(f"{self.host}/bank/{self.code}/notices", timeout=5).json()
        bodies = [{**json.loads(one["body"]), "sent": one} for one in found]
        return [body for body in bodies if body["originalPartnerReferenceNo"] in mine]

    def debits_of(self, account_no: str) -> list[Json]:
        return [debit for debit in self.book()["debits"] if debit["accountNo"] == account_no]


def rp(amount: int) -> Json:
    return {"value": f"{amount}.00", "currency": "IDR"}


def json_minified(body: bytes) -> bytes:
    """Another way than the sandbox's: for bodies without escapes, blanks are those outside of quotes."""
    parts = body.split(b'"')
    parts[::2] = [re.sub(rb"[ \t\r\n]", b"", part) for part in parts[::2]]
    return b'"'.join(parts)


def without_none(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def code_of(answer: requests.Response) -> str:
    """The response code, whose first three digits must be the HTTP status."""
    code = str(answer.json()["responseCode"])
    assert code[:3] == str(answer.status_code)
    return code


@contextmanager
def own_database(server_url: str, prefix: str) -> Iterator[str]:
    """An empty database of this name and a random ending, away afterwards."""
    name = f"{prefix}_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as db:
        db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server_url, autocommit=True) as db:
        db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def sandbox_bank(database_url: str, folder: Path, clock: Hand) -> Iterator[str]:
    """Its URL. Here a second BI-FAST bank takes hex, so that both encodings are proved on the same services."""
    init(folder, "http://127.0.0.1:1")
    head, mark, jatim = (folder / "banks.toml").read_text().partition("[banks.114]")
    head = head.replace('signature_encoding = "base64"', 'signature_encoding = "hex"')
    (folder / "banks.toml").write_text(head + mark + jatim)
    usual = (database_url, read_banks(folder), "http://127.0.0.1:1", "sandbox")
    with running(Settings(*usual, hang_s=HANG_S, slow_s=SLOW_S, hold_notices=True), clock=clock) as url:
        yield url


@pytest.fixture(scope="module")
def bank_database(pg_server_url: str) -> Iterator[str]:
    with own_database(pg_server_url, "sandbox_bank") as url:
        yield url


@pytest.fixture(scope="module")
def hand() -> Hand:
    return Hand()


@pytest.fixture(scope="module")
def place(bank_database: str, tmp_path_factory: pytest.TempPathFactory, hand: Hand) -> Iterator[tuple[str, Path]]:
    """A sandbox of this module alone: its URL and its folder."""
    folder = tmp_path_factory.mktemp("sandbox")
    with sandbox_bank(bank_database, folder, hand) as url:
        yield url, folder


@pytest.fixture
def jatim(place: tuple[str, Path], hand: Hand) -> Client:
    hand.now = NOON
    return Client(*place, "114", hand)


def new_account(ending: str = "7777") -> str:
    return f"{uuid.uuid4().int % 10**8:08d}{ending}"


def new_reference() -> str:
    return uuid.uuid4().hex[:12].upper()


def openssl_verifies(sent: Json, folder: Path, scratch: Path, encoding: str) -> bool:
    """Whether the openssl command takes the notice for one of the bank whose public key is in `folder`."""
    digest = hashlib.sha256(json_minified(sent["body"].encode())).hexdigest()
    (scratch / "text").write_text(f"POST:{sent['path']}:{digest}:{sent['headers']['X-TIMESTAMP']}")
    signature = sent["headers"]["X-SIGNATURE"]
    (scratch / "signature").write_bytes(
        bytes.fromhex(signature) if encoding == "hex" else base64.b64decode(signature, validate=True)
    )
    command = ["openssl", "dgst", "-sha256", "-verify", str(folder / "bank.pub"), "-signature"]
    return (
        subprocess.run([*command, str(scratch / "signature"), str(scratch / "text")], capture_output=True).returncode
        == 0
    )


@pytest.fixture(params=["114", "110"], ids=["base64", "hex"])
def client(request: pytest.FixtureRequest, place: tuple[str, Path], hand: Hand) -> Client:
    hand.now = NOON
    return Client(place[0], place[1], request.param, hand)
