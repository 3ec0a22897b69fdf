"""Leaving the programme and joining again: membership ends or begins anew, the autodebit ends at once, all is told."""

from contextlib import suppress

from insurance import mandates
from insurance.consent import Yes, keep
from insurance.enrolment import check_stands
from insurance.receipts import owe_worker
from insurance.references import new_reference
from insurance.told import tell_insurer
from insurance.waking import EXCHANGE, wake
from insurance.work import Work
from models import ChangeKind, Membership, MembershipState, Worker
from models.event import record
from models.machine import Cause, move
from models.membership import MEMBERSHIP_MOVES
from units.month import day_text

LEFT, DIED = "left", "died"


class NotLeft(Exception):
    """The membership has not ended, or was begun anew already."""


def leave(work: Work, worker: Worker, yes: Yes) -> None:
    """By the member's own yes. Raises NotAMember where it has ended already."""
    work.db.refresh(worker, ["pin_wrong"], with_for_update={"of": Worker})
    check_stands(work, worker)
    keep(work, worker, yes)
    end(work, worker, Cause("member", LEFT))
    said = {"name": work.name(worker), "date": day_text(work.today)}
    key = f"left:{worker.id}:{work.now:%Y%m%d%H%M%S%f}"
    owe_worker(work, worker, "left", key, said)


def end(work: Work, worker: Worker, cause: Cause) -> None:
    """End the membership and its mandates, and tell the insurer why (`cause.why`); the caller owes the text."""
    # Who has no mandate has nothing to end at a bank.
    with suppress(mandates.NoMandate):
        mandates.cancel(work, worker, cause)
    member = work.db.get_one(Membership, worker.id, with_for_update={"of": Membership}, populate_existing=True)
    move(work.db, member, MEMBERSHIP_MOVES, MembershipState.ENDED, cause, work.now)
    member.reason = cause.why
    if member.handed_over_in is not None:
        # Who leaves before the insurer has heard of them is never told of.
        tell_insurer(work, worker, ChangeKind.END, work.today, cause.why)


def rejoin(work: Work, worker: Worker, yes: Yes) -> None:
    """As at the first enrolment: submitted under a new reference, not protected. Raises NotLeft or HeldBack."""
    work.db.refresh(worker, ["pin_wrong", "held_at"], with_for_update={"of": Worker})
    if worker.held_at is not None:
        raise mandates.HeldBack
    member = work.db.get_one(Membership, worker.id, with_for_update={"of": Membership}, populate_existing=True)
    if member.state != MembershipState.ENDED.value:
        raise NotLeft
    keep(work, worker, yes)
    move(work.db, member, MEMBERSHIP_MOVES, MembershipState.SUBMITTED, Cause("member", "rejoin"), work.now)
    member.reference, member.reason, member.submitted_at, member.handed_over_in = new_reference(), "", work.now, None
    record(work.db, worker.subject, "member", "enrol", "again", "", member.state, work.now)
    said = {"name": work.name(worker), "date": day_text(work.today)}
    owe_worker(work, worker, "enrolled", f"enrolled:{worker.id}:{member.reference}", said)
    wake(work.db, EXCHANGE)
