"""Does what enough people decided: a run goes on, money goes back, an outcome is booked; fewer change nothing."""

import re

from banks.base import Became, TakesCodes
from insurance import giving_back, mandate_life, mandates, price_changes, refunds, tickets, unposted, work_items
from insurance.attempts import key_of
from insurance.bank_words import DEBITED, NOT_DEBITED, Word, hear
from insurance.work import Work
from models import WorkItem, WorkKind, WorkState
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
    price_changes.DECISION,
)
# Of a mandate or a refund, as the bank's desk says it: ASPI gives `eMandateReffId` 30 characters (programme.md 3.4).
_BANK_REFERENCE = re.compile(r"[A-Za-z0-9_.-]{1,30}")
_FITS: dict[WorkKind, tuple[str, ...]] = {
    WorkKind.RUN: ("run",),
    WorkKind.TARIFF: (price_changes.DECISION,),
    # RETURNED where its bank cannot be asked to, which its code says.
    WorkKind.REFUND: (refunds.DECISION, RETURNED),
    # Money moved, or may have: one person alone explains none of it away (rulings 15).
    WorkKind.DIFFERENCE: (BY_HAND,),
    WorkKind.NOTICE: (BY_HAND,),
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
"""Differences that lead to more than an explanation, by their code."""
_WITH_REFERENCE = ((WorkKind.MANDATE_OUTCOME, AGREED), (WorkKind.REFUND, RETURNED))


def decide(ports: Ports, item_id: int, by: str, decision: str, bank_reference: str = "") -> str:
    """One person's yes to `decision`; what came of it, in words. Raises LookupError, NotOpen, Disagreed, ValueError.

    That a bank agreed to a mandate, or gave money back by hand, is said with the bank's reference of it, and everybody
    has to name the same one.
    """
    with ports.transaction() as work:
        item = work.db.get(WorkItem, item_id)
        if item is None:
            raise LookupError(f"there is no work item {item_id}")
        kind, two_decide = WorkKind(item.kind), _two_decide(item)
        # Of some kinds none fits: an empty list is no missing one.
        if decision not in ((BY_HAND,) if two_decide is None else two_decide):
            raise ValueError(f"{decision!r} does not fit a work item of the kind {kind.value!r}")
        if kind is WorkKind.REFUND and (decision == RETURNED) != refunds.is_by_hand(work, item.about):
            raise ValueError("'returned' is for refunds that are to be made by hand, and for those nothing else is")
        if decision == AGREED and isinstance(ports.banks.get(item.bank_code), TakesCodes):
            raise ValueError("only the bank's own answer brings the token that it debits by: wait, or 'not_agreed'")
        _check_reference(kind, decision, bank_reference)
        if two_decide is None:
            # An errand that moves no money, like telling a bank or the insurer: who has run it says so.
            if item.state != WorkState.OPEN.value:
                raise work_items.NotOpen(item.state)
            work_items.close(work, item, Cause(by[:40], decision))
            return f"Item {item_id}: closed."
        _hold(work, item)
        if not work_items.approve(work, item_id, by, f"{decision} {bank_reference}".strip()):
            return f"Item {item_id}: noted. {work.settings.APPROVALS_MIN} people have to agree to {decision!r}."
        return _do(work, item, decision, bank_reference)


def _two_decide(item: WorkItem) -> tuple[str, ...] | None:
    """What people may agree to of this matter; None where one person's word closes it."""
    usual = _FITS.get(WorkKind(item.kind))
    return _FITS_MONEY.get(item.code, usual) if item.kind == WorkKind.DIFFERENCE.value else usual


def choices(work: Work, item: WorkItem) -> tuple[str, ...]:
    """The decisions that `decide` would take now."""
    two_decide = _two_decide(item)
    if item.state != WorkState.OPEN.value:
        return ()
    if two_decide is None:
        return (BY_HAND,)
    if item.kind == WorkKind.REFUND.value:
        return (RETURNED,) if refunds.is_by_hand(work, item.about) else (refunds.DECISION,)
    return two_decide


def wants_reference(item: WorkItem, decision: str) -> bool:
    """Whether everybody who agrees has to name the bank's own reference."""
    return (WorkKind(item.kind), decision) in _WITH_REFERENCE


def _check_reference(kind: WorkKind, decision: str, bank_reference: str) -> None:
    if (kind, decision) not in _WITH_REFERENCE:
        if bank_reference:
            raise ValueError(f"{decision!r} has no reference of the bank's")
    elif not _BANK_REFERENCE.fullmatch(bank_reference):
        raise ValueError(f"{decision!r} needs the bank's own reference of it, at most 30 letters and digits")


def _do(work: Work, item: WorkItem, decision: str, bank_reference: str) -> str:
    if item.kind == WorkKind.RUN.value:
        return f"Item {item.id}: approved. The run goes on with its next planning."
    if item.kind == WorkKind.TARIFF.value:
        return f"Item {item.id}: {price_changes.apply(work, item).about} stands."
    if item.kind == WorkKind.REFUND.value:
        if decision == RETURNED:
            refunds.done(work, refunds.reference_for(work, item.about), bank_reference, Cause("people", decision))
            return f"Item {item.id}: the refund is booked."
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
    if item.kind in (WorkKind.NOT_POSTED.value, WorkKind.DIFFERENCE.value, WorkKind.NOTICE.value):
        return _do_posting(work, item, decision)
    key = key_of(work, item.about)
    if key is None:
        raise LookupError("its attempt is not known")
    became = Became.DONE if decision == DEBITED else Became.FAILED
    return f"Item {item.id}: {hear(work, key, Word(became, 'people', code=decision))}."


def _hold(work: Work, item: WorkItem) -> None:
    """Mandate, debit and month before the item, as the bank's and the insurer's words hold them."""
    if item.kind in (WorkKind.MANUAL_OUTCOME.value, WorkKind.REFUND.value):
        giving_back.hold(work, item.about)
    if item.kind == WorkKind.MANDATE_OUTCOME.value:
        mandate_life.hold(work, int(item.about.removeprefix("mandate ")))
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
