"""A member's data erased at the own wish (UU 27/2022 art. 8, 43, 44): asked for, stopped in time, done for ever.

The person's key is destroyed, so that every sealed field is unreadable, and the fields and their indexes are emptied.
Months, sums and references stay under a worker's number that names nobody: the books and the chain still prove.
"""

import os
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, exists, null, or_, select, update

from insurance import leaving, mandates, pin
from insurance.contacts import main_tail
from insurance.personal import DELETED, EMPTIED, WORKER
from insurance.receipts import owe, owe_worker, recipient, recipients
from insurance.work import Work
from insurance.work_items import NAME_LETTERS_MAX
from models import (
    Attempt,
    Change,
    CoverMonth,
    Erasure,
    ErasureState,
    InboundSms,
    InsurerFile,
    Mandate,
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
    Sponsorship,
    Ticket,
    Visit,
    Worker,
    WorkItem,
    WorkState,
)
from models.erasure import ERASURE_MOVES
from models.event import record
from models.machine import Cause, move
from models.message import MESSAGE_MOVES
from models.month import AT_BANK
from models.number_change import NUMBER_MOVES
from models.pin_reset import PIN_RESET_MOVES
from models.worker import Contact
from units.month import add_months, month_of
from units.phone import masked_tail

LOOKED_AT_ONCE = 20
AGAIN_AFTER = timedelta(hours=1)
# A debit that is unknown for longer than this has become a matter that two people close.
_MONTHS_BACK = 15


class OtherNumber(Exception):
    """The member names another number than the one that would be told: somebody else may be standing there."""


class ErasureWaits(Exception):
    """It was asked for already, or is done."""


def ask(work: Work, member: Membership, number_ends: str, by: str) -> Erasure:
    """A branch officer saw the person and the KTP. Debits stop now and the bank is told; the rest waits for a no.

    `number_ends` are the last four digits of the own number as the member says them. Raises OtherNumber, ErasureWaits.
    """
    by, worker = " ".join(by.split())[:NAME_LETTERS_MAX], member.worker
    work.db.refresh(worker, ["data_key"], with_for_update={"of": Worker})
    if worker.is_erased or waiting(work, worker) is not None:
        raise ErasureWaits
    if main_tail(work, worker) != masked_tail(number_ends):
        raise OtherNumber
    due = work.now + timedelta(hours=work.settings.ERASURE_HOURS)
    row = Erasure(
        worker_id=worker.id, state=ErasureState.WAITING.value, asked_at=work.now, due_at=due, look_at=due, waits_for=""
    )
    work.db.add(row)
    work.db.flush()
    record(work.db, row.subject, by, "branch", "", "", row.state, work.now)
    record(work.db, worker.subject, by, "branch", "", "", "erasure_asked", work.now)
    said = {"name": work.name(worker), "time": work.local_time(due, worker)}
    owe_worker(work, worker, "erasure_asked", f"erasure_asked:{row.id}", said)
    _end_mandates(work, worker, Cause(by, "erasure"))
    return row


def _end_mandates(work: Work, worker: Worker, cause: Cause) -> None:
    if mandates.live_all(work, worker.id, lock=True):
        mandates.cancel(work, worker, cause)


def waiting(work: Work, worker: Worker) -> Erasure | None:
    query = select(Erasure).where(Erasure.worker_id == worker.id, Erasure.state == ErasureState.WAITING.value)
    return work.db.scalars(query.with_for_update(of=Erasure)).unique().one_or_none()


def stop(work: Work, worker: Worker, cause: Cause) -> bool:
    """Somebody at the member's number, or a person at the branch, says no. Whether there was one to stop."""
    row = waiting(work, worker)
    if row is None:
        return False
    move(work.db, row, ERASURE_MOVES, ErasureState.STOPPED, cause, work.now)
    record(work.db, worker.subject, cause.actor, cause.why, "", "", "erasure_stopped", work.now)
    return True


def carry_out(work: Work) -> int:
    """Those that are due: erased where nothing needs the data any more, else looked at again. How many were looked at.

    The caller commits.
    """
    due = (
        select(Erasure)
        .where(Erasure.state == ErasureState.WAITING.value, Erasure.look_at <= work.now)
        .order_by(Erasure.look_at)
        .limit(LOOKED_AT_ONCE)
        .with_for_update(of=Erasure, skip_locked=True)
    )
    rows = work.db.scalars(due).unique().all()
    for row in rows:
        worker = row.worker
        work.db.refresh(worker, ["data_key"], with_for_update={"of": Worker})
        _end_membership(work, worker)
        row.waits_for = _needed_for(work, worker)
        if row.waits_for:
            row.look_at = work.now + AGAIN_AFTER
        else:
            _erase(work, row)
    return len(rows)


def _end_membership(work: Work, worker: Worker) -> None:
    member = work.db.get_one(Membership, worker.id, with_for_update={"of": Membership}, populate_existing=True)
    cause = Cause("system", "erasure")
    if member.state == MembershipState.ENDED.value:
        _end_mandates(work, worker, cause)
    else:
        leaving.end(work, worker, cause)
    work.db.execute(
        update(Sponsorship)
        .where(Sponsorship.worker_id == worker.id, Sponsorship.ended_on.is_(None))
        .values(ended_on=work.today)
    )
    work.db.flush()


def _needed_for(work: Work, worker: Worker) -> str:
    """What still needs the person's data: the first of these, or nothing."""
    since = add_months(month_of(work.today), -_MONTHS_BACK)
    mine = [f"mandate {id_}" for id_ in work.db.scalars(select(Mandate.id).where(Mandate.worker_id == worker.id))]
    about = [text for one in mine for text in (one, f"{one} late")]
    reasons = (
        (
            "debit",
            exists().where(
                Attempt.month >= since,
                Attempt.worker_id == worker.id,
                Attempt.state.in_([state.value for state in AT_BANK]),
            ),
        ),
        (
            "refund",
            exists().where(
                Refund.worker_id == worker.id,
                Refund.state.not_in((RefundState.DONE.value, RefundState.UNDONE.value)),
            ),
        ),
        (
            "posting",
            exists().where(
                CoverMonth.worker_id == worker.id,
                CoverMonth.state == MonthState.COVERED.value,
                CoverMonth.posted_on.is_(None),
            ),
        ),
        (
            "bank",
            exists().where(
                WorkItem.about.in_(about), WorkItem.state.in_((WorkState.OPEN.value, WorkState.APPROVED.value))
            ),
        ),
        ("insurer", _untold(worker.id)),
        ("ticket", exists().where(Ticket.worker_id == worker.id, Ticket.answered_at.is_(None))),
    )
    return next((name for name, found in reasons if work.db.scalar(select(found))), "")


def _untold(worker_id: int) -> ColumnElement[bool]:
    """A change that no file of the insurer's holds yet, or a file with the person in it that is not written."""
    unwritten = select(InsurerFile.name).where(InsurerFile.written_at.is_(None))
    return exists(
        select(Change.id)
        .where(Change.worker_id == worker_id)
        .where(or_(Change.handed_over_in.is_(None), Change.handed_over_in.in_(unwritten)))
        .union_all(
            select(Membership.worker_id).where(
                Membership.worker_id == worker_id, Membership.handed_over_in.in_(unwritten)
            )
        )
    )


def _erase(work: Work, row: Erasure, *, told: bool = True) -> None:
    worker, cause = row.worker, Cause("system", "erasure")
    indexes = [contact.phone_index for contact in worker.contacts]
    _end_what_waits(work, worker, cause)
    for to in recipients(work, worker)[:1] if told else ():
        # The last text goes by the shared key, and goes with all texts of strangers.
        stranger = recipient(work, to.phone, to.language, zone=to.zone)
        owe(work, stranger, "erased", f"erased:{row.id}", {}, told_at_once=False)
    work.db.flush()
    work.db.execute(
        update(Worker)
        .where(Worker.id == worker.id)
        .values(
            dict.fromkeys(WORKER, b"")
            | {"nik_index": os.urandom(16), "pin_hash": pin.NO_PIN, "rt_rw": "", "group_code": ""}
            | {"named_since": None, "named_on": None}
        )
    )
    # Behind the key: the database lets go of a consent's words only where nobody can read them any more.
    for emptied in EMPTIED:
        columns = [emptied.table.__table__.c[name] for name in emptied.columns]
        values = {one.name: null() if one.nullable else one.type.python_type() for one in columns}
        work.db.execute(update(emptied.table).where(emptied.table.worker_id == worker.id).values(values))
    for table in DELETED:
        work.db.execute(delete(table).where(table.worker_id == worker.id))
    _empty_inbox(work, indexes)
    row.done_at = work.now
    move(work.db, row, ERASURE_MOVES, ErasureState.DONE, cause, work.now)
    record(work.db, worker.subject, "system", "erasure", "", "", "erased", work.now)
    work.db.flush()
    work.db.expire_all()


def _end_what_waits(work: Work, worker: Worker, cause: Cause) -> None:
    """What would still come back to the person: texts, codes, a visit."""
    unsent = select(Message).where(Message.worker_id == worker.id, Message.state == MessageState.CREATED.value)
    for message in work.db.scalars(unsent.with_for_update()):
        move(work.db, message, MESSAGE_MOVES, MessageState.EXPIRED, cause, work.now)
    asked = select(NumberChange).where(
        NumberChange.worker_id == worker.id, NumberChange.state == NumberState.ASKED.value
    )
    for change in work.db.scalars(asked.with_for_update()):
        move(work.db, change, NUMBER_MOVES, NumberState.DROPPED, cause, work.now)
    resets = select(PinReset).where(
        PinReset.worker_id == worker.id,
        PinReset.state.in_((PinResetState.WAITING.value, PinResetState.OPEN.value)),
    )
    for reset in work.db.scalars(resets.with_for_update(of=PinReset)).unique():
        move(work.db, reset, PIN_RESET_MOVES, PinResetState.STOPPED, cause, work.now)
    work.db.execute(update(Visit).where(Visit.worker_id == worker.id, Visit.done_at.is_(None)).values(done_at=work.now))


def _empty_inbox(work: Work, indexes: Sequence[bytes]) -> None:
    """What came in from numbers that are no member's any more."""
    others = set(work.db.scalars(select(Contact.phone_index).where(Contact.phone_index.in_(indexes))))
    alone = [index for index in indexes if index not in others]
    nothing = {"sender_sealed": b"", "sender_index": b"", "text_sealed": b"", "text_index": None}
    work.db.execute(update(InboundSms).where(InboundSms.sender_index.in_(alone)).values(nothing))


def erase_again(work: Work, worker_id: int) -> bool:
    """Somebody who was erased, and whom an older backup brought back: gone again at once. Whether there was anybody."""
    worker = work.db.get(Worker, worker_id, with_for_update={"of": Worker})
    if worker is None or worker.is_erased:
        return False
    row = waiting(work, worker)
    if row is None:
        values = {"asked_at": work.now, "due_at": work.now, "look_at": work.now, "waits_for": ""}
        row = Erasure(worker_id=worker.id, state=ErasureState.WAITING.value, **values)
        work.db.add(row)
        work.db.flush()
    _end_membership(work, worker)
    _erase(work, row, told=False)
    return True


def erased_ids(work: Work) -> Sequence[int]:
    """Of all who were erased, for a restore of an older backup."""
    query = select(Erasure.worker_id).where(Erasure.state == ErasureState.DONE.value).order_by(Erasure.id)
    return work.db.scalars(query).all()


def all_waiting(work: Work) -> Sequence[Erasure]:
    """Those that wait, the most urgent first."""
    query = select(Erasure).where(Erasure.state == ErasureState.WAITING.value).order_by(Erasure.due_at)
    return work.db.scalars(query).unique().all()
