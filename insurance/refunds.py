"""Money owed back for a debit: owed once, approved by two people, sent under its own reference, posted when done."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from insurance.attempts import Try, locked
from insurance.ledger import post_refunded
from insurance.notices import facts
from insurance.party import Party, parties, reach
from insurance.receipts import Owed, owe_all
from insurance.references import new_reference
from insurance.waking import REFUND, wake
from insurance.work import Work
from insurance.work_items import REFUND_UNASKED, WRONG_AMOUNT, approve, close, find, open_item, reopen
from models import Attempt, Refund, RefundState, TakenLine, WorkItem, WorkKind, WorkState
from models.machine import Cause, move
from models.refund import REFUND_MOVES
from models.work_item import WORK_MOVES
from units.month import Month, day_text

DECISION = "refund"
SURPLUS, UNPOSTED, UNASKED = "surplus", "unposted", "unasked"
"""Why: a second success; the insurer refused the month; the bank gave it back by hand before anybody asked."""
AGAIN_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class Sending:
    """A refund about to be sent: what its bank has to be told."""

    reference: str
    bank_code: str
    attempt_reference: str
    attempt_bank_reference: str
    amount_rp: int
    asked_at: datetime
    in_doubt: bool
    """Sent before without an answer: it may have been made already, whatever the bank says to this sending."""


def owe_refund(work: Work, one: Try, why: str, *, agreed: bool = False) -> None:
    """Once for each debit, however often its surplus is told. Waits for approvals as a work item (rulings 15).

    `agreed`: by the decision of enough people that led to it, so that nobody is asked again.
    """
    row = insert(Refund).values(
        reference=new_reference(),
        attempt_reference=one.reference,
        month=one.month,
        worker_id=one.worker_id,
        n=one.n,
        bank_code=one.bank_code,
        amount_rp=one.total_rp,
        state=RefundState.DUE.value,
        why=why,
        bank_reference="",
        changed_at=work.now,
    )
    made = work.db.scalar(row.on_conflict_do_nothing(index_elements=["attempt_reference"]).returning(Refund.reference))
    if made is None:
        return
    item = open_item(work, WorkKind.REFUND, one.reference, code=why, bank_code=one.bank_code, amount_rp=one.total_rp)
    if agreed:
        item.decision = DECISION
        move(work.db, item, WORK_MOVES, WorkState.APPROVED, Cause("people", "agreed", why), work.now)
    elif work.settings.APPROVALS_MIN == 0:
        approve(work, item.id, "sandbox", DECISION)
    wake(work.db, REFUND)


def release_approved(work: Work, limit: int = 100) -> int:
    """Refunds whose work item two people approved may be sent."""
    query = (
        select(Refund)
        .join(WorkItem, (WorkItem.kind == WorkKind.REFUND.value) & (WorkItem.about == Refund.attempt_reference))
        # Asked of the item here, not afterwards: those that nobody approves would fill the limit for ever.
        .where(Refund.state == RefundState.DUE.value, WorkItem.state == WorkState.APPROVED.value)
        .order_by(Refund.changed_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Refund)
    )
    released = work.db.scalars(query).all()
    for refund in released:
        _change(work, refund, RefundState.APPROVED, Cause("system", "approved"))
    return len(released)


def claim(work: Work, lease: timedelta, resting: Collection[str] = ()) -> Sending | None:
    """The next refund to send, under a lease; none of the banks that are `resting`.

    One whose sender died goes again: the bank takes its reference once.
    """
    states = [RefundState.APPROVED.value, RefundState.UNKNOWN.value, RefundState.SENT.value]
    query = (
        select(Refund)
        .where(
            Refund.state.in_(states),
            Refund.bank_code.not_in(resting),
            Refund.lease_until.is_(None) | (Refund.lease_until < work.now),
            ~_made_by_hand(),
        )
        .order_by(Refund.changed_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    refund = work.db.scalars(query).one_or_none()
    if refund is None:
        return None
    # Only read: a debit is held before its refund everywhere, and here the refund is held already.
    one = work.db.get_one(Attempt, (refund.month, refund.worker_id, refund.n))
    in_doubt = refund.state != RefundState.APPROVED.value
    if refund.state == RefundState.SENT.value:
        _change(work, refund, RefundState.UNKNOWN, Cause("system", "lease"))
    _change(work, refund, RefundState.SENT, Cause("system", "refund"))
    refund.asked_at = refund.asked_at or work.now
    refund.lease_until = work.now + lease
    return Sending(
        refund.reference,
        refund.bank_code,
        one.reference,
        one.bank_reference,
        refund.amount_rp,
        refund.asked_at,
        in_doubt,
    )


def _made_by_hand() -> ColumnElement[bool]:
    """Its bank's file has it before we sent it: until people have decided what that was, ours would be the second."""
    line = (TakenLine.bank_code, TakenLine.day, TakenLine.kind, TakenLine.reference, TakenLine.found)
    return exists().where(
        TakenLine.debit == Refund.attempt_reference,
        TakenLine.debit != "",
        TakenLine.kind == "refund",
        # A part of it too: to send the whole after that would give back more than was taken.
        TakenLine.found.in_((REFUND_UNASKED, WRONG_AMOUNT)),
        WorkItem.kind == WorkKind.DIFFERENCE.value,
        WorkItem.about == func.concat_ws(" ", *line),
        WorkItem.closed_at.is_(None),
    )


def done_by_hand(work: Work, attempt_reference: str, bank_reference: str, cause: Cause) -> None:
    """The bank gave it back before we asked, and people agree. Raises ValueError where it went back before."""
    query = select(Refund).where(Refund.attempt_reference == attempt_reference).with_for_update()
    refund = work.db.scalars(query).one()
    if refund.state in (RefundState.DONE.value, RefundState.UNDONE.value):
        raise ValueError("this debit was given back once already: have the bank take the second one back")
    if refund.state == RefundState.DUE.value:
        _change(work, refund, RefundState.APPROVED, cause)
    if refund.state == RefundState.APPROVED.value:
        _change(work, refund, RefundState.BY_HAND, cause)
    done(work, refund.reference, bank_reference, cause)


def is_done(work: Work, attempt_reference: str) -> bool:
    query = select(Refund.state).where(Refund.attempt_reference == attempt_reference)
    return work.db.scalar(query) == RefundState.DONE.value


def returning(worker_id: int, since: Month) -> Select[date]:
    """Months whose money is on its way back: not paid, and nothing may be debited for them until it is there."""
    over = [RefundState.DONE.value, RefundState.UNDONE.value]
    return select(Refund.month).where(
        Refund.worker_id == worker_id, Refund.month >= since, Refund.why != SURPLUS, Refund.state.not_in(over)
    )


def is_by_hand(work: Work, attempt_reference: str) -> bool:
    """Whether people have to have its bank make it: it has no such service, or refused."""
    query = select(Refund.state).where(Refund.attempt_reference == attempt_reference)
    return work.db.scalar(query) == RefundState.BY_HAND.value


def reference_for(work: Work, attempt_reference: str) -> str:
    return work.db.execute(select(Refund.reference).where(Refund.attempt_reference == attempt_reference)).scalar_one()


def done(work: Work, reference: str, bank_reference: str, cause: Cause) -> None:
    """The money is back: posted, told, the item closed. A repeat changes nothing."""
    refund = work.db.get_one(Refund, reference)
    key = (refund.month, refund.worker_id, refund.n)
    one = locked(work, [key])[key]
    work.db.refresh(refund, with_for_update=True)
    if refund.state == RefundState.DONE.value:
        return
    refund.bank_reference = bank_reference[:64]
    _change(work, refund, RefundState.DONE, cause)
    post_refunded(work, one)
    item = find(work, WorkKind.REFUND, refund.attempt_reference, lock=True)
    if item is not None:
        close(work, item, cause)
    # Where nobody told them that money would come back, they are told what that means for the month.
    _tell(work, refund, one, "reversed" if refund.why == UNASKED else "refunded")


def _tell(work: Work, refund: Refund, one: Try, kind: str) -> None:
    """A sponsor's money has no account holder to be told."""
    key = f"refunded:{refund.reference}" if kind == "refunded" else f"{kind}:{one.reference}"
    owed = []
    for to in _owner(work, one):
        said = {**facts(one, to), "date": day_text(work.today), "ref": one.reference}
        owed += [Owed(who, kind, key, said, told_at_once=False) for who in reach(work, to)]
    owe_all(work, owed)


def _owner(work: Work, one: Try) -> list[Party]:
    return list(parties(work, [one.mandate_id]).values()) if one.mandate_id is not None else []


def again(work: Work, reference: str, code: str, *, unknown: bool) -> None:
    """Not done yet: sent again later under the same reference."""
    refund = work.db.get_one(Refund, reference, with_for_update=True)
    if refund.state == RefundState.SENT.value:
        to = RefundState.UNKNOWN if unknown else RefundState.APPROVED
        _change(work, refund, to, Cause("bank", "not_yet", code))
        refund.lease_until = work.now + AGAIN_AFTER


def by_hand(work: Work, reference: str, code: str) -> None:
    """The bank has no such service, or refused: a person has it done at the bank, and the item says so."""
    refund = work.db.get_one(Refund, reference, with_for_update=True)
    if refund.state in (RefundState.SENT.value, RefundState.APPROVED.value):
        _change(work, refund, RefundState.BY_HAND, Cause("bank", "no_refund", code))
        item = find(work, WorkKind.REFUND, refund.attempt_reference, lock=True)
        if item is not None:
            item.code = f"by hand {code}"[:40]
            reopen(work, item, Cause("bank", "no_refund", code))


def _change(work: Work, refund: Refund, to: RefundState, cause: Cause) -> None:
    move(work.db, refund, REFUND_MOVES, to, cause, work.now)
    refund.changed_at, refund.lease_until = work.now, None


_NOT_SENT = (RefundState.DUE.value, RefundState.APPROVED.value, RefundState.BY_HAND.value)


def undone(work: Work, one: Try, cause: Cause) -> bool:
    """The bank took the debit back by itself; False where the refund is on its way already, which a person must see.

    One that a person is to have made is not on its way: what a person had made since is told as a refund, and refused.
    """
    query = select(Refund).where(Refund.attempt_reference == one.reference).with_for_update()
    refund = work.db.scalars(query).one_or_none()
    if refund is None or refund.state not in _NOT_SENT:
        return False
    _change(work, refund, RefundState.UNDONE, cause)
    item = find(work, WorkKind.REFUND, one.reference, lock=True)
    if item is not None:
        close(work, item, cause)
    # The other text says that the month is unpaid, which it is not where another debit paid it.
    _tell(work, refund, one, "refunded" if refund.why == SURPLUS else "reversed")
    return True
