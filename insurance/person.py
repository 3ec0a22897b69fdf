"""Everything of one member for an operator's page, and for the member who asks for a copy; it only reads."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from insurance import cover, heirs
from insurance.cover import Cover
from insurance.work import Work
from models import Attempt, Consent, CoverMonth, Mandate, Membership, Message, PinReset, PinResetState, Ticket
from units.month import Month, add_months, month_of
from units.phone import masked_tail

MONTHS_SHOWN, MESSAGES_SHOWN = 36, 20


@dataclass(frozen=True)
class MonthSeen:
    month: Month
    state: str
    payer: str
    paid_on: date | None
    posted_on: date | None
    amount_rp: int | None
    reference: str
    tries: Sequence[tuple[int, str, str, date]]
    """Number, state, code and day of each attempt, oldest first."""


@dataclass(frozen=True)
class MandateSeen:
    state: str
    bank: str
    account: str
    """Its last four digits."""
    max_amount_rp: int
    day: int
    agreed_at: datetime
    changed_at: datetime
    expires_on: date
    paused_until: date | None
    bank_reference: str


@dataclass(frozen=True)
class MessageSeen:
    at: datetime
    kind: str
    state: str
    words: str

    def __repr__(self) -> str:
        return f"MessageSeen({self.kind})"


@dataclass(frozen=True)
class TicketSeen:
    reference: str
    kind: str
    opened_at: datetime
    answer_by: date
    answered_at: datetime | None


@dataclass(frozen=True)
class ConsentSeen:
    """`is_whole`: the words still have the hash that was kept with them."""

    kind: str
    at: datetime
    channel: str
    language: str
    version: str
    words: str
    text_hash: str
    is_whole: bool

    def __repr__(self) -> str:
        return f"ConsentSeen({self.kind})"


@dataclass(frozen=True)
class Person:
    reference: str
    name: str
    nik: str
    birth: str
    phones: Sequence[str]
    village: str
    village_code: str
    rt_rw: str
    language: str
    state: str
    reason: str
    kpj: str
    programmes: str
    sector: str
    base_rp: int
    jht_balance_rp: int | None
    jht_as_of: date | None
    enrolled_at: datetime
    held_at: datetime | None
    is_uncovered: bool
    cover: Cover
    heirs: Sequence[tuple[str, str]]
    months: Sequence[MonthSeen]
    mandates: Sequence[MandateSeen]
    messages: Sequence[MessageSeen]
    tickets: Sequence[TicketSeen]
    consents: Sequence[ConsentSeen]
    pin_reset: PinReset | None

    def __repr__(self) -> str:
        return f"Person({self.reference})"


def person(work: Work, member: Membership, *, masked: bool = True) -> Person:
    """`masked`: of the NIK only the end, of numbers only the beginning: their end is what a member is asked for before
    a PIN is reset, so nobody may read it here. Raises Unreadable where the person's key is gone.
    """
    worker, box = member.worker, work.box(member.worker)
    nik = box.open(worker.nik_sealed, "worker.nik")
    phones = [box.open(contact.phone_sealed, "contact.phone") for contact in worker.contacts]
    return Person(
        reference=member.reference,
        name=box.open(worker.name_sealed, "worker.name"),
        nik=masked_tail(nik) if masked else nik,
        birth=box.open(worker.birth_sealed, "worker.birth"),
        phones=[begins(phone) for phone in phones] if masked else phones,
        village=worker.village.name,
        village_code=worker.village_code,
        rt_rw=worker.rt_rw,
        language=worker.language,
        state=member.state,
        reason=member.reason,
        kpj=box.open(member.kpj_sealed, "membership.kpj") if member.kpj_sealed else "",
        programmes=member.programmes,
        sector=member.sector,
        base_rp=member.base_rp,
        jht_balance_rp=member.jht_balance_rp,
        jht_as_of=member.jht_as_of,
        enrolled_at=worker.enrolled_at,
        held_at=worker.held_at,
        is_uncovered=member.is_uncovered,
        cover=cover.covers(work.db, [worker.id], work.today, work.settings.DUE_DAY)[worker.id],
        heirs=[(heir.name, heir.relation) for heir in heirs.heirs_of(work, worker)],
        months=_months(work, worker.id),
        mandates=_mandates(work, worker.id),
        messages=_messages(work, member),
        tickets=_tickets(work, worker.id),
        consents=_consents(work, member),
        pin_reset=_reset(work, worker.id),
    )


def begins(phone: str) -> str:
    """`+62812***`: enough to tell two numbers of one person apart."""
    return f"{phone[:6]}***"


def _reset(work: Work, worker_id: int) -> PinReset | None:
    """The one in hand, not held: who only looks lets nobody wait."""
    in_hand = PinReset.state.in_((PinResetState.WAITING.value, PinResetState.OPEN.value))
    return work.db.scalars(select(PinReset).where(PinReset.worker_id == worker_id, in_hand)).one_or_none()


def _months(work: Work, worker_id: int) -> list[MonthSeen]:
    """Newest first; months ahead among them."""
    query = select(CoverMonth).where(CoverMonth.worker_id == worker_id).order_by(CoverMonth.month.desc())
    rows = work.db.scalars(query.limit(MONTHS_SHOWN)).all()
    tried: dict[Month, list[Attempt]] = {}
    if rows:
        keys = [row.month for row in rows]
        attempts = select(Attempt).where(Attempt.month.in_(keys), Attempt.worker_id == worker_id).order_by(Attempt.n)
        for attempt in work.db.scalars(attempts):
            tried.setdefault(attempt.month, []).append(attempt)
    return [_month(row, tried.get(row.month, [])) for row in rows]


def _month(row: CoverMonth, tried: Sequence[Attempt]) -> MonthSeen:
    paid = next((one for one in tried if one.reference == row.paid_reference), None)
    return MonthSeen(
        row.month,
        row.state,
        row.payer,
        row.paid_on,
        row.posted_on,
        paid.total_rp if paid else None,
        row.paid_reference or "",
        [(one.n, one.state, one.code, one.due_on) for one in tried],
    )


def _mandates(work: Work, worker_id: int) -> list[MandateSeen]:
    query = select(Mandate).where(Mandate.worker_id == worker_id).order_by(Mandate.id.desc())
    return [
        MandateSeen(
            row.state,
            row.bank.name,
            masked_tail(row.account_tail),
            row.max_amount_rp,
            row.day,
            row.agreed_at,
            row.changed_at,
            row.expires_on,
            row.paused_until,
            row.bank_reference,
        )
        for row in work.db.scalars(query).unique()
    ]


def _messages(work: Work, member: Membership) -> list[MessageSeen]:
    """The newest, of this month and the one before."""
    since, box = add_months(month_of(work.today), -1), work.box(member.worker)
    query = select(Message).where(Message.worker_id == member.worker_id, Message.month >= since)
    rows = work.db.scalars(query.order_by(Message.created_at.desc(), Message.id.desc()).limit(MESSAGES_SHOWN))
    return [MessageSeen(row.created_at, row.kind, row.state, box.open(row.text_sealed, "message.text")) for row in rows]


def _tickets(work: Work, worker_id: int) -> list[TicketSeen]:
    query = select(Ticket).where(Ticket.worker_id == worker_id).order_by(Ticket.id.desc())
    return [
        TicketSeen(row.reference, row.kind, row.opened_at, row.answer_by, row.answered_at)
        for row in work.db.scalars(query)
    ]


def _consents(work: Work, member: Membership) -> list[ConsentSeen]:
    box, seen = work.box(member.worker), list[ConsentSeen]()
    query = select(Consent).where(Consent.worker_id == member.worker_id).order_by(Consent.id.desc())
    for row in work.db.scalars(query):
        words = box.open(row.text_sealed, "consent.text")
        is_whole = hashlib.sha256(words.encode()).hexdigest() == row.text_hash
        seen.append(
            ConsentSeen(row.kind, row.at, row.channel, row.language, row.version, words, row.text_hash, is_whole)
        )
    return seen


def copy_of(work: Work, member: Membership) -> dict[str, Any]:
    """What is kept of the member, for the member (UU 27/2022 art. 7): nothing of it masked."""
    whole = person(work, member, masked=False)
    fields = {name: value for name, value in vars(whole).items() if name not in ("pin_reset", "is_uncovered")}
    rows = ("months", "mandates", "messages", "tickets", "consents")
    return {**fields, "cover": asdict(whole.cover), **{name: [asdict(row) for row in fields[name]] for name in rows}}
