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

from banks.asked import CollectRequest, MandateRequest
from banks.base import BankAnswer
from banks.bifast import BiFast
from banks.settings import BankSettings
from banks.snap_debit import SnapDebit

SECRET = "hush-hush-hush"
ACCOUNT = "1140099887766"
BANK_KEY = generate_private_key(65537, 2048)
NOW = datetime(2026, 11, 23, 3, 0, 7, tzinfo=UTC)
MANDATE = MandateRequest("W0001", ACCOUNT, "Siti Rahmawati", 40_000, date(2031, 12, 31))
DEBIT = CollectRequest("IU0000000001", "EM-1", "W0001", ACCOUNT, 36_800, NOW - timedelta(hours=1))
SERVICE_PATHS = {
    service: f"/bank/114/v1.0/{name}"
    for service, name in {
        "73": "access-token/b2b",
        "70": "debit/fast-emandate",
        "71": "debit/fast-payment",
        "07": "registration-account-binding",
        "04": "otp-verification",
        "81": "otp",
        "08": "registration-account-inquiry",
        "09": "registration-account-unbinding",
        "54": "debit/payment-host-to-host",
        "55": "debit/status",
        "57": "debit/cancel",
        "58": "debit/refund",
    }.items()
}
SERVICES = {path: service for service, path in SERVICE_PATHS.items()}
TOKEN_PATH, MANDATE_PATH, PAYMENT_PATH = (SERVICE_PATHS[service] for service in ("73", "70", "71"))


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
            request_queue_size = 64

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


_MONEY = {"value": "36800.00", "currency": "IDR"}
_PAID: dict[str, object] = {"referenceNo": "BANK-1", "partnerReferenceNo": "IU0000000001", "amount": _MONEY}
_ORIGINAL = {"originalPartnerReferenceNo": "IU0000000001", "originalReferenceNo": "BANK-1"}
_BOUND = {"accountToken": "tok-1", "linkId": "LINK-1"}
_GOOD: dict[str, dict[str, object]] = {
    "70": {"eMandateReffId": "EM-1", "customerId": "W0001"},
    "71": _PAID,
    "07": {"referenceNo": "BIND-1", "nextAction": "OTP", "additionalInfo": {"journeyId": "JOURNEY-1"}},
    "04": {"originalReferenceNo": "BIND-1", **_BOUND},
    "81": {"chargeToken": "CHARGE-1"},
    "08": {"partnerReferenceNo": "W0001", **_BOUND},
    "09": {"linkId": "LINK-1"},
    "54": _PAID,
    "55": {**_ORIGINAL, "latestTransactionStatus": "00", "amount": _MONEY},
    "57": {**_ORIGINAL, "cancelTime": "2026-11-23T10:00:07+07:00"},
    "58": {**_ORIGINAL, "refundNo": "BACK-1", "partnerRefundNo": "RF0000000001", "refundAmount": _MONEY},
}


def good(path: str) -> Reply:
    service = SERVICES[path]
    return snap_reply(200, f"200{service}00", **_GOOD[service])


def changed(service: str, **fields: object) -> Reply:
    """The good answer with other fields; None leaves one out."""
    kept = {name: value for name, value in {**_GOOD[service], **fields}.items() if value is not None}
    return snap_reply(200, f"200{service}00", **kept)


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
        merchant_id="IURAN-M",
        otp=True,
        status_service_code="55",
        reference_max=12,
        bank_code="114",
        connect_timeout_s=1,
        read_timeout_s=5,
    )


@pytest.fixture(scope="module")
def told(base: BankSettings) -> BankSettings:
    """The same bank with the key that it signs its notices by."""
    return replace(base, notice_key=BANK_KEY.public_key())


def at_port(base: BankSettings, port: int) -> BankSettings:
    return replace(base, base_url=f"http://127.0.0.1:{port}/bank/114")


Maker = Callable[..., BiFast]


@pytest.fixture
def connect(bank: LoopbackBank, base: BankSettings) -> Maker:
    def make(clock: Callable[[], datetime] = lambda: NOW, **changes: Any) -> BiFast:
        return BiFast(replace(at_port(base, bank.port), **changes), clock)

    return make


DebitMaker = Callable[..., SnapDebit]


@pytest.fixture
def connect_debit(bank: LoopbackBank, base: BankSettings) -> DebitMaker:
    def make(clock: Callable[[], datetime] = lambda: NOW, **changes: Any) -> SnapDebit:
        return SnapDebit(replace(at_port(base, bank.port), product="snap_debit", **changes), clock)

    return make


def ask(bifast: BiFast) -> BankAnswer:
    return bifast.ask(MANDATE)


def collect(bifast: BiFast) -> BankAnswer:
    return bifast.collect(DEBIT)


Act = Callable[[BiFast], BankAnswer]
both = pytest.mark.parametrize(
    ("act", "service"), [pytest.param(ask, "70", id="mandate"), pytest.param(collect, "71", id="payment")]
)
