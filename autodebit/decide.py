"""Does what enough people decided: a run goes on, money goes back, an outcome is booked; fewer change nothing."""

from sqlalchemy import select

from banks.base import Became
from insurance import refunds, work_items
from insurance.attempts import key_of
from insurance.bank_words import DEBITED, NOT_DEBITED, Word, hear
from insurance.work import Work
from models import Refund, RefundState, WorkItem, WorkKind, WorkState
from models.machine import Cause
from ports import Ports

OUTCOMES = ("run", "refund", DEBITED, NOT_DEBITED, "returned", "settled_by_hand")
_FITS: dict[WorkKind, tuple[str, ...]] = {
    WorkKind.RUN: ("run",),
    WorkKind.REFUND: ("refund", "returned"),
    WorkKind.MANUAL_OUTCOME: (DEBITED, NOT_DEBITED),
}


def decide(ports: Ports, item_id: int, by: str, decision: str) -> str:
    """One person's yes to `decision`; what came of it, in words. Raises LookupError, NotOpen, Disagreed, ValueError."""
    with ports.transaction() as work:
        item = work.db.get(WorkItem, item_id)
        if item is None:
            raise LookupError(f"there is no work item {item_id}")
        kind = WorkKind(item.kind)
        if decision not in _FITS.get(kind, ("settled_by_hand",)):
            raise ValueError(f"{decision!r} does not fit a work item of the kind {kind.value!r}")
        if kind is WorkKind.REFUND and decision == "returned":
            return _returned(work, item, by)
        if kind not in _FITS:
            # No money moves by it: one person has seen to it and says so.
            if item.state != WorkState.OPEN.value:
                raise work_items.NotOpen(item.state)
            work_items.close(work, item, Cause(by[:40], decision))
            return f"Item {item_id}: closed."
        if not work_items.approve(work, item_id, by, decision):
            return f"Item {item_id}: noted. {work.settings.APPROVALS_MIN} people have to agree to {decision!r}."
        return _do(work, item, decision)


def _do(work: Work, item: WorkItem, decision: str) -> str:
    if item.kind == WorkKind.RUN.value:
        return f"Item {item.id}: approved. The run goes on with its next planning."
    if item.kind == WorkKind.REFUND.value:
        return f"Item {item.id}: approved. The refund is sent by the worker."
    key = key_of(work, item.about)
    if key is None:
        raise LookupError("its attempt is not known")
    became = Became.DONE if decision == DEBITED else Became.FAILED
    return f"Item {item.id}: {hear(work, key, Word(became, 'people', code=decision))}."


def _returned(work: Work, item: WorkItem, by: str) -> str:
    """A person had the bank give the money back, at a bank that cannot be asked to."""
    refund = work.db.scalars(select(Refund).where(Refund.attempt_reference == item.about)).one_or_none()
    if refund is None or refund.state != RefundState.BY_HAND.value:
        raise ValueError("this refund is not one to be made by hand")
    refunds.done(work, refund.reference, "by hand", Cause(by[:40], "returned"))
    return f"Item {item.id}: the refund is booked."
