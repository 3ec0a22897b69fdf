"""The invited person's own yes: a one-time code, few tries, then a worker stands; a first PIN needs that code too."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from insurance import pin
from insurance.consent import Yes
from insurance.enrolment import AlreadyEnrolled, AlreadyEnrolledHere, Enrolment, enrol
from insurance.helpers import is_official
from insurance.invitations import (
    CODE_DIGITS,
    Person,
    add,
    close,
    code_index,
    is_open,
    person_of,
    question,
    words,
)
from insurance.work import Work
from models import CodeTry, Helper, Invitation, InvitationState, Worker
from models.event import record
from models.machine import Cause
from models.village import check_digit
from texts import FIRST_LANGUAGE
from units.nik import parse_nik

CODE_TRIES_MAX = 3
# Wrong codes of one number on one day, so that a stranger cannot spoil a whole roster's slips.
NUMBER_TRIES_MAX = 5


class WrongCode(Exception):
    """No open invitation has this code at this number, or on this slip; a guess at an open one was counted."""


class CodesTomorrow(Exception):
    """NUMBER_TRIES_MAX wrong codes came from this number today."""


class OfficialsNumber(Exception):
    """A helper's or a head's number says yes for nobody (rulings 11)."""


class NeedsCall(Exception):
    """The right code of an invitation without a price: a yes to it needs the screens."""


class PriceChanged(Exception):
    """It costs something else than the SMS said: another SMS with another code was owed."""


class InvitationOver(Exception):
    """Too late, or used already."""


class CodeSpent(Exception):
    """There is no code (any more) with which a first PIN may be set."""


@dataclass(frozen=True)
class Opened:
    """An invitation whose code was shown to be in the right hands."""

    row: Invitation
    person: Person
    words: str
    inviter: str

    def __repr__(self) -> str:
        return f"Opened({self.row.id})"


def open_with(work: Work, phone_index: bytes, digits: str) -> Opened:
    """By the six digits of the own number's SMS, or by a slip's number and code.

    Raises OfficialsNumber, CodesTomorrow, WrongCode or AlreadyEnrolledHere. The caller commits either way: a wrong try
    must count.
    """
    if is_official(work, phone_index):
        raise OfficialsNumber
    if _wrong_today(work, phone_index) >= NUMBER_TRIES_MAX:
        raise CodesTomorrow
    code, number = digits[-CODE_DIGITS:], digits[:-CODE_DIGITS]
    rows = _at_slip(work, number) if number else _at_number(work, phone_index)
    found = [row for row in rows if row.code_index == code_index(work, row.id, code)]
    if len(found) == 1:
        return Opened(found[0], *person_of(work, found[0]))
    if not number and _was_confirmed(work, phone_index, code):
        raise AlreadyEnrolledHere
    if rows or not number:
        # A slip that is over, or never was, can be spoilt by nobody.
        _count_wrong(work, phone_index, rows)
    raise WrongCode


def _at_number(work: Work, phone_index: bytes) -> list[Invitation]:
    # The rows are held so that guesses through many calls at once are counted one after the other.
    query = select(Invitation).where(Invitation.phone_index == phone_index).order_by(Invitation.id).with_for_update()
    return [row for row in work.db.scalars(query.execution_options(populate_existing=True)) if is_open(row, work.now)]


def is_slip(digits: str) -> bool:
    """Whether these can be a slip's number and code: a slip of the finger in a NIK seldom can, and is no guess."""
    number = digits[:-CODE_DIGITS]
    return len(number) > 1 and check_digit(number[:-1]) == number[-1]


def _at_slip(work: Work, number: str) -> list[Invitation]:
    row = work.db.get(Invitation, int(number[:-1]), with_for_update=True, populate_existing=True)
    # One that was sent to a number is answered from that number alone.
    return [row] if row is not None and row.phone_index is None and is_open(row, work.now) else []


def _was_confirmed(work: Work, phone_index: bytes, code: str) -> bool:
    ids = [worker.id for worker in work.workers_at(phone_index)]
    rows = work.db.scalars(select(Invitation).where(Invitation.worker_id.in_(ids))) if ids else ()
    return any(row.code_index == code_index(work, row.id, code) for row in rows)


def _wrong_today(work: Work, phone_index: bytes) -> int:
    query = select(CodeTry.wrong).where(CodeTry.phone_index == phone_index, CodeTry.day == work.today)
    return work.db.scalar(query) or 0


def _count_wrong(work: Work, phone_index: bytes, rows: list[Invitation]) -> None:
    tried = insert(CodeTry).values(phone_index=phone_index, day=work.today, wrong=1)
    once_more = {"wrong": CodeTry.wrong + 1}
    work.db.execute(tried.on_conflict_do_update(index_elements=["phone_index", "day"], set_=once_more))
    for row in rows:
        row.tries += 1
        if row.tries >= CODE_TRIES_MAX:
            close(work, row, InvitationState.VOID, Cause("member", "wrong_code"))


def confirm(work: Work, invitation_id: int, asked: Enrolment) -> Worker:
    """The person's yes makes the worker. Raises InvitationOver, OfficialsNumber and what `enrol` raises.

    `asked.pin_hash` is pin.NO_PIN where the yes came by SMS; the code then stays good for the first PIN.
    """
    phone_index = work.keys.index("phone", asked.phone)
    if is_official(work, phone_index):
        raise OfficialsNumber
    row = work.db.get_one(Invitation, invitation_id, with_for_update=True, populate_existing=True)
    if row.worker_id is not None and row.confirmed_by == phone_index:
        if asked.pin_hash:
            # The SMS came first and the call, which had the right code too, brings the PIN.
            set_first_pin(work, work.db.get_one(Worker, row.worker_id), asked.pin_hash)
        raise AlreadyEnrolledHere
    if not is_open(row, work.now) or row.phone_index not in (None, phone_index):
        raise InvitationOver
    person = person_of(work, row)[0]
    try:
        worker = enrol(work, asked)
    except AlreadyEnrolled:
        close(work, row, InvitationState.VOID, Cause("system", "already_enrolled"))
        raise
    # Where the person lives in the village, as the roster had it; a village that was changed has other RTs.
    if worker.village_code == person.village_code:
        worker.rt_rw, worker.group_code = person.rt_rw, person.group_code
    row.worker_id, row.confirmed_by = worker.id, phone_index
    close(
        work,
        row,
        InvitationState.CONFIRMED,
        Cause("member", asked.yes.channel),
        keep_code=asked.pin_hash == pin.NO_PIN,
    )
    work.db.flush()
    return worker


def confirm_by_sms(work: Work, phone: str, code: str, session: str) -> Worker:
    """`YA` and the code. Raises what `open_with` and `confirm` raise, NeedsCall or PriceChanged."""
    opened = open_with(work, work.keys.index("phone", phone), code)
    person, row = opened.person, opened.row
    if not person.has_terms or not opened.words:
        raise NeedsCall
    kind, facts = question(work, person, opened.inviter, code)
    if words(work, kind, facts) != opened.words:
        _ask_anew(work, opened)
        raise PriceChanged
    version = work.texts.sms_version(kind, FIRST_LANGUAGE)
    yes = Yes("enrolment", version, FIRST_LANGUAGE, opened.words, session, phone, "sms")
    asked = Enrolment(
        nik=parse_nik(person.nik, work.today),
        name=person.name,
        village_code=person.village_code,
        sector=person.sector,
        base_rp=person.base_rp,
        programmes=person.programmes,
        language=FIRST_LANGUAGE,
        phone=phone,
        pin_hash=pin.NO_PIN,
        yes=yes,
    )
    return confirm(work, row.id, asked)


def _ask_anew(work: Work, opened: Opened) -> None:
    """Another invitation with today's price takes this one's place, and lives no longer than it."""
    helper_id, expires_at = opened.row.helper_id, opened.row.expires_at
    close(work, opened.row, InvitationState.EXPIRED, Cause("system", "price_changed"))
    work.db.flush()
    helper = work.db.get(Helper, helper_id) if helper_id is not None else None
    for one in add(work, [opened.person], opened.inviter, helper):
        work.db.get_one(Invitation, one.id).expires_at = expires_at


def check_first_code(work: Work, worker: Worker, code: str) -> None:
    """Raises WrongCode, counted, or CodeSpent: then only a branch can give this worker a PIN."""
    query = select(Invitation).where(Invitation.worker_id == worker.id).with_for_update()
    row = work.db.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None or row.code_index is None:
        raise CodeSpent
    if row.code_index == code_index(work, row.id, code):
        return
    row.tries += 1
    if row.tries < CODE_TRIES_MAX:
        raise WrongCode
    row.code_index = None
    record(work.db, worker.subject, "member", "first_code_wrong", "", "", "first_code_spent", work.now)
    raise CodeSpent


def set_first_pin(work: Work, worker: Worker, pin_hash: str) -> None:
    """After the right code; where a PIN stands already it stays."""
    work.db.refresh(worker, ["pin_hash"], with_for_update={"of": Worker})
    if worker.pin_hash != pin.NO_PIN:
        return
    pin.change(work, worker, pin_hash)
    for row in work.db.scalars(select(Invitation).where(Invitation.worker_id == worker.id)):
        row.code_index = None
