"""The sandbox bank's direct debit over real HTTP: binding by code, debit, status, cancel and refund."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.bank_client import (
    PHONE,
    Client,
    Hand,
    Partner,
    code_of,
    new_account,
    new_reference,
    own_database,
    rp,
    sandbox_bank,
)
from units.clock import JAKARTA

pytestmark = pytest.mark.xdist_group("sandbox-debit")


@pytest.fixture(scope="module")
def hand() -> Hand:
    return Hand()


@pytest.fixture(scope="module")
def place(pg_server_url: str, tmp_path_factory: pytest.TempPathFactory, hand: Hand) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("sandbox")
    with own_database(pg_server_url, "sandbox_debit") as database, sandbox_bank(database, folder, hand) as url:
        yield url, folder


@pytest.fixture(params=["113", "128"], ids=["code", "no-code"])
def partner(request: pytest.FixtureRequest, place: tuple[str, Path], hand: Hand) -> Partner:
    hand.now = datetime(2026, 11, 23, 12, 0, tzinfo=JAKARTA)
    return Partner(place[0], place[1], request.param, hand)


@pytest.fixture
def jateng(place: tuple[str, Path], hand: Hand) -> Partner:
    hand.now = datetime(2026, 11, 23, 12, 0, tzinfo=JAKARTA)
    return Partner(place[0], place[1], "113", hand)


@pytest.fixture
def ntb(place: tuple[str, Path], hand: Hand) -> Partner:
    hand.now = datetime(2026, 11, 23, 12, 0, tzinfo=JAKARTA)
    return Partner(place[0], place[1], "128", hand)


# --- 07, 81, 04, 08, 09: the binding


def test_a_binding_is_made_by_the_code_that_the_bank_sent_to_the_phone(jateng: Partner) -> None:
    account, customer = new_account(), new_reference()
    asked = jateng.bind(account, customer)
    assert (code_of(asked), asked.json()["nextAction"]) == ("2000700", "OTP")
    assert "accountToken" not in asked.json()
    code = jateng.sms_code(customer)
    inbox = requests.get(f"{jateng.host}/version1/inbox", params={"to": f"+{PHONE}"}, timeout=5).json()
    assert inbox[-1]["text"].startswith(f"Kode BANK {code} ")
    made = jateng.check(asked.json()["referenceNo"], customer, code)
    assert code_of(made) == "2000400"
    assert 0 < len(made.json()["accountToken"]) <= 128
    again = jateng.check(asked.json()["referenceNo"], customer, code)
    assert again.json()["accountToken"] == made.json()["accountToken"], "an answer that was lost can be had again"
    assert jateng.sms_code(customer) == ""


def test_a_bank_without_codes_binds_at_once_and_the_same_request_is_the_same_binding(ntb: Partner) -> None:
    account, customer = new_account(), new_reference()
    first, second = ntb.bind(account, customer), ntb.bind(account, customer)
    assert (code_of(first), code_of(second)) == ("2000700", "2000700")
    assert "nextAction" not in first.json()
    assert [first.json()[name] for name in ("accountToken", "linkId")] == [
        second.json()[name] for name in ("accountToken", "linkId")
    ]
    assert ntb.bind(account, customer, maxAmount=rp(50000)).json()["linkId"] != first.json()["linkId"]


def test_a_wrong_code_binds_nothing_and_the_third_blocks_it_until_another_is_sent(jateng: Partner) -> None:
    account, customer = new_account(), new_reference()
    reference = jateng.bind(account, customer).json()["referenceNo"]
    right = jateng.sms_code(customer)
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    assert [code_of(jateng.check(reference, customer, wrong)) for _ in range(3)] == ["4040415"] * 3
    assert code_of(jateng.check(reference, customer, right)) == "4030411"
    assert code_of(jateng.inquire(customer)) == "2020800"
    assert jateng.bind(account, customer).json()["referenceNo"] == reference
    assert code_of(jateng.check(reference, customer, jateng.sms_code(customer))) == "2000400"


def test_a_code_is_good_for_five_minutes(jateng: Partner) -> None:
    customer = new_reference()
    reference = jateng.bind(new_account(), customer).json()["referenceNo"]
    code = jateng.sms_code(customer)
    jateng.clock.now += timedelta(minutes=5)
    assert code_of(jateng.check(reference, customer, code)) == "4030412"


def test_a_new_code_can_be_asked_for_by_the_first_request_of_the_journey(jateng: Partner) -> None:
    customer, journey = new_reference(), "7" * 36
    body = jateng.bind_body(new_account(), customer)
    asked = jateng.call("registration-account-binding", body, **{"X-EXTERNAL-ID": journey}).json()
    assert asked["additionalInfo"] == {"journeyId": journey}
    jateng.clock.now += timedelta(minutes=6)
    sent = jateng.call("otp", {"journeyId": journey})
    assert (code_of(sent), len(sent.json()["chargeToken"])) == ("2008100", 40)
    assert code_of(jateng.check(asked["referenceNo"], customer, jateng.sms_code(customer))) == "2000400"
    assert code_of(jateng.call("otp", {"journeyId": journey})) == "4048101", "a binding that is made waits for no code"


def test_the_inquiry_gives_the_token_once_the_binding_is_made(partner: Partner) -> None:
    bound = partner.bound(new_account())
    asked = partner.inquire(bound["partnerReferenceNo"])
    assert code_of(asked) == "2000800"
    assert {name: asked.json()[name] for name in ("accountToken", "linkId")} == {
        name: bound[name] for name in ("accountToken", "linkId")
    }
    assert code_of(partner.inquire(new_reference())) == "4040801"
    assert code_of(partner.inquire(bound["partnerReferenceNo"], originalReferenceNo="AB0")) == "4040801"


def test_an_ended_binding_debits_nothing_and_can_be_ended_again(partner: Partner) -> None:
    account = new_account()
    bound = partner.bound(account)
    assert code_of(partner.unbind(bound["linkId"], tokenId="another")) == "4040911"
    assert [code_of(partner.unbind(bound["linkId"])) for _ in range(2)] == ["2000900"] * 2
    assert code_of(partner.debit(bound["accountToken"], new_reference())) == "4045411"
    assert code_of(partner.inquire(bound["partnerReferenceNo"])) == "4040801"
    assert code_of(partner.unbind("LK000")) == "4040911"
    assert partner.debits_of(account) == []


@pytest.mark.parametrize(("ending", "code"), [("0005", "4040704"), ("0010", "4040711")])
def test_a_magic_account_is_refused_at_the_binding(partner: Partner, ending: str, code: str) -> None:
    assert code_of(partner.bind(new_account(ending), new_reference())) == code


def test_every_field_of_a_binding_is_checked(jateng: Partner) -> None:
    past = (jateng.clock.now - timedelta(seconds=1)).isoformat(timespec="seconds")
    wrong: list[tuple[str, Any, str]] = [
        ("accountNo", "1" * 20, "4000701"),
        ("accountNo", "123456789", "4040711"),
        ("accountName", None, "4000702"),
        ("maxAmount", {"value": "36800", "currency": "IDR"}, "4000701"),
        ("expiredDatetime", past, "4000701"),
    ]
    for name, value, code in wrong:
        assert (name, code_of(jateng.bind(new_account(), new_reference(), **{name: value}))) == (name, code)
    body = jateng.bind_body(new_account(), new_reference())
    for name, value, code in (
        ("merchantId", "OTHER", "4040708"),
        ("phoneNo", "", "4000702"),
        ("phoneNo", "0812", "4000701"),
        ("partnerReferenceNo", "x" * 13, "4000701"),
        ("additionalInfo", None, "4000702"),
    ):
        assert (name, code_of(jateng.call("registration-account-binding", {**body, name: value}))) == (name, code)
    jateng.bind(account := new_account(), new_reference())
    assert code_of(jateng.bind(account, new_reference(), accountName="BUDI")) == "4040711"


def test_a_bank_speaks_the_services_of_its_product_only(place: tuple[str, Path], hand: Hand, jateng: Partner) -> None:
    jatim = Client(place[0], place[1], "114", hand)
    assert code_of(jatim.call("otp", {"journeyId": "1"})) == "4058100"
    assert code_of(jateng.post("fast-payment", {})) == "4057100"


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


def test_the_code_of_a_binding_that_waits_is_no_token(jateng: Partner) -> None:
    customer = new_reference()
    reference = jateng.bind(new_account(), customer).json()["referenceNo"]
    assert code_of(jateng.debit(reference, new_reference())) == "4045411"


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
