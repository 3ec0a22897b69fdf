"""Enrolment of a worker by the worker's own yes; registered here is not protected, and nothing says it is."""

import re
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from insurance.consent import Yes, keep
from insurance.helpers import is_official
from insurance.name_words import index_name
from insurance.receipts import owe_worker
from insurance.reference import detached
from insurance.references import new_reference
from insurance.waking import EXCHANGE, wake
from insurance.work import Work
from insurance.work_items import open_item
from models import Consent, Contact, Membership, MembershipState, Village, Worker, WorkKind
from models.event import record
from models.village import is_short_code
from units.gsm import to_gsm
from units.month import day_text
from units.nik import Nik

# A SNAP account name has at most 100 characters (programme.md 3.4); nobody types more than 60 on a keypad.
NAME_LETTERS_MAX = 60
# A number from which more people than this said yes is looked at by a person (rulings 11).
SAID_YES_MAX = 3
# Letters of Indonesian names in Latin script; apostrophe, dot, comma, slash and hyphen stand in titles and spellings.
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ '.,/\-])+")
_STANDING = (MembershipState.SUBMITTED.value, MembershipState.VERIFIED.value)


class AlreadyEnrolled(Exception):
    """This NIK is a worker's already, under another number."""


class AlreadyEnrolledHere(AlreadyEnrolled):
    """This NIK was enrolled from this very number: a repeat of what was done."""


class LeftBefore(AlreadyEnrolled):
    """This NIK left from this very number: it joins again with its PIN, in the menu of its data."""


class AgeOutside(Exception):
    """Too young or too old to enrol, by the configured ages."""


class NotAMember(Exception):
    """The membership has ended: only joining again is left."""


class PhoneFull(Exception):
    """PHONE_WORKERS_MAX workers share this number already."""


class OfficialsOthers(Exception):
    """A helper's or a head's number enrols its owner; all others are invited, and say yes themselves."""


class BadName(ValueError):
    """`empty` or `long`: why this cannot be a name."""


@dataclass(frozen=True)
class Enrolment:
    """All that was answered; `pin_hash` was made in the call, `yes` holds the words that were agreed to."""

    nik: Nik
    name: str
    village_code: str
    sector: str
    base_rp: int
    programmes: str
    language: str
    phone: str
    pin_hash: str
    yes: Yes

    def __repr__(self) -> str:
        return "Enrolment(***)"


def read_name(typed: str) -> str:
    """As it is kept: capitals in GSM's letters. Raises BadName."""
    # Capitals first: they may be longer (`ß`) or have no place in GSM where the small letter had one.
    text = to_gsm(" ".join(typed.split()).upper())
    if not _NAME.fullmatch(text):
        raise BadName("empty")
    if len(text) > NAME_LETTERS_MAX:
        raise BadName("long")
    return text


def village_by_short_code(work: Work, typed: str) -> Village | None:
    if not is_short_code(typed):
        return None
    return work.reference.get(("village code", typed), work.now, lambda: _village(work, typed))


def _village(work: Work, short_code: str) -> Village | None:
    rows = work.db.scalars(select(Village).where(Village.short_code == short_code)).all()
    return next(iter(detached(work.db, rows)), None)


def village_known(work: Work, code: str) -> bool:
    return work.db.get(Village, code) is not None


def villages_in_district(work: Work, district: str) -> list[Village]:
    """Villages of the NIK's first district, as a guess at where the worker lives now."""
    return work.reference.get(("district", district), work.now, lambda: _villages(work, district))


def _villages(work: Work, district: str) -> list[Village]:
    query = select(Village).where(Village.code.like(f"{district}____")).order_by(Village.name)
    return detached(work.db, work.db.scalars(query).all())


def check_age(work: Work, nik: Nik) -> None:
    """Raises AgeOutside."""
    if not work.settings.AGE_MIN <= nik.age_on(work.today) < work.settings.AGE_BELOW:
        raise AgeOutside


def enrol(work: Work, asked: Enrolment) -> Worker:
    """Write the worker, the membership and the consent, and owe the receipt.

    Raises AgeOutside, PhoneFull, OfficialsOthers, AlreadyEnrolledHere, LeftBefore or AlreadyEnrolled; then nothing is
    written.
    """
    check_age(work, asked.nik)
    nik_index = work.keys.index("nik", asked.nik.digits)
    phone_index = work.keys.index("phone", asked.phone)
    hold_number(work, phone_index)
    sharing = workers_sharing(work, phone_index)
    full = sharing >= work.settings.PHONE_WORKERS_MAX
    _refuse_known(work, nik_index, phone_index, full=full)
    if full:
        raise PhoneFull
    if sharing and is_official(work, phone_index):
        raise OfficialsOthers
    box, wrapped = work.keys.new_person()
    fields = {
        "data_key": wrapped,
        "nik_index": nik_index,
        "nik_sealed": box.seal(asked.nik.digits, "worker.nik"),
        "name_sealed": box.seal(asked.name, "worker.name"),
        "birth_sealed": box.seal(asked.nik.birth.isoformat(), "worker.birth"),
        "village_code": asked.village_code,
        "rt_rw": "",
        "group_code": "",
        "language": asked.language,
        "pin_hash": asked.pin_hash,
        "pin_wrong": 0,
        "pin_locks": 0,
        "reminders": True,
        "enrolled_at": work.now,
    }
    # Two phones may enrol one NIK in the same moment: the unique index decides, and the second is told.
    made = insert(Worker).values(**fields).on_conflict_do_nothing(index_elements=["nik_index"]).returning(Worker.id)
    worker_id = work.db.scalar(made)
    if worker_id is None:
        _refuse_known(work, nik_index, phone_index, full=False)
        raise AlreadyEnrolled
    worker = work.db.get_one(Worker, worker_id)
    phone = Contact(
        worker_id=worker_id,
        phone_index=phone_index,
        phone_sealed=box.seal(asked.phone, "contact.phone"),
        since=work.today,
        last_seen=work.today,
    )
    worker.contacts.append(phone)
    index_name(work, worker, asked.name)
    _submit(work, worker, asked)
    return worker


def hold_number(work: Work, phone_index: bytes) -> None:
    """Who is about to come to this number waits for the other who is: both would count the same free places."""
    work.db.execute(select(func.pg_advisory_xact_lock(int.from_bytes(phone_index[:8], signed=True))))


def workers_sharing(work: Work, phone_index: bytes) -> int:
    shared_by = select(func.count()).select_from(Contact).where(Contact.phone_index == phone_index)
    return work.db.execute(shared_by).scalar_one()


def phone_is_full(work: Work, phone_index: bytes) -> bool:
    return workers_sharing(work, phone_index) >= work.settings.PHONE_WORKERS_MAX


def _refuse_known(work: Work, nik_index: bytes, phone_index: bytes, *, full: bool) -> None:
    """Raises AlreadyEnrolledHere, LeftBefore or AlreadyEnrolled; a full phone learns nothing of NIKs not its own."""
    known = work.db.scalars(select(Worker).where(Worker.nik_index == nik_index)).unique().one_or_none()
    if known is not None:
        # Only what a repeat would do again may say that it was done: a refused enrolment needs a person.
        state = work.db.get_one(Membership, known.id).state
        here = any(contact.phone_index == phone_index for contact in known.contacts)
        if here and state in _STANDING:
            raise AlreadyEnrolledHere
        if here and state == MembershipState.ENDED.value:
            raise LeftBefore
        if not full:
            raise AlreadyEnrolled


def _submit(work: Work, worker: Worker, asked: Enrolment) -> None:
    work.db.add(
        Membership(
            worker_id=worker.id,
            state=MembershipState.SUBMITTED.value,
            reference=new_reference(),
            programmes=asked.programmes,
            sector=asked.sector,
            base_rp=asked.base_rp,
            reason="",
            submitted_at=work.now,
        )
    )
    consent = keep(work, worker, asked.yes)
    _look_at_many(work, worker, consent)
    record(work.db, worker.subject, "member", "enrol", "", "", MembershipState.SUBMITTED.value, work.now)
    owe_worker(
        work,
        worker,
        "enrolled",
        f"enrolled:{worker.id}",
        {"name": work.name(worker), "date": day_text(work.today)},
    )
    wake(work.db, EXCHANGE)


def _look_at_many(work: Work, worker: Worker, consent: Consent) -> None:
    """Asked of the yeses themselves: they stay where a member has moved to another number since (rulings 11)."""
    same = Consent.phone_index == consent.phone_index, Consent.kind == consent.kind
    if work.db.execute(select(func.count(Consent.worker_id.distinct())).where(*same)).scalar_one() > SAID_YES_MAX:
        open_item(work, WorkKind.MANY_CONFIRMED, work.db.get_one(Membership, worker.id).reference)


def check_stands(work: Work, worker: Worker) -> Membership:
    """The membership, while it has not ended. Raises NotAMember."""
    member = work.db.get_one(Membership, worker.id, populate_existing=True)
    if member.state == MembershipState.ENDED.value:
        raise NotAMember
    return member
