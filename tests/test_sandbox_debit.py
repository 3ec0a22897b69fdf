"""The sandbox bank's direct debit over real HTTP: debit, status, cancel and refund, and the book of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from tests.bank_client import code_of, new_account, new_reference, rp
from tests.bank_partner import Partner

pytestmark = pytest.mark.xdist_group("sandbox-debit")


# --- 54: the debit


def test_a_debit_by_token_is_booked_once_however_often_it_is_sent(partner: Partner) -> None:
    account, reference = new_account(), new_reference()
    token = partner.token_of(account)
    first = partner.debit(token, reference)
    assert (code_of(first), first.json()["partnerReferenceNo"]) == ("2005400", reference)
    with ThreadPoolExecutor(8) as pool:
        codes = set(pool.map(lambda _: code_of(partner.debit(token, reference)), range(8)))
    assert codes == {"4095401"}
    [debit] = partner.debits_of(account)
    assert (debit["referenceNo"], debit["amount_rp"], debit["status"]) == (first.json()["referenceNo"], 28400, "booked")
    assert code_of(partner.debit(token, reference, amount=rp(28401))) == "4045418"
    assert code_of(partner.debit(partner.token_of(new_account()), reference)) == "4045418"


def test_a_debit_is_refused_beyond_its_binding(partner: Partner) -> None:
    account = new_account()
    end = (partner.clock.now + timedelta(minutes=10)).isoformat(timespec="seconds")
    token = partner.bound(account, expiredDatetime=end)["accountToken"]
    before = (partner.clock.now - timedelta(seconds=1)).isoformat(timespec="seconds")
    for fields, code in (
        ({"amount": rp(36801)}, "4035402"),
        ({"bankCardToken": "nobody's"}, "4045411"),
        ({"merchantId": "OTHER"}, "4045408"),
        ({"validUpTo": before}, "4035400"),
        ({"partnerReferenceNo": "x" * 13}, "4005401"),
        ({"amount": None}, "4005402"),
    ):
        assert (fields, code_of(partner.debit(token, new_reference(), **fields))) == (fields, code)
    partner.clock.now += timedelta(minutes=10)
    assert code_of(partner.debit(token, new_reference())) == "4035415"
    assert partner.debits_of(account) == []


def test_a_binding_that_waits_for_its_code_debits_nothing(jateng: Partner, bank_database: str) -> None:
    account, customer = new_account(), new_reference()
    jateng.bind(account, customer)
    with psycopg.connect(bank_database) as db:
        found = db.execute("SELECT token FROM sandbox.bindings WHERE customer_id = %s", (customer,)).fetchone()
    assert found is not None
    assert code_of(jateng.debit(found[0], new_reference())) == "4045411"
    assert jateng.debits_of(account) == []


# --- 55: the status


def test_the_status_tells_the_truth_of_the_book_whatever_was_answered(partner: Partner) -> None:
    for ending, answered, latest in (
        ("7777", "2005400", "00"),
        ("0202", "2025400", "03"),
        ("0500", "5005400", "00"),
        ("0601", "4035414", "00"),
    ):
        reference = new_reference()
        partner.debit(partner.token_of(new_account(ending)), reference)
        told = partner.about("status", reference).json()
        assert (told["latestTransactionStatus"], told["originalResponseCode"]) == (latest, answered)
        assert (told["originalPartnerReferenceNo"], told["amount"]) == (reference, rp(28400))
        assert ("paidTime" in told) == (latest == "00")


def test_a_debit_that_was_never_written_is_not_found(partner: Partner) -> None:
    reference = new_reference()
    partner.debit(partner.token_of(new_account("0014")), reference)
    assert partner.latest(reference) == "4045501"
    assert partner.latest(new_reference()) == "4045501"


def test_each_bank_wants_its_own_service_code_and_the_same_debit(jateng: Partner, ntb: Partner) -> None:
    for partner, other in ((jateng, "55"), (ntb, "54")):
        reference = new_reference()
        partner.debit(partner.token_of(new_account()), reference)
        assert partner.latest(reference) == "00"
        assert code_of(partner.about("status", reference, serviceCode=other)) == "4005501"
        assert code_of(partner.about("status", reference, amount=rp(1))) == "4045518"
        assert code_of(partner.about("status", reference, originalReferenceNo="0")) == "4045518"


# --- 57 and 58: cancel and refund


def test_only_a_debit_in_progress_can_be_cancelled_and_then_it_stays_so(partner: Partner) -> None:
    account, reference, booked = new_account("0605"), new_reference(), new_reference()
    token = partner.token_of(account)
    partner.debit(token, reference)
    assert [code_of(partner.about("cancel", reference)) for _ in range(2)] == ["2005700"] * 2
    partner.clock.now += timedelta(minutes=2)
    assert partner.latest(reference) == "05"
    assert partner.notices(account) == []
    assert code_of(partner.debit(token, reference)) == "4045400"
    partner.debit(partner.token_of(new_account()), booked)
    assert code_of(partner.about("cancel", booked)) == "4055701"
    assert code_of(partner.about("cancel", new_reference())) == "4045701"


def test_one_refund_number_is_one_refund(partner: Partner) -> None:
    account, reference, number = new_account(), new_reference(), new_reference()
    partner.debit(partner.token_of(account), reference)
    partner.token()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: partner.about("refund", reference, partnerRefundNo=number), range(6)))
    assert {code_of(answer) for answer in answers} == {"2005800"}
    assert len({(answer.json()["refundNo"], answer.json()["refundTime"]) for answer in answers}) == 1
    [debit] = partner.debits_of(account)
    assert [(one["partnerRefundNo"], one["amount_rp"]) for one in debit["refunds"]] == [(number, 28400)]
    assert partner.latest(reference) == "04"


def test_no_more_is_refunded_than_was_debited(partner: Partner) -> None:
    account, reference = new_account(), new_reference()
    partner.debit(partner.token_of(account), reference)
    assert code_of(partner.about("refund", reference, refundAmount=rp(28401))) == "4045813"
    assert code_of(partner.about("refund", reference, refundAmount=rp(20000))) == "2005800"
    assert partner.latest(reference) == "00", "a part that was refunded leaves the debit standing"
    with ThreadPoolExecutor(6) as pool:
        part = {"refundAmount": rp(8400)}
        codes = sorted(code_of(one) for one in pool.map(lambda _: partner.about("refund", reference, **part), range(6)))
    assert codes == ["2005800"] + ["4045813"] * 5
    assert partner.latest(reference) == "04"


def test_what_was_not_booked_is_not_refunded(partner: Partner) -> None:
    pending, number, other = new_reference(), new_reference(), new_reference()
    partner.debit(partner.token_of(new_account("0202")), pending)
    assert code_of(partner.about("refund", pending)) == "4045800"
    assert code_of(partner.about("refund", new_reference())) == "4045801"
    for reference in (booked := new_reference(), other):
        partner.debit(partner.token_of(new_account()), reference)
    assert code_of(partner.about("refund", booked, partnerRefundNo=number)) == "2005800"
    assert code_of(partner.about("refund", other, partnerRefundNo=number)) == "4045818"
    assert code_of(partner.about("refund", booked, partnerRefundNo=number, refundAmount=rp(1))) == "4045818"
    assert partner.latest(other) == "00"


def test_a_refunded_debit_is_not_given_back_once_more_by_a_late_failure(partner: Partner) -> None:
    account, reference = new_account("0600"), new_reference()
    partner.debit(partner.token_of(account), reference)
    assert code_of(partner.about("refund", reference)) == "2005800"
    partner.clock.now += timedelta(minutes=2)
    [debit] = partner.debits_of(account)
    assert (debit["status"], len(debit["refunds"]), partner.notices(account)) == ("booked", 1, [])


def test_the_book_of_direct_debits_adds_up(partner: Partner) -> None:
    before = partner.book()
    for ending in ("7777", "0600", "0202"):
        reference = new_reference()
        partner.debit(partner.token_of(new_account(ending)), reference)
        if ending == "7777":
            partner.about("refund", reference, refundAmount=rp(400))
    partner.clock.now += timedelta(minutes=2)
    after = partner.book()
    more = {name: after[name] - before[name] for name in after if isinstance(after[name], int)}
    assert (more["returned"], more["returned_rp"], more["refunded_rp"]) == (1, 28400, 400)
    assert (after["booked"], after["booked_rp"]) == (
        len([one for one in after["debits"] if one["status"] == "booked"]),
        sum(one["amount_rp"] for one in after["debits"] if one["status"] == "booked"),
    )
