"""Another number of a member, instead of the one they call from or beside it: both confirm, neither alone can."""

import secrets
from datetime import timedelta

from sqlalchemy import select

from insurance.enrolment import (
    OfficialsOthers,
    PhoneFull,
    check_stands,
    hold_number,
    phone_is_full,
    workers_sharing,
)
from insurance.helpers import is_official
from insurance.receipts import owe, owe_worker, recipient
from insurance.told import tell_insurer
from insurance.work import Work
from models import ChangeKind, Contact, NumberChange, NumberState, Worker
from models.event import record
from models.machine import Cause, move
from models.number_change import NUMBER_MOVES

CODE_LIFE = timedelta(hours=24)
CODE_TRIES_MAX = 3
CODE_DIGITS = 6
# A second code to the same number before this would be a way to fill a stranger's inbox.
ASK_AGAIN_AFTER = timedelta(minutes=10)
ASKED_A_DAY_MAX = 3
NUMBERS_MAX = 3


class AskedAlready(Exception):
    """A code went to this very number a moment ago: a repeat."""


class SameNumber(Exception):
    """It is the number that the member has."""


class NumbersFull(Exception):
    """The member has as many numbers as one may have."""


class NumberLeft(Exception):
    """The other number was the member's already: the one they call from is theirs no more, with nothing to confirm."""


class WrongCode(Exception):
    """Not a code that waits for this number; the try was counted."""


def _code_index(work: Work, change: NumberChange, code: str) -> bytes:
    return work.keys.index("number_code", f"{change.worker_id}:{change.asked_at.timestamp()}:{code}")


def ask(work: Work, worker: Worker, old_phone: str, new_phone: str, *, beside: bool = False) -> None:
    """Send a code to the new number; nothing changes before it comes back from there. `beside`: the old one stays.

    Raises NotAMember, SameNumber, NumbersFull, PhoneFull, OfficialsOthers or AskedAlready; NumberLeft where all is done
    at once.
    """
    work.db.refresh(worker, ["pin_wrong"], with_for_update={"of": Worker})
    check_stands(work, worker)
    new_index = work.keys.index("phone", new_phone)
    old_index = work.keys.index("phone", old_phone)
    if any(contact.phone_index == new_index for contact in worker.contacts):
        if beside or new_index == old_index:
            raise SameNumber
        # Both confirmed before: the PIN alone takes the one away.
        _leave(work, worker, old_index, f"{worker.id}:{work.now.timestamp()}")
        raise NumberLeft
    if beside and len(worker.contacts) >= NUMBERS_MAX:
        raise NumbersFull
    if phone_is_full(work, new_index):
        raise PhoneFull
    if _is_taken_official(work, new_index):
        raise OfficialsOthers
    _drop_earlier(work, worker, new_index)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    change = NumberChange(
        worker_id=worker.id,
        state=NumberState.ASKED.value,
        old_index=b"" if beside else old_index,
        new_index=new_index,
        new_sealed=work.box(worker).seal(new_phone, "number_change.new"),
        tries=0,
        asked_at=work.now,
        expires_at=work.now + CODE_LIFE,
    )
    change.code_index = _code_index(work, change, code)
    work.db.add(change)
    work.db.flush()
    record(work.db, change.subject, "member", "ask", "", "", change.state, work.now)
    # Initials alone: whoever holds that number may be a stranger.
    said = {
        "initials": work.initials(worker),
        "number_code": code,
        "time": work.local_time(change.expires_at, worker),
    }
    to = recipient(work, new_phone, worker.language, worker)
    key = f"number_code:{change.id}"
    owe(work, to, "number_code", key, said, expires_at=change.expires_at)


def _drop_earlier(work: Work, worker: Worker, new_index: bytes) -> None:
    query = select(NumberChange).where(
        NumberChange.worker_id == worker.id, NumberChange.state == NumberState.ASKED.value
    )
    lately = select(NumberChange.new_index, NumberChange.asked_at).where(
        NumberChange.worker_id == worker.id, NumberChange.asked_at > work.now - timedelta(days=1)
    )
    asked = work.db.execute(lately).all()
    # Whatever became of it meanwhile: codes to strangers in turn would fill their inboxes as well.
    if len(asked) >= ASKED_A_DAY_MAX or any(
        index == new_index and work.now - at < ASK_AGAIN_AFTER for index, at in asked
    ):
        raise AskedAlready
    for earlier in work.db.scalars(query.with_for_update()):
        move(work.db, earlier, NUMBER_MOVES, NumberState.DROPPED, Cause("member", "asked_anew"), work.now)
    work.db.flush()


def confirm(work: Work, phone: str, code: str) -> Worker:
    """The code came back from the new number: the member is reached there from now on, and the old number is told.

    Raises WrongCode; after CODE_TRIES_MAX the move is dropped. The caller commits either way: a try must count.
    """
    index = work.keys.index("phone", phone)
    hold_number(work, index)
    query = (
        select(NumberChange)
        .where(NumberChange.new_index == index, NumberChange.state == NumberState.ASKED.value)
        .order_by(NumberChange.id)
        .with_for_update()
    )
    waiting = [change for change in work.db.scalars(query) if change.expires_at > work.now]
    for change in waiting:
        if change.code_index == _code_index(work, change, code):
            return _done(work, change, phone)
    for change in waiting:
        change.tries += 1
        if change.tries >= CODE_TRIES_MAX:
            move(work.db, change, NUMBER_MOVES, NumberState.DROPPED, Cause("member", "wrong_code"), work.now)
    raise WrongCode


def _is_taken_official(work: Work, index: bytes) -> bool:
    """A helper's or head's number is its owner's alone (enrolment.OfficialsOthers)."""
    return is_official(work, index) and workers_sharing(work, index) > 0


def _leave(work: Work, worker: Worker, index: bytes, change: str) -> None:
    """That number is the member's no more, and is told so."""
    box = work.box(worker)
    for old in [contact for contact in worker.contacts if contact.phone_index == index]:
        told = recipient(work, box.open(old.phone_sealed, "contact.phone"), worker.language, worker)
        said = {"name": work.name(worker), "time": work.local_time(work.now, worker)}
        owe(work, told, "number_left", f"number_left:{change}", said)
        worker.contacts.remove(old)
        work.db.delete(old)


def _done(work: Work, change: NumberChange, phone: str) -> Worker:
    worker = work.db.get_one(Worker, change.worker_id, with_for_update={"of": Worker}, populate_existing=True)
    if phone_is_full(work, change.new_index) or _is_taken_official(work, change.new_index):
        move(work.db, change, NUMBER_MOVES, NumberState.DROPPED, Cause("system", "phone_full"), work.now)
        raise WrongCode
    move(work.db, change, NUMBER_MOVES, NumberState.DONE, Cause("member", "confirmed"), work.now)
    if change.old_index:
        _leave(work, worker, change.old_index, str(change.id))
    elif len(worker.contacts) >= NUMBERS_MAX:
        raise WrongCode
    else:
        said = {"name": work.name(worker), "time": work.local_time(work.now, worker)}
        owe_worker(work, worker, "number_added", f"number_added:{change.id}", said)
    # Texts go to the number known longest: one that is added on the very day of the first comes behind it.
    since = max([work.today, *(contact.since + timedelta(days=1) for contact in worker.contacts[:1])])
    sealed = work.box(worker).seal(phone, "contact.phone")
    worker.contacts.append(
        Contact(
            worker_id=worker.id,
            phone_index=change.new_index,
            phone_sealed=sealed,
            since=since,
            last_seen=work.today,
        )
    )
    if change.old_index:
        # The insurer keeps one: where texts go.
        tell_insurer(work, worker, ChangeKind.PHONE, work.today, phone)
    to = recipient(work, phone, worker.language, worker)
    said = {"name": work.name(worker)}
    owe(work, to, "number_done", f"number_done:{change.id}", said)
    return worker
