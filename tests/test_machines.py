"""Every machine of state, every pair of its states: a legal move leaves one event, any other changes nothing."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

import pytest
from sqlalchemy.orm import Session

from models import (
    Attempt,
    AttemptState,
    CoverMonth,
    Erasure,
    ErasureState,
    Event,
    Invitation,
    InvitationState,
    Mandate,
    MandateState,
    Membership,
    MembershipState,
    Message,
    MessageState,
    MonthState,
    NumberChange,
    NumberState,
    PinReset,
    PinResetState,
    Refund,
    RefundState,
    Run,
    RunState,
    WorkItem,
    WorkState,
)
from models.erasure import ERASURE_MOVES
from models.invitation import INVITATION_MOVES
from models.machine import Cause, IllegalMove, Moves, Stateful, legal_moves, move
from models.mandate import ASKED, FINAL_MANDATES, IN_FORCE, MANDATE_MOVES
from models.membership import MEMBERSHIP_MOVES
from models.message import MESSAGE_MOVES
from models.month import ATTEMPT_MOVES, MONTH_MOVES, OPEN_ATTEMPTS
from models.number_change import NUMBER_MOVES
from models.pin_reset import PIN_RESET_MOVES
from models.refund import REFUND_MOVES
from models.run import RUN_MOVES
from models.work_item import WORK_MOVES

NOV = date(2026, 11, 1)
# Half an hour into December in Jakarta, still November in UTC.
AT = datetime(2026, 11, 30, 17, 30, tzinfo=UTC)
CAUSE = Cause("bank", "debited", "2005600")


@dataclass(frozen=True)
class Machine:
    states: type[StrEnum]
    moves: Moves
    begins: StrEnum
    finals: frozenset[StrEnum]
    row: Callable[[str], Stateful]
    subject: tuple[str, str]


MACHINES = {
    "membership": Machine(
        MembershipState,
        MEMBERSHIP_MOVES,
        MembershipState.SUBMITTED,
        frozenset(),
        lambda state: Membership(worker_id=17, state=state),
        ("membership", "17"),
    ),
    "mandate": Machine(
        MandateState,
        MANDATE_MOVES,
        MandateState.CONSENTED,
        frozenset({MandateState.REJECTED, MandateState.CANCELLED, MandateState.REPLACED, MandateState.EXPIRED}),
        lambda state: Mandate(id=17, state=state),
        ("mandate", "17"),
    ),
    "month": Machine(
        MonthState,
        MONTH_MOVES,
        MonthState.OPEN,
        frozenset({MonthState.WAIVED}),
        lambda state: CoverMonth(worker_id=17, month=NOV, state=state),
        ("month", "17/2026-11"),
    ),
    "attempt": Machine(
        AttemptState,
        ATTEMPT_MOVES,
        AttemptState.SCHEDULED,
        frozenset({AttemptState.REVERSED}),
        lambda state: Attempt(worker_id=17, month=NOV, n=1, reference="8F3K2", state=state),
        ("attempt", "8F3K2"),
    ),
    "run": Machine(
        RunState,
        RUN_MOVES,
        RunState.HELD,
        frozenset({RunState.REFUSED}),
        lambda state: Run(month=NOV, state=state),
        ("run", "2026-11"),
    ),
    "refund": Machine(
        RefundState,
        REFUND_MOVES,
        RefundState.DUE,
        frozenset({RefundState.DONE, RefundState.UNDONE}),
        lambda state: Refund(reference="8F3K2", state=state),
        ("refund", "8F3K2"),
    ),
    "work_item": Machine(
        WorkState,
        WORK_MOVES,
        WorkState.OPEN,
        frozenset({WorkState.DONE, WorkState.REFUSED}),
        lambda state: WorkItem(id=17, state=state),
        ("work_item", "17"),
    ),
    "invitation": Machine(
        InvitationState,
        INVITATION_MOVES,
        InvitationState.AWAITING_YES,
        frozenset({InvitationState.CONFIRMED, InvitationState.EXPIRED, InvitationState.VOID}),
        lambda state: Invitation(id=17, state=state),
        ("invitation", "17"),
    ),
    "number_change": Machine(
        NumberState,
        NUMBER_MOVES,
        NumberState.ASKED,
        frozenset({NumberState.DONE, NumberState.DROPPED}),
        lambda state: NumberChange(id=17, state=state),
        ("number_change", "17"),
    ),
    "erasure": Machine(
        ErasureState,
        ERASURE_MOVES,
        ErasureState.WAITING,
        frozenset({ErasureState.DONE, ErasureState.STOPPED}),
        lambda state: Erasure(id=17, state=state),
        ("erasure", "17"),
    ),
    "pin_reset": Machine(
        PinResetState,
        PIN_RESET_MOVES,
        PinResetState.WAITING,
        frozenset({PinResetState.DONE, PinResetState.STOPPED, PinResetState.SPENT}),
        lambda state: PinReset(id=17, state=state),
        ("pin_reset", "17"),
    ),
    "message": Machine(
        MessageState,
        MESSAGE_MOVES,
        MessageState.CREATED,
        frozenset({MessageState.DELIVERED, MessageState.UNDELIVERED, MessageState.REFUSED, MessageState.EXPIRED}),
        lambda state: Message(id=17, month=NOV, state=state),
        ("message", "2026-11/17"),
    ),
}
PAIRS = [(name, a, b) for name, machine in MACHINES.items() for a in machine.states for b in machine.states]
LEGAL = [(name, a, b) for name, a, b in PAIRS if b in MACHINES[name].moves[a]]
ILLEGAL = [pair for pair in PAIRS if pair not in LEGAL]


@pytest.mark.parametrize(("name", "before", "after"), LEGAL)
def test_a_legal_move_is_made_and_leaves_exactly_one_event(name: str, before: StrEnum, after: StrEnum) -> None:
    machine, db = MACHINES[name], Session()
    row = machine.row(before.value)
    move(db, row, machine.moves, after, CAUSE, AT)
    assert row.state == after.value
    (event,) = db.new
    assert isinstance(event, Event)
    assert (event.subject, event.subject_id) == machine.subject
    assert (event.before, event.after) == (before.value, after.value)
    assert (event.actor, event.why, event.code, event.at) == ("bank", "debited", "2005600", AT)
    assert event.month == date(2026, 12, 1), "an event belongs to the month it is in Jakarta"


@pytest.mark.parametrize(("name", "before", "after"), ILLEGAL)
def test_any_other_move_is_refused_and_changes_nothing(name: str, before: StrEnum, after: StrEnum) -> None:
    machine, db = MACHINES[name], Session()
    row = machine.row(before.value)
    with pytest.raises(IllegalMove, match=f"^{name}: {before.value} -> {after.value}$"):
        move(db, row, machine.moves, after, CAUSE, AT)
    assert row.state == before.value
    assert not db.new


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_every_state_has_its_line_and_is_reached_from_the_first(machine: Machine) -> None:
    assert set(machine.moves) == set(machine.states)
    reached, waiting = set[StrEnum](), [machine.begins]
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(state)
            waiting += machine.moves[state]
    assert reached == set(machine.states)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_a_final_state_has_no_way_out_and_every_other_has_one(machine: Machine) -> None:
    assert {state for state in machine.states if not machine.moves[state]} == machine.finals


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_no_state_moves_to_itself_for_a_repeat_is_no_event(machine: Machine) -> None:
    assert [state for state in machine.states if state in machine.moves[state]] == []


def test_the_moves_the_rulings_name_are_legal() -> None:
    assert MonthState.COVERED in MONTH_MOVES[MonthState.MISSED], "catch-up"
    assert MonthState.OPEN in MONTH_MOVES[MonthState.COVERED], "reversal"
    assert AttemptState.CONFIRMED in ATTEMPT_MOVES[AttemptState.FAILED_SOFT], "a late success posts"
    assert AttemptState.CONFIRMED in ATTEMPT_MOVES[AttemptState.FAILED_HARD], "a late success posts"


def test_what_may_have_been_sent_is_never_sent_anew() -> None:
    assert AttemptState.NOTICED not in ATTEMPT_MOVES[AttemptState.UNKNOWN]
    assert AttemptState.SENT not in ATTEMPT_MOVES[AttemptState.UNKNOWN]
    assert AttemptState.CANCELLED not in ATTEMPT_MOVES[AttemptState.UNKNOWN]
    assert MandateState.SUBMITTED not in MANDATE_MOVES[MandateState.UNKNOWN]
    assert MandateState.CONSENTED not in MANDATE_MOVES[MandateState.UNKNOWN]
    # A text may go again, where its kind does no harm twice (insurance/manners.REPEATABLE), but never unclaimed.
    assert MessageState.SENDING not in MESSAGE_MOVES[MessageState.HELD]


def test_a_mandate_is_active_on_the_banks_word_only() -> None:
    ways_in = {state for state, to in MANDATE_MOVES.items() if MandateState.ACTIVE in to}
    taken_up_again = {MandateState.PAUSED, MandateState.SUSPENDED}
    assert ways_in - taken_up_again == {MandateState.SUBMITTED, MandateState.UNKNOWN}
    for state in taken_up_again:
        ways_there = {before for before, to in MANDATE_MOVES.items() if state in to}
        assert ways_there == {MandateState.ACTIVE}, "only what was active is paused or suspended"


def states_named_by(index: str, table: type[Attempt | Mandate]) -> set[str]:
    (found,) = (one for one in table.__table__.indexes if one.name == index)  # type: ignore[attr-defined]
    return set(re.findall(r"'(\w+)'", str(found.dialect_options["postgresql"]["where"])))


def test_the_unique_indexes_name_the_same_states_as_the_machines() -> None:
    assert states_named_by("uq_attempts_one_open", Attempt) == {state.value for state in OPEN_ATTEMPTS}
    assert states_named_by("uq_mandates_one_in_force", Mandate) == {state.value for state in IN_FORCE}
    assert states_named_by("uq_mandates_one_asked", Mandate) == {state.value for state in ASKED}
    assert set(FINAL_MANDATES) == MACHINES["mandate"].finals
    assert {*FINAL_MANDATES, *IN_FORCE, *ASKED} == set(MandateState)


def test_a_move_to_a_state_that_does_not_exist_breaks_at_import() -> None:
    with pytest.raises(KeyError):
        legal_moves({MonthState.OPEN: "COVERD"})
