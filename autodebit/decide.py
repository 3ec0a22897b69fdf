"""Does what enough people decided: a run goes on, money goes back, an outcome is booked; fewer change nothing."""

import re

from sqlalchemy import select

from banks.base import Became, TakesCodes
from insurance import giving_back, mandate_life, mandates, refunds, tickets, unposted, work_items
from insurance.attempts import key_of
from insurance.bank_words import DEBITED, NOT_DEBITED, Word, hear
from insurance.work import Work
from models import Refund, RefundState, WorkItem, WorkKind, WorkState
from models.machine import Cause
from ports import Ports

AGREED, NOT_AGREED = "agreed", "not_agreed"
RETURNED, BY_HAND = "returned", "settled_by_hand"
OUTCOMES = (
    "run",
    refunds.DECISION,
    DEBITED,
    NOT_DEBITED,
    AGREED,
    NOT_AGREED,
    RETURNED,
    unposted.DECISION_AGAIN,
    BY_HAND,
    tickets.ALIVE,
    tickets.DEAD,
)
# Of a mandate, as the bank's desk says it: ASPI gives `eMandateReffId` 30 characters (programme.md 3.4).
_BANK_REFERENCE = re.compile(r"[A-Za-z0-9_.-]{1,30}")
_FITS: dict[WorkKind, tuple[str, ...]] = {
    WorkKind.RUN: ("run",),
    WorkKind.REFUND: (refunds.DECISION, RETURNED),
    WorkKind.NOT_POSTED: (refunds.DECISION, unposted.DECISION_AGAIN),
    WorkKind.MANUAL_OUTCOME: (DEBITED, NOT_DEBITED),
    WorkKind.MANDATE_OUTCOME: (AGREED, NOT_AGREED),
    WorkKind.DEATH: (tickets.ALIVE, tickets.DEAD),
    # Closed by their answer alone: `flask tickets answer`.
    WorkKind.COMPLAINT: (),
    WorkKind.ACCIDENT: (),
}
_FITS_MONEY: dict[str, tuple[str, ...]] = {
    work_items.REFUND_UNASKED: (RETURNED, BY_HAND),
    work_items.POSTED_REFUSED: (refunds.DECISION, BY_HAND),
}
"""Differences by their code; any other moves no money, and takes one person."""


def decide(ports: Ports, item_id: int, by: str, decision: str, bank_reference: str = "") -> str:
    """One person's yes to `decision`; what came of it, in words. Raises LookupError, NotOpen, Disagreed, ValueError.

    That a bank agreed to a mandate is said with the bank's reference of it, and everybody has to name the same one.
    """
    with ports.transaction() as work:
        item = work.db.get(WorkItem, item_id)
        if item is None:
            raise LookupError(f"there is no work item {item_id}")
        kind = WorkKind(item.kind)
        two_decide = _FITS_MONEY.get(item.code) if kind is WorkKind.DIFFERENCE else _FITS.get(kind)
        # Of some kinds none fits: an empty list is no missing one.
        if decision not in ((BY_HAND,) if two_decide is None else two_decide):
            raise ValueError(f"{decision!r} does not fit a work item of the kind {kind.value!r}")
        if decision == AGREED:
            _check_agreed(ports, item, bank_reference)
        elif bank_reference:
            raise ValueError(f"{decision!r} has no reference of the bank's")
        if kind is WorkKind.REFUND and decision == RETURNED:
            return _returned(work, item, by)
        if two_decide is None:
            # No money moves by it: one person has seen to it and says so.
            if item.state != WorkState.OPEN.value:
                raise work_items.NotOpen(item.state)
            work_items.close(work, item, Cause(by[:40], decision))
            return f"Item {item_id}: closed."
        _hold(work, item)
        if not work_items.approve(work, item_id, by, f"{decision} {bank_reference}".strip()):
            return f"Item {item_id}: noted. {work.settings.APPROVALS_MIN} people have to agree to {decision!r}."
        return _do(work, item, decision, bank_reference)


def _check_agreed(ports: Ports, item: WorkItem, bank_reference: str) -> None:
    if isinstance(ports.banks.get(item.bank_code), TakesCodes):
        raise ValueError("this bank debits by a token that only its own answer brings: wait for it, or 'not_agreed'")
    if not _BANK_REFERENCE.fullmatch(bank_reference):
        raise ValueError("'agreed' needs the bank's reference of the mandate, at most 30 letters and digits")


def _do(work: Work, item: WorkItem, decision: str, bank_reference: str) -> str:
    if item.kind == WorkKind.RUN.value:
        return f"Item {item.id}: approved. The run goes on with its next planning."
    if item.kind == WorkKind.REFUND.value:
        return f"Item {item.id}: approved. The refund is sent by the worker."
    if item.kind == WorkKind.DEATH.value:
        return tickets.decided(work, item, decision)
    if item.kind == WorkKind.MANDATE_OUTCOME.value:
        mandate = mandate_life.hold(work, int(item.about.removeprefix("mandate ")))
        if decision == AGREED:
            mandate_life.activated(work, mandate, bank_reference, code=decision)
        else:
            # What people learned may be wrong or change: the bank is told not to keep it.
            mandates.tell_bank(work, mandate)
            mandate_life.rejected(work, mandate, "bank", decision)
        return f"Item {item.id}: mandate {mandate.id} is {mandate.state}."
    if item.kind in (WorkKind.NOT_POSTED.value, WorkKind.DIFFERENCE.value):
        return _do_posting(work, item, decision)
    key = key_of(work, item.about)
    if key is None:
        raise LookupError("its attempt is not known")
    became = Became.DONE if decision == DEBITED else Became.FAILED
    return f"Item {item.id}: {hear(work, key, Word(became, 'people', code=decision))}."


def _hold(work: Work, item: WorkItem) -> None:
    """Debit and month before the item, as the bank's and the insurer's words hold them."""
    if item.kind == WorkKind.NOT_POSTED.value or item.code == work_items.POSTED_REFUSED:
        giving_back.hold(work, unposted.reference_of(item))
        unposted.hold_month(work, unposted.reference_of(item))


def _do_posting(work: Work, item: WorkItem, decision: str) -> str:
    """Of paid months that the insurer refused, and of money that a bank gave back unasked."""
    cause = Cause("people", decision)
    if decision == refunds.DECISION:
        giving_back.refund_refused(work, unposted.reference_of(item), cause)
        return f"Item {item.id}: the month is open again. The refund is sent by the worker."
    if decision == RETURNED:
        giving_back.book_unasked(work, item, cause)
        return f"Item {item.id}: the month is open again, and the refund is booked."
    if decision == unposted.DECISION_AGAIN:
        unposted.hand_over_again(work, item, cause)
        return f"Item {item.id}: the month goes to the insurer again."
    work_items.close(work, item, cause)
    return f"Item {item.id}: closed."


def _returned(work: Work, item: WorkItem, by: str) -> str:
    """A person had the bank give the money back, at a bank that cannot be asked to."""
    refund = work.db.scalars(select(Refund).where(Refund.attempt_reference == item.about)).one_or_none()
    if refund is None or refund.state != RefundState.BY_HAND.value:
        raise ValueError("this refund is not one to be made by hand")
    refunds.done(work, refund.reference, "by hand", Cause(by[:40], "returned"))
    return f"Item {item.id}: the refund is booked."
