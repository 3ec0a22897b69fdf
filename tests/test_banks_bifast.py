"""What BiFast sends and how it holds its tokens, over real sockets."""

import base64
import json
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from banks.asked import CollectRequest
from banks.base import Answer, BankAnswer, BankRefused, BankUnreachable, LaneRules, Reason
from banks.bifast import BiFast
from banks.connect import connect_banks
from banks.settings import BankSettings
from banks.snap_debit import SnapDebit
from tests.test_banks_loopback import (
    ACCOUNT,
    DEBIT,
    MANDATE_PATH,
    NOW,
    PAYMENT_PATH,
    SECRET,
    SERVICES,
    Act,
    LoopbackBank,
    Maker,
    Reply,
    ask,
    at_port,
    both,
    collect,
    snap_reply,
    token_reply,
)

pytest_plugins = ["tests.test_banks_loopback"]

# --- what is sent ------------------------------------------------------------------------------------------------


def test_a_mandate_request_carries_the_fields_of_service_70(bank: LoopbackBank, connect: Maker) -> None:
    assert ask(connect()) == BankAnswer(Answer.DONE, "EM-1")
    (sent,) = bank.calls
    assert sent.path == MANDATE_PATH
    assert json.loads(sent.body) == {
        "bankCode": "114",
        "sourceAccountNo": ACCOUNT,
        "sourceAccountName": "Siti Rahmawati",
        "maxAmount": {"value": "40000.00", "currency": "IDR"},
        "billerId": "IURAN01",
        "billerName": "IURAN BPU",
        "customerId": "W0001",
        "expiredDatetime": "2031-12-31T23:59:59+07:00",
    }


def test_a_payment_carries_the_fields_of_service_71(bank: LoopbackBank, connect: Maker) -> None:
    assert collect(connect(bank_code="PDJTIDJ1")) == BankAnswer(Answer.DONE, "BANK-1")
    (sent,) = bank.calls
    assert sent.path == PAYMENT_PATH
    assert json.loads(sent.body) == {
        "partnerReferenceNo": "IU0000000001",
        "customerReference": "W0001",
        "beneficiaryAccountNo": "1140000001",
        "beneficiaryAccountName": "IURAN BPJS TK",
        "transactionDate": "2026-11-23T09:00:07+07:00",
        "bankCode": "PDJTIDJ1",
        "sourceAccountNo": ACCOUNT,
        "amount": {"value": "36800.00", "currency": "IDR"},
        "eMandateReffId": "EM-1",
    }


@both
@pytest.mark.parametrize("encoding", ["base64", "hex"])
def test_openssl_verifies_what_arrived_on_the_wire(
    act: Act, service: str, encoding: str, bank: LoopbackBank, connect: Maker, key: RSAPrivateKey, tmp_path: Path
) -> None:
    act(connect(signature_encoding=encoding))
    token_call, sent = bank.seen
    assert SERVICES[sent.path] == service

    def raw(signature: str) -> bytes:
        return bytes.fromhex(signature) if encoding == "hex" else base64.b64decode(signature)

    body_hash = subprocess.run(["openssl", "dgst", "-sha256", "-r"], input=sent.body, capture_output=True, check=True)
    text = f"POST:{sent.path}:token-1:{body_hash.stdout.split()[0].decode()}:{sent.headers['X-TIMESTAMP']}"
    hmac = subprocess.run(
        ["openssl", "dgst", "-sha512", "-hmac", SECRET, "-binary"], input=text.encode(), capture_output=True, check=True
    )
    assert raw(sent.headers["X-SIGNATURE"]) == hmac.stdout
    (tmp_path / "public.pem").write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "signature").write_bytes(raw(token_call.headers["X-SIGNATURE"]))
    check = ["openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature"]
    text = f"iuran-114|{token_call.headers['X-TIMESTAMP']}"
    assert subprocess.run(check, input=text.encode(), capture_output=True, check=True, cwd=tmp_path).stdout


@both
def test_the_headers_are_snaps(act: Act, service: str, bank: LoopbackBank, connect: Maker) -> None:
    act(connect())
    token_call, sent = bank.seen
    assert token_call.body == b'{"grantType":"client_credentials"}'
    assert token_call.headers["X-CLIENT-KEY"] == "iuran-114"
    expected = {
        "Content-Type": "application/json",
        "Authorization": "Bearer token-1",
        "X-TIMESTAMP": "2026-11-23T10:00:07+07:00",
        "X-PARTNER-ID": "IURAN",
        "CHANNEL-ID": "95231",
    }
    assert {name: sent.headers.get(name) for name in expected} == expected
    assert re.fullmatch(r"[0-9]{32}", sent.headers["X-EXTERNAL-ID"])


def test_many_debits_take_one_connection_one_token_and_new_ids(bank: LoopbackBank, connect: Maker) -> None:
    bifast = connect()
    for _ in range(5):
        collect(bifast)
    assert (bank.connections, bank.tokens) == (1, 1)
    assert len({seen.headers["X-EXTERNAL-ID"] for seen in bank.calls}) == 5
    assert len({seen.body for seen in bank.calls}) == 1


def test_connect_banks_gives_each_bank_by_its_code(bank: LoopbackBank, base: BankSettings) -> None:
    bound = replace(base, code="113", product="snap_debit", rules=LaneRules(parallel_max=1))
    banks = connect_banks({"114": at_port(base, bank.port), "113": bound})
    assert {code: (one.code, type(one)) for code, one in banks.items()} == {
        "114": ("114", BiFast),
        "113": ("113", SnapDebit),
    }
    assert (banks["114"].rules, banks["113"].rules.parallel_max) == (LaneRules(), 1)
    assert banks["114"].collect(DEBIT).answer is Answer.DONE


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"reference": "IU00000000012"}, "partnerReferenceNo"),
        ({"reference": ""}, "partnerReferenceNo"),
        ({"account_no": "1" * 35}, "sourceAccountNo"),
        ({"customer_id": "w" * 31}, "customerReference"),
        ({"mandate_reference": ""}, "eMandateReffId"),
        ({"amount_rp": 0}, "amount"),
        ({"amount_rp": -36_800}, "amount"),
        ({"amount_rp": 10**13}, "amount"),
    ],
)
def test_what_the_bank_could_not_take_whole_is_never_sent(
    changes: dict[str, Any], named: str, bank: LoopbackBank, connect: Maker
) -> None:
    values = {name: getattr(DEBIT, name) for name in DEBIT.__dataclass_fields__} | changes
    with pytest.raises(BankRefused, match=f"ours not-sent:{named}$"):
        connect().collect(CollectRequest(**values))
    assert bank.seen == []


# --- tokens ------------------------------------------------------------------------------------------------------


def test_a_token_lives_fifteen_minutes_less_a_minute(bank: LoopbackBank, connect: Maker) -> None:
    at = [NOW]
    bifast = connect(lambda: at[0])
    for seconds, tokens in ((0, 1), (839, 1), (840, 2), (1000, 2)):
        at[0] = NOW + timedelta(seconds=seconds)
        collect(bifast)
        assert bank.tokens == tokens


@pytest.mark.parametrize(("expires", "life_s"), [("120", 60), (120, 60), ("soon", 840), (None, 840), ("999999", 840)])
def test_a_token_lives_as_long_as_the_bank_says_at_most_the_standard(
    expires: object, life_s: int, bank: LoopbackBank, connect: Maker
) -> None:
    at = [NOW]
    bank.token_replies = [token_reply("first", expires)]
    bifast = connect(lambda: at[0])
    collect(bifast)
    at[0] = NOW + timedelta(seconds=life_s - 1)
    collect(bifast)
    assert bank.tokens == 1
    at[0] = NOW + timedelta(seconds=life_s)
    collect(bifast)
    assert bank.tokens == 2


def test_many_threads_fetch_one_token(bank: LoopbackBank, connect: Maker) -> None:
    bifast = connect()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: collect(bifast), range(24)))
    assert {answer.answer for answer in answers} == {Answer.DONE}
    assert bank.tokens == 1


def test_fifty_threads_with_an_expired_token_make_one_request_for_a_new_one(bank: LoopbackBank, connect: Maker) -> None:
    at = [NOW]
    bifast = connect(lambda: at[0])
    collect(bifast)
    at[0] = NOW + timedelta(seconds=900)
    together = threading.Barrier(50)

    def one(_: int) -> Answer:
        together.wait()
        return collect(bifast).answer

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(one, range(50))) == {Answer.DONE}
    assert bank.tokens == 2
    assert {call.headers["Authorization"] for call in bank.calls[1:]} == {"Bearer token-2"}


def test_threads_that_waited_for_a_failed_token_do_not_each_try_again(bank: LoopbackBank, connect: Maker) -> None:
    bank.token_replies = [Reply(then=lambda _: time.sleep(0.6))] * 8
    bifast = connect(read_timeout_s=0.3)

    def fails(_: int) -> bool:
        with pytest.raises(BankUnreachable):
            collect(bifast)
        return True

    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(fails, range(8)))
    assert time.monotonic() - started < 1.2
    assert bank.calls == []


@both
@pytest.mark.parametrize("case", ["01", "03"])
def test_a_token_turned_away_is_fetched_once_and_the_request_sent_again(
    act: Act, service: str, case: str, bank: LoopbackBank, connect: Maker
) -> None:
    bank.replies = [snap_reply(401, f"401{service}{case}")]
    assert act(connect()).answer is Answer.DONE
    first, second = bank.calls
    assert (first.headers["Authorization"], second.headers["Authorization"]) == ("Bearer token-1", "Bearer token-2")
    assert first.headers["X-EXTERNAL-ID"] != second.headers["X-EXTERNAL-ID"]
    assert first.body == second.body


@both
def test_a_token_turned_away_twice_is_our_fault(act: Act, service: str, bank: LoopbackBank, connect: Maker) -> None:
    bank.replies = [snap_reply(401, f"401{service}01")] * 5
    with pytest.raises(BankRefused) as caught:
        act(connect())
    assert (caught.value.reason, caught.value.code) == (Reason.OURS, f"401{service}01")
    assert len(bank.calls) == 2


TOKEN_UNREACHABLE = {
    "500": Reply(500, b"oops"),
    "snap 500": snap_reply(500, "5007300"),
    "429": snap_reply(429, "4297300"),
    "html": Reply(200, b"<html>"),
    "no token": snap_reply(200, "2007300"),
    "two-line token": token_reply("a\r\nX-Evil: 1"),
    "foreign token": token_reply("ключ"),
    "empty token": token_reply(""),
    "huge": Reply(200, b" " * 70_000),
    "other service": snap_reply(401, "4017100"),
    "202": snap_reply(202, "2027300"),
    "cut": Reply(then=lambda _: None),
}


@both
@pytest.mark.parametrize("name", TOKEN_UNREACHABLE)
def test_without_a_token_nothing_was_sent(
    act: Act, service: str, name: str, bank: LoopbackBank, connect: Maker
) -> None:
    bank.token_replies = [TOKEN_UNREACHABLE[name]]
    with pytest.raises(BankUnreachable):
        act(connect())
    assert bank.calls == []


@both
def test_a_token_that_is_refused_is_our_fault(act: Act, service: str, bank: LoopbackBank, connect: Maker) -> None:
    bank.token_replies = [snap_reply(401, "4017300")]
    with pytest.raises(BankRefused) as caught:
        act(connect())
    assert (caught.value.reason, caught.value.code) == (Reason.OURS, "4017300")
    assert bank.calls == []
