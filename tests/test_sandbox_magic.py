"""Accounts of the sandbox bank that misbehave in time: late, slow, silent, and with notices of their own mind."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from sandbox.debits import answered
from sandbox.magic import MAGIC, Fault
from tests.bank_client import HANG_S, NOON, SLOW_S, Client, Hand, code_of, new_account, new_reference, openssl_verifies
from tests.bank_partner import Partner
from units.clock import JAKARTA

pytestmark = pytest.mark.xdist_group("sandbox-magic")
LATER = timedelta(seconds=60)
# Whatever else the fault does, these are answered.
SAID = set(Fault) - {Fault.HANG, Fault.SILENT, Fault.DROP, Fault.GARBAGE}
Pay = Callable[[str], requests.Response]


class Case:
    """One bank of either product, spoken to the same way."""

    def __init__(self, client: Client) -> None:
        self.client, self.hand = client, client.clock
        self.fast = not isinstance(client, Partner)
        self.service, self.status = ("71", "transactionStatus") if self.fast else ("54", "latestTransactionStatus")

    def account(self, ending: str) -> tuple[str, Pay]:
        """A new account of this ending, and how a reference is debited from it."""
        account = new_account(ending)
        if isinstance(self.client, Partner):
            partner, token = self.client, self.client.token_of(account)
            return account, lambda reference: partner.debit(token, reference)
        mandate = self.client.mandate(account)
        return account, lambda reference: self.client.pay(account, mandate, reference)

    def code(self, answer: requests.Response) -> str:
        """Without its service: the same of both products."""
        code = code_of(answer)
        assert code[3:5] == self.service
        return f"{code[:3]}xx{code[5:]}"

    def statuses(self, account: str, *, take: bool = False) -> list[str]:
        return [notice[self.status] for notice in self.client.notices(account, take=take)]

    def stands(self, account: str) -> list[str]:
        return [debit["status"] for debit in self.client.debits_of(account)]


@pytest.fixture(params=["114", "110", "113", "128"])
def case(request: pytest.FixtureRequest, place: tuple[str, Path], hand: Hand) -> Case:
    hand.now = NOON
    kind = Client if request.param in ("110", "114") else Partner
    return Case(kind(place[0], place[1], request.param, hand))


def later(case: Case, delta: timedelta = LATER) -> None:
    case.hand.now += delta
    case.client.tokens.clear()


# --- refused, slow and silent


def test_money_is_there_on_the_third_jakarta_day_after_the_first_refusal(case: Case) -> None:
    account, pay = case.account("0114")
    case.hand.now = datetime(2026, 11, 23, 23, 50, tzinfo=JAKARTA)
    case.client.tokens.clear()
    codes = []
    for day in (23, 24, 25, 26):
        codes.append(case.code(pay(new_reference())))
        later(case, datetime(2026, 11, day + 1, 0, 5, tzinfo=JAKARTA) - case.hand.now)
    assert codes == ["403xx14", "403xx14", "403xx14", "200xx00"]
    assert case.code(pay(new_reference())) == "200xx00"
    assert case.stands(account) == ["booked", "booked"]


@pytest.mark.parametrize(("ending", "code"), [("0302", "403xx02"), ("0606", "404xx18"), ("0014", "403xx14")])
def test_an_account_that_refuses_leaves_nothing_behind(case: Case, ending: str, code: str) -> None:
    account, pay = case.account(ending)
    reference = new_reference()
    assert [case.code(pay(reference)) for _ in range(2)] == [code, code]
    assert case.stands(account) == []


def test_a_slow_answer_is_late_and_right(case: Case) -> None:
    account, pay = case.account("0408")
    began = datetime.now(UTC)
    assert case.code(pay(new_reference())) == "200xx00"
    assert (datetime.now(UTC) - began).total_seconds() >= SLOW_S
    assert case.stands(account) == ["booked"]


def test_a_time_out_before_debiting_has_debited_nothing(case: Case) -> None:
    account, pay = case.account("0502")
    began, reference = datetime.now(UTC), new_reference()
    with pytest.raises(requests.ConnectionError):
        pay(reference)
    assert (datetime.now(UTC) - began).total_seconds() >= HANG_S
    assert case.stands(account) == []
    if isinstance(case.client, Partner):
        assert case.client.latest(reference) == "4045501"


# --- late truths


def test_a_late_failure_is_given_back_and_told_of(case: Case) -> None:
    account, pay = case.account("0600")
    reference = new_reference()
    assert case.code(pay(reference)) == "200xx00"
    assert (case.stands(account), case.statuses(account)) == (["booked"], [])
    later(case)
    assert (case.stands(account), case.statuses(account)) == (["returned"], ["06"])
    assert case.client.debits_of(account)[0]["returned_at"] == case.hand.now.isoformat()
    assert case.code(pay(reference)) == "409xx01"
    if isinstance(case.client, Partner):
        assert case.client.latest(reference) == "06"
        assert code_of(case.client.about("refund", reference)) == "4045800"


def test_a_late_success_was_denied_once_and_is_told_of(case: Case) -> None:
    account, pay = case.account("0601")
    first, second = new_reference(), new_reference()
    assert [case.code(pay(first)), case.code(pay(first)), case.code(pay(second))] == ["403xx14", "409xx01", "200xx00"]
    assert (case.stands(account), case.statuses(account)) == (["booked", "booked"], [])
    later(case)
    [notice] = case.client.notices(account)
    assert (notice[case.status], notice["originalPartnerReferenceNo"]) == ("00", first)
    assert notice["finishedTime"] == (case.hand.now - LATER).isoformat()


def test_what_was_in_progress_is_booked_later_and_told_of(case: Case) -> None:
    account, pay = case.account("0605")
    reference = new_reference()
    assert [case.code(pay(reference)) for _ in range(2)] == ["202xx00", "202xx00"]
    assert (case.stands(account), case.statuses(account)) == (["pending"], [])
    later(case)
    assert (case.stands(account), case.statuses(account)) == (["booked"], ["00"])
    assert case.code(pay(reference)) == "409xx01"


# --- notices


def test_a_notice_that_comes_twice_is_the_same_to_the_byte(case: Case) -> None:
    account, pay = case.account("0602")
    assert case.code(pay(new_reference())) == "200xx00"
    first, second = case.client.notices(account)
    assert first[case.status] == "00"
    assert first["sent"] == second["sent"]


def test_the_older_of_two_notices_comes_last(case: Case) -> None:
    account, pay = case.account("0604")
    pay(new_reference())
    success, pending = case.client.notices(account)
    assert (success[case.status], pending[case.status]) == ("00", "03")
    name = "finishedTime" if case.fast else "createdTime"
    assert pending[name] < success[name] or pending[name] < success["finishedTime"]
    assert success["sent"]["headers"]["X-EXTERNAL-ID"] != pending["sent"]["headers"]["X-EXTERNAL-ID"]


def test_a_notice_that_is_to_come_early_is_there_with_the_answer(case: Case) -> None:
    account, pay = case.account("0603")
    assert case.code(pay(new_reference())) == "200xx00"
    assert case.statuses(account, take=True) == ["00"]
    assert case.statuses(account) == [], "it was taken, and comes no more"


def test_a_notice_names_the_debit_and_its_signature_is_good_to_openssl(
    case: Case, place: tuple[str, Path], tmp_path: Path
) -> None:
    account, pay = case.account("0602")
    answer = pay(reference := new_reference()).json()
    later(case, timedelta(days=2))
    notice = case.client.notices(account)[0]
    assert notice["originalReferenceNo"] == answer["referenceNo"]
    assert notice["originalPartnerReferenceNo"] == reference
    assert notice["amount"] == {"value": "28400.00", "currency": "IDR"}
    assert ("eMandateReffId" in notice) == case.fast
    sent = notice["sent"]
    assert sent["path"] == f"/bank/{case.client.code}/v1.0/debit/{'fast-notify' if case.fast else 'notify'}"
    assert sent["headers"]["X-TIMESTAMP"] == case.hand.now.isoformat(), "it is signed when it leaves"
    assert openssl_verifies(sent, place[1], tmp_path, case.client.bank["signature_encoding"])
    sent["body"] = sent["body"].replace("28400.00", "28401.00")
    assert not openssl_verifies(sent, place[1], tmp_path, case.client.bank["signature_encoding"])


# --- answers that do not fit


def test_an_answer_of_another_amount_or_reference_has_debited_what_was_asked(case: Case) -> None:
    for ending in ("0607", "0608"):
        account, pay = case.account(ending)
        reference = new_reference()
        answer = pay(reference)
        assert case.code(answer) == "200xx00"
        got = answer.json()
        assert (got.get("amount"), got["partnerReferenceNo"] == reference) == (
            ({"value": "28401.00", "currency": "IDR"}, True) if ending == "0607" else (None, False)
        )
        [debit] = case.client.debits_of(account)
        assert (debit["amount_rp"], debit["partnerReferenceNo"]) == (28400, reference)


# --- the clock


def test_the_clock_stands_where_it_is_put_until_it_is_let_go(case: Case) -> None:
    url = f"{case.client.host}/clock"
    account, pay = case.account("0605")
    pay(new_reference())
    try:
        put = requests.put(url, json={"now": "2026-11-23T12:01:00+07:00"}, timeout=5)
        assert put.json() == {"now": "2026-11-23T12:01:00+07:00", "stands": True}
        assert case.stands(account) == ["booked"], "every part has this clock"
        bad: list[object] = [{"now": "noon"}, {"now": "2026-11-23T12:00:00"}, {"now": 5}, {}, []]
        for wrong in bad:
            assert requests.put(url, json=wrong, timeout=5).status_code == 400
    finally:
        free = requests.put(url, json={"now": None}, timeout=5)
    assert free.json() == {"now": case.hand.now.isoformat(), "stands": False}


def test_the_readme_has_every_magic_ending_with_its_code() -> None:
    readme = (Path(__file__).parents[1] / "sandbox" / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| (\d{4}) \|(.*)$", readme, re.MULTILINE))
    assert rows.keys() == MAGIC.keys()
    for ending, magic in MAGIC.items():
        for case in (magic.mandate, magic.payment, answered(magic.fault) if magic.fault in SAID else ""):
            assert not case or f"{case[:3]}xx{case[3:]}" in rows[ending]
