"""Africa's Talking's SMS over real sockets: what is posted, over one connection, and each way an answer can fail."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from gateways.africastalking import AfricasTalkingSms
from gateways.base import Accepted, GatewayStopped, SendRefused, SendUnknown, SendUnreachable, SmsGateway

PHONE = "+6281234567890"
TEXT = "Iuran Rp36.800 Des 2026 diterima, menunggu pencatatan BPJS & *#"
API_KEY = "atsk_hush_hush"


@dataclass
class Reply:
    status: int = 201
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    then: Callable[[BaseHTTPRequestHandler], None] | None = None
    """Takes the raw connection instead of answering."""


class LoopbackGateway:
    """Answers each post with the next scripted reply, or with an accepted message."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], dict[str, list[str]]]] = []
        self.replies: list[Reply] = []
        self.connections = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.seen.append((self.path, dict(self.headers.items()), parse_qs(body, keep_blank_values=True)))
                reply = outer.replies.pop(0) if outer.replies else sent()
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
        self.port = int(self.server.server_address[1])
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def answer(*recipients: object, message: object = "Sent to 1/1 Total Cost: IDR 300.0000") -> bytes:
    return json.dumps({"SMSMessageData": {"Message": message, "Recipients": list(recipients)}}).encode()


def recipient(code: object = 101, **changes: object) -> dict[str, object]:
    made = {"statusCode": code, "number": PHONE, "status": "Success", "cost": "IDR 300.0000", "messageId": "ATXid_1"}
    return {**made, **changes}


def sent(code: object = 101, **changes: object) -> Reply:
    return Reply(body=answer(recipient(code, **changes)))


@pytest.fixture
def gateway() -> Iterator[LoopbackGateway]:
    gateway = LoopbackGateway()
    yield gateway
    gateway.close()


def client(port: int, sender_id: str = "IURAN") -> AfricasTalkingSms:
    url = f"http://127.0.0.1:{port}/version1"
    return AfricasTalkingSms("iuran", API_KEY, sender_id=sender_id, url=url, timeout_s=(1, 0.4))


# --- what is posted ----------------------------------------------------------------------------------------------


def test_a_text_is_posted_as_the_company_documents(gateway: LoopbackGateway) -> None:
    sms: SmsGateway = client(gateway.port)
    assert sms.send(PHONE, TEXT) == Accepted("ATXid_1", "IDR 300.0000")
    ((path, headers, form),) = gateway.seen
    assert path == "/version1/messaging"
    assert (headers["apiKey"], headers["Accept"]) == (API_KEY, "application/json")
    assert form == {"username": ["iuran"], "to": [PHONE], "message": [TEXT], "bulkSMSMode": ["1"], "from": ["IURAN"]}


def test_no_sender_is_sent_where_none_is_registered(gateway: LoopbackGateway) -> None:
    client(gateway.port, sender_id="").send(PHONE, TEXT)
    assert "from" not in gateway.seen[0][2]


def test_several_texts_take_one_connection_refused_ones_too(gateway: LoopbackGateway) -> None:
    sms = client(gateway.port)
    gateway.replies = [sent(), sent(403), sent(), Reply(429, b"slow down"), sent(), sent()]
    for _ in range(6):
        try:
            sms.send(PHONE, TEXT)
        except (SendRefused, SendUnreachable):
            continue
    assert (len(gateway.seen), gateway.connections) == (6, 1)


def test_two_clients_do_not_share_an_address(gateway: LoopbackGateway) -> None:
    other = LoopbackGateway()
    try:
        first, second = client(gateway.port), client(other.port)
        first.send(PHONE, TEXT)
        second.send(PHONE, TEXT)
        assert (len(gateway.seen), len(other.seen)) == (1, 1)
    finally:
        other.close()


# --- accepted ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "accepted"),
    [
        (sent(100), Accepted("ATXid_1", "IDR 300.0000")),
        (sent(102), Accepted("ATXid_1", "IDR 300.0000")),
        (sent("101"), Accepted("ATXid_1", "IDR 300.0000")),
        (sent(messageId="None", cost="0"), Accepted("", "0")),
        (sent(messageId=None, cost=None), Accepted("", "")),
        (sent(messageId="x" * 101, cost="x" * 33), Accepted("", "")),
        (sent(messageId="a\nb", cost=3), Accepted("", "")),
        (sent(number=PHONE.lstrip("+")), Accepted("ATXid_1", "IDR 300.0000")),
        (sent(number=None), Accepted("ATXid_1", "IDR 300.0000")),
        (
            Reply(200, answer(recipient()), {"Content-Type": "application/json; charset=utf-8"}),
            Accepted("ATXid_1", "IDR 300.0000"),
        ),
        (Reply(201, answer(recipient()), {"Content-Type": "text/html"}), Accepted("ATXid_1", "IDR 300.0000")),
    ],
)
def test_an_accepted_text(reply: Reply, accepted: Accepted, gateway: LoopbackGateway) -> None:
    gateway.replies = [reply]
    assert client(gateway.port).send(PHONE, TEXT) == accepted


# --- how it fails ------------------------------------------------------------------------------------------------


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n")
    for _ in range(40):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def stop(message: object) -> Reply:
    return Reply(body=answer(message=message))


FAILURES: dict[str, tuple[Reply, type[Exception], str]] = {
    **{f"code {code}": (sent(code), GatewayStopped, str(code)) for code in (401, 402, 405)},
    **{f"code {code}": (sent(code), SendRefused, str(code)) for code in (403, 404, 406, 407, 409, 502)},
    **{f"code {code}": (sent(code), SendUnreachable, str(code)) for code in (500, 501)},
    **{f"code {code!r}": (sent(code), SendUnknown, "status") for code in (99, 103, 503, True, None, "1O1", "", [101])},
    "nobody": (stop("InvalidSenderId"), GatewayStopped, "InvalidSenderId"),
    "nobody, with a number": (stop(f"Blocked {PHONE} <b>!"), GatewayStopped, "Blocked b"),
    "nobody, no words": (stop(None), GatewayStopped, "no-recipients"),
    "nobody, many words": (stop("x" * 9000), GatewayStopped, "x" * 40),
    "two": (Reply(body=answer(recipient(), recipient())), SendUnknown, "recipients"),
    "another": (sent(number="+6281234567891"), SendUnknown, "recipient"),
    "not a list": (Reply(body=b'{"SMSMessageData":{"Recipients":{}}}'), SendUnknown, "recipients"),
    "no recipients": (Reply(body=b'{"SMSMessageData":{"Message":"x"}}'), SendUnknown, "recipients"),
    "recipient is text": (Reply(body=answer("x")), SendUnknown, "recipients"),
    "no data": (Reply(body=b"{}"), SendUnknown, "undecodable"),
    "a string": (Reply(body=b'"Sent"'), SendUnknown, "undecodable"),
    "text": (Reply(200, b"Sent to 1/1", {"Content-Type": "text/plain"}), SendUnknown, "undecodable"),
    "empty": (Reply(200), SendUnknown, "undecodable"),
    "broken JSON": (Reply(body=answer(recipient())[:-1]), SendUnknown, "undecodable"),
    "not UTF-8": (Reply(body=b"\xff\xfe\xfd"), SendUnknown, "undecodable"),
    "deep": (Reply(body=b"[" * 60_000), SendUnknown, "undecodable"),
    "huge": (Reply(body=b" " * 70_000 + answer(recipient())), SendUnknown, "too-large"),
    "compressed": (
        Reply(201, gzip.compress(answer(recipient())), {"Content-Encoding": "gzip"}),
        SendUnknown,
        "encoded",
    ),
    "401": (Reply(401, b"The supplied authentication is invalid"), GatewayStopped, "http401"),
    "403": (Reply(403, b""), GatewayStopped, "http403"),
    "404": (Reply(404, b""), GatewayStopped, "http404"),
    "302": (Reply(302, b"", {"Location": "http://127.0.0.1:1/"}), GatewayStopped, "http302"),
    "400": (Reply(400, b"bad"), SendRefused, "http400"),
    "409": (Reply(409, b"dnd"), SendRefused, "http409"),
    "429": (Reply(429, b""), SendUnreachable, "http429"),
    "408": (Reply(408, b""), SendUnknown, "http408"),
    "500": (Reply(500, b""), SendUnknown, "http500"),
    "503": (Reply(503, b""), SendUnknown, "http503"),
    "time-out": (Reply(then=lambda _: time.sleep(0.8)), SendUnknown, "timeout"),
    "a byte now and then": (Reply(then=drip), SendUnknown, "timeout"),
    "cut before an answer": (Reply(then=lambda _: None), SendUnknown, "broken"),
    "cut in the body": (
        Reply(201, answer(recipient()), {"Content-Length": "9999", "Connection": "close"}),
        SendUnknown,
        "broken",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_is_one_of_the_four_and_is_posted_once(name: str, gateway: LoopbackGateway) -> None:
    reply, kind, code = FAILURES[name]
    gateway.replies = [reply] * 3
    with pytest.raises((SendRefused, SendUnreachable, SendUnknown)) as caught:
        client(gateway.port).send(PHONE, TEXT)
    assert type(caught.value) is kind
    assert str(caught.value).removeprefix("gateway refused: ") == code
    assert len(gateway.seen) == 1


def test_no_connection_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(SendUnreachable):
            client(taken.getsockname()[1]).send(PHONE, TEXT)


def test_a_listener_that_takes_no_more_connections_is_unreachable() -> None:
    """A full backlog drops the handshake, so connecting runs into its time-out."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            time.sleep(0.05)
            with pytest.raises(SendUnreachable, match="connection"):
                client(full.getsockname()[1]).send(PHONE, TEXT)
        finally:
            for one in waiting:
                one.close()


@pytest.mark.parametrize("name", ["time-out", "cut before an answer", "nobody, with a number", "401", "code 403"])
def test_no_key_number_or_text_is_in_what_fails(name: str, gateway: LoopbackGateway) -> None:
    gateway.replies = [FAILURES[name][0]]
    sms = client(gateway.port)
    assert API_KEY not in repr(sms)
    with pytest.raises((SendRefused, SendUnreachable, SendUnknown)) as caught:
        sms.send(PHONE, TEXT)
    error: BaseException | None = caught.value
    while error is not None:
        shown = f"{error!r} {vars(error)}"
        assert not any(secret in shown for secret in (API_KEY, PHONE, PHONE[3:], "Iuran"))
        assert not isinstance(error, requests.RequestException)
        error = error.__cause__ or error.__context__
