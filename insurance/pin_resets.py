"""A forgotten PIN: a head may ask, a branch officer begins, the member may stop it, then sets a new one by a code."""

import secrets
from datetime import timedelta

from sqlalchemy import select

from insurance import pin
from insurance.contacts import held_until, main_tail
from insurance.invitations import CODE_DIGITS
from insurance.own_yes import CODE_TRIES_MAX, CodeSpent, WrongCode
from insurance.receipts import owe_worker
from insurance.villages import headed_by
from insurance.work import Work
from insurance.work_items import NAME_LETTERS_MAX, close, open_item
from models import Membership, PinReset, PinResetState, Worker, WorkItem, WorkKind, WorkState
from models.event import record
from models.machine import Cause, move
from models.pin_reset import PIN_RESET_MOVES
from units.clock import jakarta_day
from units.month import day_text
from units.phone import masked_tail

CODE_LIFE = timedelta(days=7)
OPENED_AT_ONCE = 100


class NoSuchMember(LookupError):
    """No membership has this reference."""


class OtherNumber(Exception):
    """The member names another number than the one the code would go to: a stranger may hold that by now."""


class ResetWaits(Exception):
    """One was begun already and its waiting time is not over."""


def ask(work: Work, phone_index: bytes, reference: str) -> None:
    """A head asks for a member of the own village; of any other nothing is noted, and nothing is said either way."""
    member = _member(work, reference)
    if member is None or member.worker.village_code not in headed_by(work, phone_index):
        return
    # One matter a day: an item that was closed must not swallow the next time.
    open_item(work, WorkKind.PIN_RESET, f"{member.reference} {work.today}")


def _member(work: Work, reference: str) -> Membership | None:
    query = select(Membership).where(Membership.reference == reference.strip().upper())
    return work.db.scalars(query).unique().one_or_none()


def begin(work: Work, reference: str, number_ends: str, by: str) -> PinReset:
    """A branch officer saw the person and the KTP. The member's number is told at once, and may stop it.

    `number_ends` are the last four digits of the own number as the member says them. Raises NoSuchMember, OtherNumber
    or ResetWaits.
    """
    by, member = " ".join(by.split())[:NAME_LETTERS_MAX], _member(work, reference)
    if member is None:
        raise NoSuchMember(reference)
    worker = member.worker
    if main_tail(work, worker) != masked_tail(number_ends):
        raise OtherNumber
    # Locking the worker makes two officers wait for each other.
    work.db.refresh(worker, ["pin_wrong"], with_for_update={"of": Worker})
    standing = in_hand(work, worker)
    if standing is not None:
        if standing.state == PinResetState.WAITING.value:
            raise ResetWaits
        _end(work, standing, PinResetState.SPENT, Cause(by, "begun_anew"))
        work.db.flush()
    row = PinReset(
        worker_id=worker.id,
        state=PinResetState.WAITING.value,
        asked_at=work.now,
        opens_at=work.now + timedelta(hours=work.settings.PIN_RESET_HOURS),
        tries=0,
    )
    work.db.add(row)
    work.db.flush()
    record(work.db, row.subject, by, "branch", "", "", row.state, work.now)
    record(work.db, worker.subject, by, "branch", "", "", "pin_reset", work.now)
    _close_asked(work, member.reference, by)
    said = {"name": work.name(worker), "time": work.local_time(row.opens_at, worker)}
    owe_worker(work, worker, "pin_reset", f"pin_reset:{row.id}", said)
    return row


def _close_asked(work: Work, reference: str, by: str) -> None:
    asked = select(WorkItem).where(
        WorkItem.kind == WorkKind.PIN_RESET.value,
        WorkItem.about.startswith(f"{reference} ", autoescape=True),
        WorkItem.state == WorkState.OPEN.value,
    )
    for item in work.db.scalars(asked.with_for_update()):
        close(work, item, Cause(by, "branch"))


def in_hand(work: Work, worker: Worker) -> PinReset | None:
    query = select(PinReset).where(
        PinReset.worker_id == worker.id,
        PinReset.state.in_((PinResetState.WAITING.value, PinResetState.OPEN.value)),
    )
    query = query.with_for_update(of=PinReset).execution_options(populate_existing=True)
    return work.db.scalars(query).unique().one_or_none()


def stop(work: Work, worker: Worker) -> PinResetState | None:
    """Somebody at the member's number says that it was not the member; how far it had come, None where there is none.

    Anybody at the number may: it takes nothing from the member but time. The code is no good any more either.
    """
    row = in_hand(work, worker)
    if row is None:
        return None
    before = PinResetState(row.state)
    _end(work, row, PinResetState.STOPPED, Cause("member", "not_me"))
    return before


def open_due(work: Work) -> int:
    """Those whose waiting time is over: the old PIN is gone, the code is owed. How many; the caller commits.

    Where the number has had another SIM within 72 h the code would go to whoever holds it: such a one waits on.
    """
    query = (
        select(PinReset)
        .where(PinReset.state == PinResetState.WAITING.value, PinReset.opens_at <= work.now)
        .order_by(PinReset.opens_at)
        .limit(OPENED_AT_ONCE)
        .with_for_update(of=PinReset, skip_locked=True)
    )
    rows = work.db.scalars(query).unique().all()
    for row in rows:
        until = max((held_until(work, contact) or work.now for contact in row.worker.contacts[:1]), default=work.now)
        if until > work.now:
            row.opens_at = until
        else:
            _open(work, row)
    return len(rows)


def _open(work: Work, row: PinReset) -> None:
    worker = row.worker
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    row.code_index, row.expires_at = _index(work, row, code), work.now + CODE_LIFE
    worker.pin_hash, worker.pin_wrong, worker.pin_locks, worker.pin_locked_until = pin.NO_PIN, 0, 0, None
    move(work.db, row, PIN_RESET_MOVES, PinResetState.OPEN, Cause("system", "waited"), work.now)
    said = {"name": work.name(worker), "otp": code, "date": day_text(jakarta_day(row.expires_at))}
    key = f"pin_reset_code:{row.id}"
    owe_worker(work, worker, "pin_reset_code", key, said, told_at_once=False, expires_at=row.expires_at)


def _index(work: Work, row: PinReset, code: str) -> bytes:
    return work.keys.index("pin_reset", f"{row.id}:{code}")


def check_code(work: Work, worker: Worker, code: str) -> bool:
    """Whether a reset gave this worker a code; then it was `code`. Raises WrongCode, counted, or CodeSpent."""
    row = in_hand(work, worker)
    if row is None or row.state != PinResetState.OPEN.value:
        return False
    if row.expires_at is None or row.expires_at <= work.now:
        raise CodeSpent
    if row.code_index == _index(work, row, code):
        return True
    row.tries += 1
    if row.tries < CODE_TRIES_MAX:
        raise WrongCode
    _end(work, row, PinResetState.SPENT, Cause("member", "wrong_code"))
    raise CodeSpent


def finish(work: Work, worker: Worker) -> None:
    """The new PIN stands."""
    row = in_hand(work, worker)
    if row is not None and row.state == PinResetState.OPEN.value:
        _end(work, row, PinResetState.DONE, Cause("member", "new_pin"))


def _end(work: Work, row: PinReset, to: PinResetState, cause: Cause) -> None:
    row.code_index = None
    move(work.db, row, PIN_RESET_MOVES, to, cause, work.now)
