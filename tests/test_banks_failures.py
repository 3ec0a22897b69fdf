"""Each way an answer can fail, for a mandate and a payment alike, over real sockets."""

import gzip
import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import pytest
import requests

from banks.base import (
    Answer,
    BankAnswer,
    BankRefused,
    BankUnknown,
    BankUnreachable,
    Reason,
)
from banks.bifast import BiFast
from banks.settings import BankSettings
from tests.test_banks_loopback import (
    ACCOUNT,
    MANDATE,
    NOW,
    PAYMENT_PATH,
    SECRET,
    SERVICE_PATHS,
    Act,
    LoopbackBank,
    Maker,
    Reply,
    at_port,
    both,
    collect,
    good,
    snap_reply,
)

pytest_plugins = ["tests.test_banks_loopback"]

# --- how it fails ------------------------------------------------------------------------------------------------


@both
def test_no_connection_is_unreachable(act: Act, service: str, base: BankSettings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        bifast = BiFast(at_port(base, taken.getsockname()[1]), lambda: NOW)
        with pytest.raises(BankUnreachable):
            act(bifast)


@both
def test_a_token_in_hand_and_no_connection_is_unreachable(
    act: Act, service: str, bank: LoopbackBank, connect: Maker
) -> None:
    bifast = connect()
    bank.replies = [Reply(200, good(SERVICE_PATHS[service]).body, {"Connection": "close"})]
    act(bifast)
    bank.server.shutdown()
    bank.server.server_close()
    with pytest.raises(BankUnreachable):
        act(bifast)


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    for _ in range(40):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def raw(text: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(text)

    return write


def unknowns(service: str) -> dict[str, tuple[Reply, str]]:
    ok, yes = (
        f"200{service}00",
        json.dumps({"responseCode": f"200{service}00", "referenceNo": "B", "eMandateReffId": "EM-1"}),
    )
    return {
        "time-out": (Reply(then=lambda _: time.sleep(0.8)), "timeout"),
        "a byte now and then": (Reply(then=drip), "timeout"),
        "cut before an answer": (Reply(then=lambda _: None), "broken"),
        "cut in the body": (Reply(200, yes.encode(), {"Content-Length": "9999", "Connection": "close"}), "broken"),
        "no HTTP": (Reply(then=raw(b"220 mail ready\r\n\r\n")), "broken"),
        "500 in HTML": (Reply(500, b"<html>"), "http500"),
        "500 in SNAP": (snap_reply(500, f"500{service}01"), f"500{service}01"),
        "504": (snap_reply(504, f"504{service}00"), f"504{service}00"),
        "503 from a proxy": (Reply(503, b"busy"), "http503"),
        "broken JSON": (Reply(200, yes.encode()[:-1]), "http200"),
        "not UTF-8": (Reply(200, b'{"responseCode":"\xff"}'), "http200"),
        "deep JSON": (Reply(200, b"[" * 60_000), "http200"),
        "a list": (Reply(200, f"[{yes}]".encode()), "http200"),
        "empty": (Reply(200), "http200"),
        "no code": (Reply(200, b"{}"), "http200"),
        "a code of another service": (snap_reply(200, "2005400"), "http200"),
        "a yes under an error": (snap_reply(403, ok), "http403"),
        "a no under a yes": (snap_reply(200, f"403{service}14"), "http200"),
        "an unlisted yes": (snap_reply(200, f"200{service}77"), f"200{service}77"),
        "moved": (Reply(302, b"", {"Location": f"http://127.0.0.1:1{PAYMENT_PATH}"}), "http302"),
        "too large": (Reply(200, b" " * 70_000 + yes.encode()), "too-large"),
        "compressed": (Reply(200, gzip.compress(yes.encode()), {"Content-Encoding": "gzip"}), "encoded"),
        "wrong mandate or payment": (
            snap_reply(200, ok, referenceNo="B", eMandateReffId="EM-1", partnerReferenceNo="IU9", customerId="W9"),
            "reference",
        ),
        "a no to another reference": (
            snap_reply(403, f"403{service}14", partnerReferenceNo="IU0000000002", customerId="W0002"),
            "reference",
        ),
        "wrong amount": (snap_reply(200, ok, referenceNo="B", eMandateReffId="EM-1", **money("36801.00")), "amount"),
        "an amount in words": (snap_reply(200, ok, referenceNo="B", eMandateReffId="EM-1", **money("NaN")), "amount"),
        "other currency": (
            snap_reply(200, ok, referenceNo="B", eMandateReffId="EM-1", **money("36800.00", "USD")),
            "amount",
        ),
        "no reference of theirs": (snap_reply(200, ok), "no-reference"),
        "an endless reference": (snap_reply(200, ok, referenceNo="B" * 65), "no-reference"),
        "a duplicate": (snap_reply(409, f"409{service}01"), f"409{service}01"),
    }


def money(value: str, currency: str = "IDR") -> dict[str, object]:
    return {name: {"value": value, "currency": currency} for name in ("amount", "maxAmount")}


@both
@pytest.mark.parametrize("name", unknowns("71"))
def test_after_sending_whatever_is_no_clear_answer_is_unknown_and_sent_once(
    act: Act, service: str, name: str, bank: LoopbackBank, connect: Maker
) -> None:
    reply, code = unknowns(service)[name]
    bifast = connect(read_timeout_s=0.4)
    bank.replies = [reply] * 3
    with pytest.raises(BankUnknown) as caught:
        act(bifast)
    assert caught.value.code == code
    assert len(bank.calls) == 1


@both
def test_in_progress_is_pending(act: Act, service: str, bank: LoopbackBank, connect: Maker) -> None:
    bank.replies = [snap_reply(202, f"202{service}00")]
    assert act(connect()) == BankAnswer(Answer.PENDING, "")


@both
@pytest.mark.parametrize(
    ("http", "case", "reason"),
    [
        (403, "14", Reason.NO_FUNDS),
        (403, "02", Reason.LIMIT),
        (403, "06", Reason.NOT_NOW),
        (403, "18", Reason.ACCOUNT),
        (404, "04", Reason.HOLDER),
        (400, "02", Reason.OURS),
        (401, "00", Reason.OURS),
        (429, "00", Reason.NOT_NOW),
    ],
)
def test_a_definite_no_is_refused_for_its_reason(
    act: Act, service: str, http: int, case: str, reason: Reason, bank: LoopbackBank, connect: Maker
) -> None:
    bank.replies = [snap_reply(http, f"{http}{service}{case}", partnerReferenceNo="", referenceNo=None)] * 3
    with pytest.raises(BankRefused) as caught:
        act(connect())
    assert (caught.value.reason, caught.value.code) == (reason, f"{http}{service}{case}")
    assert len(bank.calls) == 1


@both
def test_an_external_id_used_today_is_changed_once(act: Act, service: str, bank: LoopbackBank, connect: Maker) -> None:
    bank.replies = [snap_reply(409, f"409{service}00")]
    assert act(connect()).answer is Answer.DONE
    first, second = bank.calls
    assert first.headers["X-EXTERNAL-ID"] != second.headers["X-EXTERNAL-ID"]
    assert first.body == second.body


@both
def test_an_external_id_used_twice_is_unknown(act: Act, service: str, bank: LoopbackBank, connect: Maker) -> None:
    bank.replies = [snap_reply(409, f"409{service}00")] * 5
    with pytest.raises(BankUnknown):
        act(connect())
    assert len(bank.calls) == 2


def test_an_amount_written_another_way_is_the_same_amount(bank: LoopbackBank, connect: Maker) -> None:
    bank.replies = [snap_reply(200, "2007100", referenceNo="B", amount={"value": "36800", "currency": "IDR"})]
    assert collect(connect()).reference == "B"


@both
def test_no_secret_account_or_name_is_in_what_fails(act: Act, service: str, bank: LoopbackBank, connect: Maker) -> None:
    bifast = connect(read_timeout_s=0.3)
    for reply in (
        Reply(then=lambda _: time.sleep(0.5)),
        Reply(500, ACCOUNT.encode()),
        snap_reply(403, f"403{service}14"),
    ):
        bank.replies = [reply]
        with pytest.raises((BankUnknown, BankRefused)) as caught:
            act(bifast)
        error: BaseException | None = caught.value
        while error is not None:
            shown = f"{error!r} {error} {vars(error)}"
            assert not any(secret in shown for secret in (SECRET, ACCOUNT, "Siti", "token-", "Bearer"))
            assert not isinstance(error, requests.RequestException)
            error = error.__cause__ or error.__context__


@pytest.mark.parametrize("max_amount_rp", [0, -1, 10**13])
def test_a_mandate_without_a_maximum_is_never_asked_for(max_amount_rp: int, bank: LoopbackBank, connect: Maker) -> None:
    with pytest.raises(BankRefused, match="ours not-sent:amount"):
        connect().ask(replace(MANDATE, max_amount_rp=max_amount_rp))
    assert bank.seen == []
