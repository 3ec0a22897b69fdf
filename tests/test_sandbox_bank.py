"""The sandbox bank over real HTTP: it books what it says it booked, and misbehaves on cue."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from tests.bank_client import HANG_S, Client, Hand, code_of, new_account, new_reference, without_none

pytestmark = pytest.mark.xdist_group("sandbox-bank")


# --- 70: the mandate


def test_a_mandate_has_a_reference_and_the_same_request_again_has_the_same(client: Client) -> None:
    account = new_account()
    first = client.mandate(account)
    assert 0 < len(first) <= 30
    assert client.mandate(account) == first
    assert client.mandate(account, maxAmount={"value": "50000.00", "currency": "IDR"}) != first
    mine = [mandate for mandate in client.book()["mandates"] if mandate["accountNo"] == account]
    assert [(m["customerId"], m["max_amount_rp"]) for m in mine] == [("W-1", 36800), ("W-1", 50000)]


def test_every_field_of_a_mandate_is_checked(jatim: Client) -> None:
    past = (jatim.clock.now - timedelta(seconds=1)).isoformat(timespec="seconds")
    wrong: list[tuple[str, Any, str]] = [
        ("bankCode", "113", "4007001"),
        ("sourceAccountNo", "1" * 20, "4007001"),
        ("sourceAccountNo", 1234567890, "4007001"),
        ("sourceAccountNo", "123456789", "4047011"),
        ("sourceAccountNo", "1" * 17, "4047011"),
        ("sourceAccountNo", "12345x7890", "4047011"),
        ("sourceAccountName", "x" * 101, "4007001"),
        ("maxAmount", {"value": "36800", "currency": "IDR"}, "4007001"),
        ("billerId", "OTHER", "4017000"),
        ("billerName", "x" * 51, "4007001"),
        ("customerId", "x" * 46, "4007001"),
        ("expiredDatetime", "2027-11-23", "4007001"),
        ("expiredDatetime", past, "4007001"),
    ]
    wrong += [
        (name, nothing, "4007002") for name in jatim.mandate_body("1") if name != "maxAmount" for nothing in (None, "")
    ]
    for name, value, code in wrong:
        body = jatim.mandate_body(**{"account_no": new_account(), name: value})
        assert (name, value, code_of(jatim.post("fast-emandate", body))) == (name, value, code)


def test_a_body_that_is_no_json_object_is_a_bad_request(jatim: Client) -> None:
    for raw in (b"", b"[]", b"{", b'"x"', b"\xff", b"[" * 60_000):
        assert code_of(jatim.post("fast-emandate", raw)) == "4007000"


def test_the_first_mandate_names_the_holder_and_another_name_is_refused(jatim: Client) -> None:
    account = new_account()
    jatim.mandate(account)
    jatim.mandate(account, sourceAccountName="siti  rahma", customerId="W-2")
    other = jatim.mandate_body(account, sourceAccountName="BUDI")
    assert code_of(jatim.post("fast-emandate", other)) == "4047011"


# --- 71: the payment


def test_a_payment_is_debited_once_however_often_it_is_sent(client: Client) -> None:
    account, reference = new_account(), new_reference()
    mandate = client.mandate(account)
    first = client.pay(account, mandate, reference)
    assert code_of(first) == "2007100"
    assert first.json()["partnerReferenceNo"] == reference
    assert [code_of(client.pay(account, mandate, reference)) for _ in range(3)] == ["4097101"] * 3
    [debit] = client.debits_of(account)
    assert debit["referenceNo"] == first.json()["referenceNo"]
    assert (debit["partnerReferenceNo"], debit["amount_rp"], debit["status"]) == (reference, 28400, "booked")


def test_twelve_sends_at_once_are_one_debit(jatim: Client) -> None:
    account, reference = new_account(), new_reference()
    mandate = jatim.mandate(account)
    jatim.token()
    start = threading.Barrier(12)

    def pay(_: int) -> str:
        start.wait()
        return code_of(jatim.pay(account, mandate, reference))

    with ThreadPoolExecutor(12) as pool:
        codes = sorted(pool.map(pay, range(12)))
    assert codes == ["2007100"] + ["4097101"] * 11
    assert len(jatim.debits_of(account)) == 1


def test_the_slower_of_two_sends_finds_the_debit_of_the_faster(jatim: Client, bank_database: str) -> None:
    account, reference = new_account(), new_reference()
    mandate = jatim.mandate(account)
    row = ("114", reference, "X", mandate, account, 28400, "booked")
    with ThreadPoolExecutor(1) as pool, psycopg.connect(bank_database) as faster:
        faster.execute("INSERT INTO sandbox.debits VALUES (%s, %s, %s, %s, %s, %s, %s, now())", row)
        slower = pool.submit(jatim.pay, account, mandate, reference)
        with pytest.raises(TimeoutError):
            slower.result(0.5)
        faster.commit()
        assert code_of(slower.result()) == "4097101"
    assert [debit["referenceNo"] for debit in jatim.debits_of(account)] == ["X"]


def test_another_payment_under_a_booked_reference_is_inconsistent_and_debits_nothing(jatim: Client) -> None:
    account, reference = new_account(), new_reference()
    mandate = jatim.mandate(account)
    jatim.pay(account, mandate, reference)
    other = jatim.pay(account, mandate, reference, amount={"value": "28401.00", "currency": "IDR"})
    assert code_of(other) == "4047118"
    assert [debit["amount_rp"] for debit in jatim.debits_of(account)] == [28400]


def test_every_field_of_a_payment_is_checked_and_nothing_is_debited(jatim: Client) -> None:
    account = new_account()
    mandate = jatim.mandate(account)
    wrong: list[tuple[str, Any, str]] = [
        ("partnerReferenceNo", "x" * 13, "4007101"),
        ("customerReference", "x" * 31, "4007101"),
        ("beneficiaryAccountNo", "1140000002", "4047111"),
        ("beneficiaryAccountName", "x" * 101, "4007101"),
        ("transactionDate", "23-11-2026", "4007101"),
        ("bankCode", "110", "4007101"),
        ("sourceAccountNo", new_account(), "4047111"),
        ("eMandateReffId", "EM114nobody", "4047111"),
        ("eMandateReffId", "x" * 31, "4007101"),
        ("amount", "28400.00", "4007101"),
        ("amount", {"value": "28400.00"}, "4007102"),
        ("amount", {"value": "28400.00", "currency": "USD"}, "4007101"),
        ("amount", {"value": "36801.00", "currency": "IDR"}, "4037102"),
    ]
    wrong += [
        ("amount", {"value": value, "currency": "IDR"}, "4007101")
        for value in ("28400", "28400.0", "28400.50", "28.400,00", "-1.00", "0.00", "028400.00", 28400, "1e5", "2٢.00")
    ]
    wrong += [(name, None, "4007102") for name in jatim.payment_body("1", "2", "3")]
    for name, value, code in wrong:
        body = {**jatim.payment_body(account, mandate, new_reference()), name: value}
        assert (name, value, code_of(jatim.post("fast-payment", without_none(body)))) == (name, value, code)
    assert jatim.debits_of(account) == []


def test_a_payment_of_the_maximum_passes(jatim: Client) -> None:
    account = new_account()
    amount = {"value": "36800.00", "currency": "IDR"}
    assert code_of(jatim.pay(account, jatim.mandate(account), new_reference(), amount=amount)) == "2007100"


def test_a_mandate_past_its_end_pays_nothing(jatim: Client) -> None:
    account = new_account()
    end = (jatim.clock.now + timedelta(minutes=10)).isoformat(timespec="seconds")
    mandate = jatim.mandate(account, expiredDatetime=end)
    jatim.clock.now += timedelta(minutes=10)
    assert code_of(jatim.pay(account, mandate, new_reference())) == "4037115"
    assert jatim.debits_of(account) == []


def test_a_mandate_of_one_bank_is_unknown_at_another(place: tuple[str, Path], hand: Hand) -> None:
    jatim, bjb = (Client(place[0], place[1], code, hand) for code in ("114", "110"))
    account = new_account()
    assert code_of(bjb.pay(account, jatim.mandate(account), new_reference())) == "4047111"


# --- accounts that misbehave on cue


@pytest.mark.parametrize(("ending", "code"), [("0005", "4047004"), ("0010", "4047011")])
def test_a_magic_account_is_refused_at_the_mandate(jatim: Client, ending: str, code: str) -> None:
    account = new_account(ending)
    assert code_of(jatim.post("fast-emandate", jatim.mandate_body(account))) == code
    assert account not in {mandate["accountNo"] for mandate in jatim.book()["mandates"]}


@pytest.mark.parametrize(("ending", "code"), [("0014", "4037114"), ("0018", "4037118"), ("0009", "4037109")])
def test_a_magic_account_is_refused_at_every_payment(jatim: Client, ending: str, code: str) -> None:
    account, reference = new_account(ending), new_reference()
    mandate = jatim.mandate(account)
    assert [code_of(jatim.pay(account, mandate, reference)) for _ in range(2)] == [code, code]
    assert jatim.debits_of(account) == []


def test_a_payment_in_progress_stays_so_and_is_never_debited(jatim: Client) -> None:
    account, reference = new_account("0202"), new_reference()
    mandate = jatim.mandate(account)
    first, second = (jatim.pay(account, mandate, reference) for _ in range(2))
    assert [code_of(first), code_of(second)] == ["2027100", "2027100"]
    assert first.json()["referenceNo"] == second.json()["referenceNo"]
    before = jatim.book()
    assert [debit["status"] for debit in jatim.debits_of(account)] == ["pending"]
    assert before["booked"] == len([debit for debit in before["debits"] if debit["status"] == "booked"])


def test_the_cut_off_comes_once_and_the_same_reference_then_passes(jatim: Client) -> None:
    account, reference = new_account("0406"), new_reference()
    mandate = jatim.mandate(account)
    assert [code_of(jatim.pay(account, mandate, reference)) for _ in range(2)] == ["4037106", "2007100"]
    jatim.clock.now += timedelta(days=1)
    jatim.tokens.clear()
    assert code_of(jatim.pay(account, mandate, new_reference())) == "2007100"


def test_too_many_requests_comes_once_a_jakarta_day(jatim: Client) -> None:
    account, reference = new_account("0429"), new_reference()
    mandate = jatim.mandate(account)
    assert [code_of(jatim.pay(account, mandate, reference)) for _ in range(2)] == ["4297100", "2007100"]
    assert code_of(jatim.pay(account, mandate, new_reference())) == "2007100"
    jatim.clock.now += timedelta(days=1)
    jatim.tokens.clear()
    assert code_of(jatim.pay(account, mandate, new_reference())) == "4297100"


def test_an_error_after_debiting_has_debited(jatim: Client) -> None:
    account, reference = new_account("0500"), new_reference()
    mandate = jatim.mandate(account)
    assert [code_of(jatim.pay(account, mandate, reference)) for _ in range(2)] == ["5007100", "4097101"]
    assert len(jatim.debits_of(account)) == 1


def test_broken_json_after_debiting_has_debited(jatim: Client) -> None:
    account, reference = new_account("0999"), new_reference()
    mandate = jatim.mandate(account)
    answer = jatim.pay(account, mandate, reference)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()
    assert code_of(jatim.pay(account, mandate, reference)) == "4097101"


def test_a_dropped_connection_has_debited_nothing(jatim: Client) -> None:
    account, reference = new_account("0503"), new_reference()
    mandate = jatim.mandate(account)
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            jatim.pay(account, mandate, reference)
    assert jatim.debits_of(account) == []


def test_a_time_out_has_debited_before_the_silence_begins(jatim: Client) -> None:
    account, reference = new_account("0504"), new_reference()
    mandate = jatim.mandate(account)
    began = datetime.now(UTC)
    with ThreadPoolExecutor(1) as pool:
        silent = pool.submit(jatim.pay, account, mandate, reference)
        while not jatim.debits_of(account) and (datetime.now(UTC) - began).total_seconds() < 5:
            pass
        assert not silent.done()
        with pytest.raises(requests.ConnectionError):
            silent.result()
    assert (datetime.now(UTC) - began).total_seconds() >= HANG_S
    assert code_of(jatim.pay(account, mandate, reference)) == "4097101"
    assert len(jatim.debits_of(account)) == 1


def test_the_silence_of_many_holds_up_nobody_else(jatim: Client) -> None:
    accounts = [new_account("0504") for _ in range(16)]
    mandates = [jatim.mandate(account) for account in accounts]
    with ThreadPoolExecutor(16) as pool:
        silent = [
            pool.submit(jatim.pay, account, mandate, new_reference())
            for account, mandate in zip(accounts, mandates, strict=True)
        ]
        account = new_account()
        assert code_of(jatim.pay(account, jatim.mandate(account), new_reference())) == "2007100"
        assert not any(one.done() for one in silent)
        assert all(isinstance(one.exception(), requests.ConnectionError) for one in silent)


# --- around it


def test_the_book_adds_up(jatim: Client) -> None:
    book = jatim.book()
    booked = [debit["amount_rp"] for debit in book["debits"] if debit["status"] == "booked"]
    assert (book["booked"], book["booked_rp"]) == (len(booked), sum(booked))


def test_a_bank_that_is_not_connected_is_not_there(jatim: Client) -> None:
    assert requests.get(f"{jatim.host}/bank/999/book", timeout=5).status_code == 404
    assert requests.get(f"{jatim.host}/health", timeout=5).status_code == 200
