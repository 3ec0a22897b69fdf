"""A scripted bank on real loopback sockets, and what is asked of it; holds no test."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from banks.base import (
    BankAnswer,
    CollectRequest,
    MandateRequest,
)
from banks.bifast import BiFast
from banks.settings import BankSettings

SECRET = "hush-hush-hush"
ACCOUNT = "1140099887766"
NOW = datetime(2026, 11, 23, 3, 0, 7, tzinfo=UTC)
MANDATE = MandateRequest("W0001", ACCOUNT, "Siti Rahmawati", 40_000, date(2031, 12, 31))
DEBIT = CollectRequest("IU0000000001", "EM-1", "W0001", ACCOUNT, 36_800, NOW - timedelta(hours=1))
TOKEN_PATH, MANDATE_PATH, PAYMENT_PATH = (
    f"/bank/114/v1.0/{name}" for name in ("access-token/b2b", "debit/fast-emandate", "debit/fast-payment")
)
SERVICES = {TOKEN_PATH: "73", MANDATE_PATH: "70", PAYMENT_PATH: "71"}
SERVICE_PATHS = {service: path for path, service in SERVICES.items()}


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    then: Callable[[BaseHTTPRequestHandler], None] | None = None
    """Takes the raw connection instead of answering."""


@dataclass
class Seen:
    path: str
    headers: dict[str, str]
    body: bytes


class LoopbackBank:
    """A scripted bank on a loopback port: token calls succeed unless scripted, others take the next reply."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.token_replies: list[Reply] = []
        self.replies: list[Reply] = []
        self.connections = self.tokens = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.seen.append(Seen(self.path, dict(self.headers.items()), body))
                reply = outer.next_reply(self.path)
                if reply.then:
                    reply.then(self)
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = int(self.server.server_address[1])
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def next_reply(self, path: str) -> Reply:
        if path == TOKEN_PATH:
            self.tokens += 1
            return self.token_replies.pop(0) if self.token_replies else token_reply(f"token-{self.tokens}")
        return self.replies.pop(0) if self.replies else good(path)

    @property
    def calls(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.path != TOKEN_PATH]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def snap_reply(status: int, code: str, **fields: object) -> Reply:
    body = json.dumps({"responseCode": code, "responseMessage": "words", **fields}).encode()
    return Reply(status, body, {"Content-Type": "application/json"})


def token_reply(token: str, expires: object = "900") -> Reply:
    return snap_reply(200, "2007300", accessToken=token, tokenType="Bearer", expiresIn=expires)


def good(path: str) -> Reply:
    if path == MANDATE_PATH:
        return snap_reply(200, "2007000", eMandateReffId="EM-1", customerId="W0001")
    money = {"value": "36800.00", "currency": "IDR"}
    return snap_reply(200, "2007100", referenceNo="BANK-1", partnerReferenceNo="IU0000000001", amount=money)


@pytest.fixture
def bank() -> Iterator[LoopbackBank]:
    bank = LoopbackBank()
    yield bank
    bank.close()


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def base(key: RSAPrivateKey) -> BankSettings:
    return BankSettings(
        code="114",
        product="bifast",
        name="Bank Jatim",
        province="35",
        base_url="",
        path_prefix="/v1.0",
        token_path="/v1.0/access-token/b2b",
        client_id="iuran-114",
        client_secret=SECRET,
        private_key=key,
        partner_id="IURAN",
        channel_id="95231",
        signature_encoding="base64",
        biller_id="IURAN01",
        biller_name="IURAN BPU",
        beneficiary_account_no="1140000001",
        beneficiary_account_name="IURAN BPJS TK",
        reference_max=12,
        bank_code="114",
        connect_timeout_s=1,
        read_timeout_s=5,
    )


def at_port(base: BankSettings, port: int) -> BankSettings:
    return replace(base, base_url=f"http://127.0.0.1:{port}/bank/114")


Maker = Callable[..., BiFast]


@pytest.fixture
def connect(bank: LoopbackBank, base: BankSettings) -> Maker:
    def make(clock: Callable[[], datetime] = lambda: NOW, **changes: Any) -> BiFast:
        return BiFast(replace(at_port(base, bank.port), **changes), clock)

    return make


def ask(bifast: BiFast) -> BankAnswer:
    return bifast.ask(MANDATE)


def collect(bifast: BiFast) -> BankAnswer:
    return bifast.collect(DEBIT)


Act = Callable[[BiFast], BankAnswer]
both = pytest.mark.parametrize(
    ("act", "service"), [pytest.param(ask, "70", id="mandate"), pytest.param(collect, "71", id="payment")]
)
