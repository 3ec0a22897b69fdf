"""One sick bank never delays another: with mandates, codes, cancels and refunds as with debits."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import structlog
from sqlalchemy import text

from autodebit.lanes import UNANSWERED_MAX
from autodebit.mandates import ask_after, ask_banks, tell_banks
from autodebit.refunds import send_refunds
from banks.asked import CancelRequest, MandateQuestion, MandateRequest, RefundRequest
from banks.base import Answer, Bank, BankAnswer, BankRefused, BankUnknown, BankUnreachable, Reason
from ports import Ports
from tests.crew import crew, join
from tests.stand_ins import Paying
from tests.world import World

SICK, WELL = "114", "128"
MANY = UNANSWERED_MAX + 3


class Faulty(Paying):
    """A bank that can be asked everything, and that fails in the same way whatever it is asked."""

    def __init__(self, failure: Exception | None, code: str = SICK) -> None:
        super().__init__(code)
        self.failure, self.asked = failure, list[str]()

    def _fail(self, about: str) -> None:
        self.asked.append(about)
        if self.failure is not None:
            raise self.failure

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        self._fail(mandate.customer_id)
        return super().ask(mandate)

    def mandate_status(self, mandate: MandateQuestion) -> BankAnswer:
        self._fail(mandate.customer_id)
        return BankAnswer(Answer.PENDING, "")

    def cancel(self, mandate: CancelRequest) -> None:
        self._fail(mandate.customer_id)

    def refund(self, refund: RefundRequest) -> BankAnswer:
        self._fail(refund.refund_reference)
        return BankAnswer(Answer.DONE, f"BACK-{refund.refund_reference}")


# What ails a bank, and how often it is asked in a round.
AILMENTS = pytest.mark.parametrize(
    ("failure", "asked"),
    [
        (BankUnknown("timeout"), UNANSWERED_MAX),
        (ZeroDivisionError(), UNANSWERED_MAX),
        (BankUnreachable("no route"), 1),
        (BankRefused(Reason.NOT_NOW, "4297000"), 1),
        (BankRefused(Reason.OURS, "4017000"), 1),
    ],
    ids=["silent", "broken adapter", "away", "busy", "credentials"],
)


def consented(world: World, banks: Mapping[str, Bank], counts: Mapping[str, int]) -> Ports:
    """So many members at each bank, whose mandates no bank was asked for yet; the sick bank's first."""
    ports = replace(world.ports, banks=banks)
    number = 0
    for code, count in counts.items():
        for _ in range(count):
            number += 1
            join(ports, code, f"{code}000{number:04d}", f"359901170890{number:04d}", f"+62857000{number:04d}0")
    return ports


def states(world: World, code: str) -> dict[str, int]:
    found = world.rows("SELECT state, count(*) FROM mandates WHERE bank_code = :code GROUP BY state", code=code)
    return dict(map(tuple, found))


@AILMENTS
def test_a_sick_bank_is_asked_for_few_mandates_and_the_good_one_agrees_in_the_same_round(
    world: World, failure: Exception, asked: int
) -> None:
    sick = Faulty(failure)
    ports = consented(world, {SICK: sick, WELL: Faulty(None, WELL)}, {SICK: MANY, WELL: 1})
    with structlog.testing.capture_logs():
        assert ask_banks(ports) == asked + 1
    assert len(sick.asked) == asked
    assert states(world, WELL) == {"active": 1}
    untouched = world.one("SELECT count(*) FROM events WHERE subject = 'mandate' AND why = 'ask'")
    assert untouched == asked + 1, "those that rest were not even claimed"
    assert states(world, SICK)["consented"] >= MANY - asked


def test_a_broken_adapter_leaves_a_mandate_without_an_answer_and_a_line_in_the_log(world: World) -> None:
    ports = consented(world, {SICK: Faulty(ZeroDivisionError())}, {SICK: 1})
    with structlog.testing.capture_logs() as logs:
        ask_banks(ports)
    assert states(world, SICK) == {"unknown": 1}
    assert [line["kind"] for line in logs if line["event"] == "adapter_broken"] == ["ZeroDivisionError"]


def test_a_broken_adapter_keeps_no_other_bank_from_being_asked_after_its_mandates(world: World) -> None:
    silent: dict[str, Bank] = {code: Faulty(BankUnknown("504"), code) for code in (SICK, WELL)}
    ports = consented(world, silent, {SICK: 1, WELL: 1})
    ask_banks(ports)
    world.clock.forward(minutes=1)
    well = Faulty(None, WELL)
    with structlog.testing.capture_logs():
        assert ask_after(replace(ports, banks={SICK: Faulty(ZeroDivisionError()), WELL: well})) == 2
    assert len(well.asked) == 1


def ended(world: World, count: int) -> Ports:
    """So many mandates at the sick bank and one at the good one, all of them to be taken back."""
    ports = crew(world, {SICK: count, WELL: 1})
    with world.ports.database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO work_items (kind, about, state, bank_code, code, decision, opened_at, due_on)"
                " SELECT 'cancel_at_bank', 'mandate ' || id, 'open', bank_code, '', '', :now, '2026-11-30'"
                " FROM mandates"
            ),
            {"now": world.clock.now},
        )
    return ports


@AILMENTS
def test_a_sick_bank_is_told_of_few_cancels_and_the_good_one_of_its_own(
    world: World, failure: Exception, asked: int
) -> None:
    sick = Faulty(failure)
    ports = replace(ended(world, MANY), banks={SICK: sick, WELL: Faulty(None, WELL)})
    with structlog.testing.capture_logs():
        assert tell_banks(ports) == 1
    assert len(sick.asked) == asked
    left = world.rows("SELECT bank_code FROM work_items WHERE state = 'open'")
    assert [code for (code,) in left] == [SICK] * MANY


def test_cancels_that_a_bank_never_answers_keep_no_other_from_it_for_ever(world: World) -> None:
    ports = ended(world, UNANSWERED_MAX + 1)
    ids = world.rows("SELECT id FROM mandates WHERE bank_code = :code ORDER BY id", code=SICK)
    never = {f"IU{mandate_id}" for (mandate_id,) in ids[:UNANSWERED_MAX]}

    class SilentAboutSome(Faulty):
        def cancel(self, mandate: CancelRequest) -> None:
            self.failure = BankUnknown("500") if mandate.customer_id in never else None
            super().cancel(mandate)

    some = replace(ports, banks={SICK: SilentAboutSome(None)})
    for _ in range(100):
        if tell_banks(some):
            return
    pytest.fail("the fourth was never told")


@AILMENTS
def test_a_sick_bank_is_asked_for_few_refunds_and_the_good_one_gives_back(
    world: World, failure: Exception, asked: int
) -> None:
    sick, well = Faulty(failure), Faulty(None, WELL)
    ports = replace(crew(world, {SICK: MANY, WELL: 1}), banks={SICK: sick, WELL: well})
    with world.ports.database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO refunds (reference, attempt_reference, month, worker_id, n, bank_code, amount_rp, state,"
                " why, bank_reference, changed_at) SELECT 'R' || right(reference, 11), reference, month, worker_id, n,"
                " bank_code, 28400, 'approved', 'surplus', '', changed_at FROM attempts"
            )
        )
        connection.execute(
            text(
                "INSERT INTO transfers (month, at, worker_id, reference, kind, programme, debit_account,"
                " credit_account, amount_rp) SELECT month, changed_at, worker_id, reference, 'surplus', 'SURPLUS',"
                " 'bank:' || bank_code, 'refund:' || bank_code, 28400 FROM attempts"
            )
        )
    with structlog.testing.capture_logs():
        assert send_refunds(ports) == 1
    assert len(sick.asked) == asked
    assert len(well.asked) == 1
    untouched = world.one("SELECT count(*) FROM refunds WHERE state = 'approved' AND lease_until IS NULL")
    assert untouched == MANY - asked
