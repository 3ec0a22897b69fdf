"""Enrolments that others prepared: nothing of them stands among workers before the own yes, within seven days."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text

from insurance.helpers import helper_in, shown_name
from insurance.receipts import Owed, Recipient, forget, owe_all, recipient
from insurance.tariff import first_month, price_list
from insurance.work import FRESH, Work
from models import CodeTry, Helper, Invitation, InvitationState, Village, Worker
from models.bulk import add_unknown
from models.event import Happening, record_all
from models.invitation import INVITATION_MOVES
from models.machine import Cause, move
from models.village import check_digit
from sealing import Box
from texts import FIRST_LANGUAGE
from texts.longest import HELPER_SHOWN_SEPTETS
from units.clock import jakarta_day
from units.gsm import shorten
from units.money import rupiah
from units.month import day_text, month_name

LIFE = timedelta(days=7)
CODE_DIGITS = 6
# How many a helper may invite on one day: each is a text to somebody who did not ask for it.
HELPED_A_DAY_MAX = 50
# Slips carry the invitation's number: with eight digits, its check digit and the code it stays shorter than a NIK.
SLIP_NUMBERS_MAX = 99_999_999
EXPIRED_AT_ONCE = 500
_IDS = text("SELECT nextval(pg_get_serial_sequence('invitations', 'id')) FROM generate_series(1, :count)")


class NotHelping(Exception):
    """This number helps nobody in this village today."""


class AlreadyInvited(Exception):
    """The same helper sent the same a moment ago: a repeat of what was done."""


class TooManyInvited(Exception):
    """HELPED_A_DAY_MAX were invited from this number today."""


@dataclass(frozen=True)
class Person:
    """Who is invited and what was said of the person; a roster's line leaves some of it empty."""

    nik: str
    name: str
    village_code: str
    phone: str = ""
    sector: str = ""
    base_rp: int = 0
    programmes: str = ""
    rt_rw: str = ""
    group_code: str = ""

    def __repr__(self) -> str:
        return "Person(***)"

    @property
    def has_terms(self) -> bool:
        """Whether a price can be told, so that an SMS can carry the whole question."""
        return bool(self.sector and self.base_rp and self.programmes)


@dataclass(frozen=True)
class Invited:
    """An invitation just made: `code` is in no row and in no log, only in the person's SMS or on the slip."""

    id: int
    person: Person
    code: str

    def __repr__(self) -> str:
        return f"Invited({self.id})"

    @property
    def slip(self) -> str:
        """`173-482913`: number with its check digit, and the code; typed as one number."""
        if self.id > SLIP_NUMBERS_MAX:
            raise OverflowError("slip numbers are used up")
        return f"{self.id}{check_digit(str(self.id))}-{self.code}"


def code_index(work: Work, invitation_id: int, code: str) -> bytes:
    return work.keys.index("invitation", f"{invitation_id}:{code}")


def invite(work: Work, phone_index: bytes, person: Person) -> None:
    """A helper prepares `person`, who gets an SMS. Raises NotHelping, AlreadyInvited or TooManyInvited.

    Where the NIK is a worker's already nothing is written, and the helper is told the same: it is not theirs to know.
    """
    helper = helper_in(work, phone_index, person.village_code)
    if helper is None:
        raise NotHelping
    nik_index = work.keys.index("nik", person.nik)
    if work.db.scalar(select(Worker.id).where(Worker.nik_index == nik_index)) is not None:
        return
    before = work.db.scalars(
        select(Invitation).where(Invitation.nik_index == nik_index).with_for_update()
    ).one_or_none()
    if before is not None:
        fresh = before.helper_id == helper.id and work.now - before.invited_at <= FRESH
        if fresh and person_of(work, before)[0] == person:
            raise AlreadyInvited
    if _invited_today(work, phone_index) >= HELPED_A_DAY_MAX:
        raise TooManyInvited
    if before is not None:
        close(work, before, InvitationState.EXPIRED, Cause("helper", "replaced"))
        work.db.flush()
    made = add(work, [person], shown_name(work, helper), helper)
    if not made:
        # Another helper invited the same person in this very moment; one SMS is enough.
        raise AlreadyInvited


def _invited_today(work: Work, phone_index: bytes) -> int:
    since = work.now - timedelta(days=1)
    query = select(func.count()).select_from(Invitation).join(Helper)
    return work.db.execute(query.where(Helper.phone_index == phone_index, Invitation.invited_at > since)).scalar_one()


def add(work: Work, people: Sequence[Person], inviter: str, helper: Helper | None = None) -> list[Invited]:
    """Write invitations and owe the SMS to those with a number; those whose NIK has one already are left out."""
    ids = work.db.execute(_IDS, {"count": len(people)}).scalars().all()
    invited = [
        Invited(int(id_), person, f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}")
        for id_, person in zip(ids, people, strict=True)
    ]
    owed = {one.id: _sms(work, one, inviter, helper) for one in invited if one.person.phone}
    rows = [_row(work, one, owed.get(one.id), inviter, helper) for one in invited]
    made = set(add_unknown(work.db, Invitation, rows, "id"))
    actor, after = "helper" if helper else "roster", InvitationState.AWAITING_YES.value
    record_all(work.db, [Happening(("invitation", str(id_)), actor, "invite", "", "", after) for id_ in made], work.now)
    owe_all(work, [text_ for id_, (text_, _) in owed.items() if id_ in made])
    return [one for one in invited if one.id in made]


def _row(
    work: Work, one: Invited, owed: tuple[Owed, str] | None, inviter: str, helper: Helper | None
) -> dict[str, object]:
    person = one.person
    box, wrapped = work.keys.new_person()
    kept = {**vars(person), "words": owed[1] if owed else "", "inviter": inviter}
    return {
        "id": one.id,
        "state": InvitationState.AWAITING_YES.value,
        "helper_id": helper.id if helper else None,
        "village_code": person.village_code,
        "data_key": wrapped,
        "person_sealed": box.seal(json.dumps(kept), "invitation.person"),
        "nik_index": work.keys.index("nik", person.nik),
        "phone_index": work.keys.index("phone", person.phone) if person.phone else None,
        "code_index": code_index(work, one.id, one.code),
        "tries": 0,
        "invited_at": work.now,
        "expires_at": work.now + LIFE,
    }


def _sms(work: Work, one: Invited, inviter: str, helper: Helper | None) -> tuple[Owed, str]:
    """The text that asks the person, and its words: they are the consent where the answer is `YA` and the code."""
    kind, facts = question(work, one.person, inviter, one.code)
    zone = work.db.get_one(Village, one.person.village_code).zone
    to: Recipient = recipient(work, one.person.phone, FIRST_LANGUAGE, zone=zone)
    owed = Owed(
        to,
        kind,
        _message_key(one.id),
        facts,
        # A helper stands beside the person; a roster is loaded at any hour.
        told_at_once=helper is not None,
        expires_at=work.now + LIFE,
    )
    return owed, words(work, kind, facts)


def _message_key(invitation_id: int) -> str:
    return f"invited:{invitation_id}"


def words(work: Work, kind: str, facts: Mapping[str, str]) -> str:
    return work.texts.sms(kind, FIRST_LANGUAGE, {"code": work.settings.USSD_CODE, **facts})


def question(work: Work, person: Person, inviter: str, code: str) -> tuple[str, Mapping[str, str]]:
    """The kind of SMS and its facts: with the price of today and the coming one, or without where none is known."""
    initials = "".join(f"{word[0]}." for word in person.name.split()[:2])
    facts = {"helper": shorten(inviter, HELPER_SHOWN_SEPTETS), "initials": initials, "otp": code}
    if not person.has_terms:
        return "invited_dial", {**facts, "date": day_text(jakarta_day(work.now + LIFE))}
    prices, month = price_list(work, person.sector), first_month(work.today)
    now = prices.quote(month, person.base_rp, person.programmes)
    change = prices.next_change(month, person.base_rp, person.programmes)
    later = ""
    if change is not None:
        month2 = month_name(change[0], FIRST_LANGUAGE)
        later = work.texts.line("change", FIRST_LANGUAGE, month2=month2, amount2=rupiah(change[1].total_rp))
    return "invited", {**facts, "amount": rupiah(now.total_rp), "change": later}


def person_of(work: Work, row: Invitation) -> tuple[Person, str, str]:
    """Who is invited, the words of the SMS, and who invites."""
    assert row.data_key is not None
    assert row.person_sealed is not None
    box: Box = work.keys.person(row.data_key)
    kept = json.loads(box.open(row.person_sealed, "invitation.person"))
    said, inviter = kept.pop("words"), kept.pop("inviter")
    return Person(**kept), said, inviter


def is_open(row: Invitation, now: datetime) -> bool:
    return row.state == InvitationState.AWAITING_YES.value and row.expires_at > now


def close(work: Work, row: Invitation, state: InvitationState, cause: Cause, *, keep_code: bool = False) -> None:
    """End it and forget the person, the SMS included; what stays are states, times and the village."""
    move(work.db, row, INVITATION_MOVES, state, cause, work.now)
    row.data_key = row.person_sealed = row.nik_index = row.phone_index = None
    row.tries = 0
    if not keep_code:
        row.code_index = None
    forget(work, _message_key(row.id))


def expire(work: Work) -> int:
    """End EXPIRED_AT_ONCE of those that nobody said yes to in time, and forget old wrong tries; how many."""
    query = (
        select(Invitation)
        .where(Invitation.state == InvitationState.AWAITING_YES.value, Invitation.expires_at <= work.now)
        .order_by(Invitation.expires_at)
        .limit(EXPIRED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    rows = work.db.scalars(query).all()
    for row in rows:
        close(work, row, InvitationState.EXPIRED, Cause("system", "expired"))
    work.db.execute(CodeTry.__table__.delete().where(CodeTry.day < work.today))  # type: ignore[attr-defined]
    return len(rows)
