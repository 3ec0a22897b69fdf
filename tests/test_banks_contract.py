"""One contract for every adapter, over SNAP and by file, against the sandbox as it ships: an account ends the same way.

The sandbox of these tests holds its notices (`serve --hold-notices`): they are taken from it, signed as they leave.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests

from banks.asked import CancelRequest, RefundRequest, StatusRequest
from banks.base import (
    Answer,
    AsksStatus,
    BankRefused,
    Became,
    CancelsDebits,
    CancelsMandates,
    NoticeCall,
    Reason,
    Refunds,
)
from tests.contract import BOUND, FILE_ENDINGS, OUTCOMES, FileTable, Moved, Table, expected
from tests.sandboxed import Sandbox

every_bank = pytest.mark.parametrize("code", ["110", "114", *BOUND])
every_bound_bank = pytest.mark.parametrize("code", BOUND)


@pytest.fixture
def moved(sandbox: Sandbox) -> Iterator[Moved]:
    moved = Moved(sandbox)
    yield moved
    moved.set(None)


@every_bank
@pytest.mark.parametrize("ending", OUTCOMES)
def test_an_account_ends_the_same_way_over_every_product(
    code: str, ending: str, sandbox: Sandbox, moved: Moved
) -> None:
    outcome = OUTCOMES[ending]
    table = Table(sandbox, code, ending, hurried=outcome.said == "timeout")
    mandate = table.mandate()
    assert table.collect(mandate) == expected(outcome, code)
    assert [status for status in table.book() if status == "booked"] == ["booked"] * outcome.booked
    if isinstance(table.bank, AsksStatus):
        assert table.status() is outcome.became


@every_bank
@pytest.mark.parametrize("ending", [ending for ending, outcome in OUTCOMES.items() if outcome.said != "timeout"])
def test_the_same_attempt_sent_again_is_debited_at_most_once(
    code: str, ending: str, sandbox: Sandbox, moved: Moved
) -> None:
    table = Table(sandbox, code, ending)
    mandate = table.mandate()
    for _ in range(3):
        table.collect(mandate)
    assert len(table.book()) <= 1


@every_bank
@pytest.mark.parametrize(("ending", "reason"), [("0005", Reason.HOLDER), ("0010", Reason.NAME)])
def test_a_mandate_is_refused_for_the_same_reason_over_every_product(
    code: str, ending: str, reason: Reason, sandbox: Sandbox, moved: Moved
) -> None:
    with pytest.raises(BankRefused) as caught:
        Table(sandbox, code, ending).mandate()
    assert caught.value.reason is reason


@every_bank
def test_the_same_mandate_asked_again_is_the_same_mandate(code: str, sandbox: Sandbox, moved: Moved) -> None:
    table = Table(sandbox, code, "2345")
    first = table.ask()
    assert first.reference
    assert table.ask() == first


@every_bank
def test_two_banks_do_not_know_each_others_mandates(code: str, sandbox: Sandbox, moved: Moved) -> None:
    table = Table(sandbox, code, "2345")
    mandate = replace(table.mandate(), reference="NOBODYS", token="nobodys")
    assert isinstance(table.collect(mandate), Reason)
    assert table.book() == []


# --- the bank without an API ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", FILE_ENDINGS)
def test_an_account_ends_by_file_as_it_does_over_an_api(ending: str, sandbox: Sandbox, moved: Moved) -> None:
    table = FileTable(sandbox, "118", ending)
    mandate = table.mandate()
    assert table.collect(mandate) == expected(OUTCOMES[ending], "118")
    assert table.book() == ["booked"] * OUTCOMES[ending].booked


@pytest.mark.parametrize("ending", FILE_ENDINGS)
def test_the_same_attempt_in_another_file_is_debited_at_most_once(ending: str, sandbox: Sandbox, moved: Moved) -> None:
    table = FileTable(sandbox, "118", ending)
    mandate = table.mandate()
    said = {table.collect(mandate) for _ in range(3)}
    assert said == {expected(OUTCOMES[ending], "118")}
    assert len(table.book()) <= 1


@pytest.mark.parametrize(("ending", "reason"), [("0005", Reason.HOLDER), ("0010", Reason.NAME)])
def test_a_mandate_is_refused_by_file_for_the_same_reason(
    ending: str, reason: Reason, sandbox: Sandbox, moved: Moved
) -> None:
    with pytest.raises(BankRefused) as caught:
        FileTable(sandbox, "118", ending).mandate()
    assert caught.value.reason is reason


def test_the_same_mandate_asked_again_by_file_is_the_same_mandate(sandbox: Sandbox, moved: Moved) -> None:
    table = FileTable(sandbox, "118", "2345")
    assert table.mandate() == table.mandate()


def test_a_bank_without_an_api_knows_no_mandate_that_it_did_not_give(sandbox: Sandbox, moved: Moved) -> None:
    table = FileTable(sandbox, "118", "2345")
    table.mandate()
    assert isinstance(table.collect("NOBODYS"), Reason)
    assert table.book() == []


# --- what only some can ------------------------------------------------------------------------------------------


@every_bound_bank
@pytest.mark.parametrize(("ending", "later"), [("0600", Became.FAILED), ("0605", Became.DONE)])
def test_a_status_follows_what_became_later(
    code: str, ending: str, later: Became, sandbox: Sandbox, moved: Moved
) -> None:
    table = Table(sandbox, code, ending)
    table.collect(table.mandate())
    assert table.status() is OUTCOMES[ending].became
    moved.ahead(120)
    assert table.status() is later


@every_bound_bank
def test_a_refund_sent_twice_gives_back_once(code: str, sandbox: Sandbox, moved: Moved) -> None:
    table = Table(sandbox, code, "2345")
    table.collect(table.mandate())
    assert isinstance(table.bank, Refunds)
    request = RefundRequest(table.reference, "", f"RF{table.reference[2:]}", 36_800, table.asked_at)
    first = table.bank.refund(request)
    assert (first.answer, bool(first.reference)) == (Answer.DONE, True)
    assert table.bank.refund(request) == first
    assert table.status() is Became.FAILED
    (debit,) = [one for one in sandbox.book(code)["debits"] if one["partnerReferenceNo"] == table.reference]
    assert [one["amount_rp"] for one in debit["refunds"]] == [36_800]


@every_bound_bank
def test_of_a_debit_that_never_was_nothing_is_given_back(code: str, sandbox: Sandbox, moved: Moved) -> None:
    table = Table(sandbox, code, "2345")
    assert isinstance(table.bank, Refunds)
    with pytest.raises(BankRefused) as caught:
        table.bank.refund(RefundRequest(table.reference, "", "RF0000000001", 36_800, table.asked_at))
    assert caught.value.reason is Reason.OURS


@every_bound_bank
def test_a_debit_in_progress_is_cancelled_and_a_booked_one_is_not(code: str, sandbox: Sandbox, moved: Moved) -> None:
    for ending, cancelled in (("0202", True), ("2345", False)):
        table = Table(sandbox, code, ending)
        table.collect(table.mandate())
        assert isinstance(table.bank, CancelsDebits)
        about = StatusRequest(table.reference, "", 36_800, table.asked_at)
        if cancelled:
            table.bank.cancel_debit(about)
            table.bank.cancel_debit(about)
        else:
            with pytest.raises(BankRefused):
                table.bank.cancel_debit(about)
        assert table.status() is (Became.FAILED if cancelled else Became.DONE)


@every_bound_bank
def test_a_cancelled_mandate_is_debited_no_more_and_can_be_cancelled_again(
    code: str, sandbox: Sandbox, moved: Moved
) -> None:
    table = Table(sandbox, code, "2345")
    mandate = table.mandate()
    assert isinstance(table.bank, CancelsMandates)
    for _ in range(2):
        table.bank.cancel(CancelRequest(table.customer, mandate.reference, mandate.token))
    assert table.collect(mandate) is Reason.ACCOUNT
    assert table.book() == []


def test_a_wrong_or_a_late_code_binds_nothing(sandbox: Sandbox, moved: Moved) -> None:
    table = Table(sandbox, "113", "2345")
    waits = table.ask()
    assert waits.answer is Answer.CODE_NEEDED
    code = table.sms_code()
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    with pytest.raises(BankRefused) as caught:
        table.confirm(waits.reference, wrong)
    assert caught.value.reason is Reason.CODE
    moved.ahead(299)
    assert table.confirm(waits.reference, code).answer is Answer.DONE
    late = Table(sandbox, "113", "2345")
    moved.set(None)
    waits, code = late.ask(), late.sms_code()
    moved.ahead(299)
    late.ask()
    with pytest.raises(BankRefused):
        late.confirm(waits.reference, code)


def test_a_new_code_takes_the_place_of_the_first(sandbox: Sandbox, moved: Moved) -> None:
    table = Table(sandbox, "113", "2345")
    waits, first = table.ask(), table.sms_code()
    charge = table.new_code(waits)
    again = table.new_code(waits)
    second = table.sms_code()
    assert len({first, second}) == 2, "one time in a million they are the same"
    for code, given in ((first, ""), (second, charge)):
        with pytest.raises(BankRefused):
            table.confirm(waits.reference, code, given)
    assert table.confirm(waits.reference, second, again).answer is Answer.DONE
    with pytest.raises(BankRefused) as caught:
        table.new_code(waits)
    assert caught.value.reason is Reason.OURS, "what is bound waits for no code"


# --- notices -----------------------------------------------------------------------------------------------------

NOTICED = {"0602": ["00", "00"], "0603": ["00"], "0604": ["00", "03"]}


@every_bank
@pytest.mark.parametrize("ending", NOTICED)
def test_what_the_bank_tells_is_read_by_its_adapter(code: str, ending: str, sandbox: Sandbox, moved: Moved) -> None:
    table = Table(sandbox, code, ending)
    requests.delete(f"{sandbox.url}/bank/{code}/notices", timeout=5)
    table.collect(table.mandate())
    held = requests.delete(f"{sandbox.url}/bank/{code}/notices", timeout=5).json()
    calls = [
        NoticeCall("POST", one["path"], {k.lower(): v for k, v in one["headers"].items()}, one["body"].encode())
        for one in held
    ]
    read = [(call, table.bank.read_notice(call)) for call in calls]
    mine = [(call, notice) for call, notice in read if notice.reference == table.reference]
    assert [notice.code for _, notice in mine] == NOTICED[ending]
    assert {notice.amount_rp for _, notice in mine} == {36_800}
    assert {table.bank.noticed(call).http for call, _ in mine} == {200}
    if ending == "0602":
        assert len({notice.replay_key for _, notice in mine}) == 1
    if ending == "0604":
        assert mine[1][1].at < mine[0][1].at, "the later one is older"
