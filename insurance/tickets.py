"""Complaints and reports: one open ticket a matter and number, an answer owed by a day, and given by SMS."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select, tuple_

from insurance import leaving, mandates, unsent
from insurance.operators import Sight
from insurance.receipts import Recipient, owe, recipient
from insurance.references import new_reference
from insurance.work import Work
from insurance.work_items import close, find, open_item
from models import (
    Attempt,
    Event,
    Mandate,
    MandateState,
    Membership,
    MembershipState,
    Ticket,
    TicketKind,
    Worker,
    WorkItem,
    WorkKind,
    WorkState,
)
from models.event import record
from models.machine import Cause
from texts.longest import ANSWER_SEPTETS_MAX
from units.gsm import NotGsm, septets
from units.month import add_months, day_text, month_of

_WORK = {TicketKind.ACCIDENT: WorkKind.ACCIDENT, TicketKind.DEATH: WorkKind.DEATH}
# Within these a complaint's trail is read: a month's partition at a time, for events have no index by person.
TRAIL_MONTHS = 3
TRAIL_MAX = 200
ALIVE, DEAD = "alive", "dead"
DOUBTED = "number_doubted"


class NotAnswerable(ValueError):
    """It is answered already, or is for two people to decide; says which."""


def open_ticket(
    work: Work, kind: TicketKind, phone: str, language: str, worker: Worker | None, *, doubted: bool = False
) -> Ticket:
    """The open ticket of this number, worker and kind; made, with its work item and receipt, where there is none.

    `doubted`: somebody else may hold the number by now, to which the answer goes (insurance/contacts.py).
    """
    index = work.keys.index("phone", phone)
    # A gateway that repeats, or two calls at once, make one ticket.
    work.db.execute(select(func.pg_advisory_xact_lock(int.from_bytes(index[:8], signed=True))))
    known = work.db.scalars(
        select(Ticket).where(
            Ticket.phone_index == index,
            Ticket.kind == kind.value,
            Ticket.worker_id == worker.id if worker else Ticket.worker_id.is_(None),
            Ticket.answered_at.is_(None),
        )
    ).first()
    if known is not None:
        return known
    matter = _WORK.get(kind, WorkKind.COMPLAINT)
    days = work.settings.COMPLAINT_DAYS if matter is WorkKind.COMPLAINT else None
    ticket = Ticket(
        reference=new_reference(),
        kind=kind.value,
        worker_id=worker.id if worker else None,
        phone_index=index,
        phone_sealed=(work.box(worker) if worker else work.keys.shared).seal(phone, "ticket.phone"),
        language=language,
        opened_at=work.now,
    )
    item = open_item(work, matter, ticket.about, code=kind.value, days=days)
    ticket.answer_by = item.due_on
    work.db.add(ticket)
    work.db.flush()
    who, code = "member" if worker else "stranger", DOUBTED if doubted else ""
    record(work.db, ticket.subject, who, kind.value, code, "", "open", work.now)
    said = {"ref": ticket.reference, "date": day_text(ticket.answer_by)}
    if worker is not None and matter is not WorkKind.COMPLAINT:
        said["name"] = work.name(worker)
    key = f"ticket:{ticket.reference}"
    owe(work, _to(work, ticket), matter.value, key, said)
    return ticket


def latest(work: Work, phone: str, kinds: Sequence[TicketKind]) -> Ticket | None:
    """The number's newest ticket of these kinds that waits for its answer."""
    query = select(Ticket).where(
        Ticket.phone_index == work.keys.index("phone", phone),
        Ticket.kind.in_([kind.value for kind in kinds]),
        Ticket.answered_at.is_(None),
    )
    return work.db.scalars(query.order_by(Ticket.id.desc()).limit(1)).first()


def _to(work: Work, ticket: Ticket) -> Recipient:
    worker = work.db.get(Worker, ticket.worker_id) if ticket.worker_id else None
    box = work.box(worker) if worker else work.keys.shared
    return recipient(work, box.open(ticket.phone_sealed, "ticket.phone"), ticket.language, worker)


def report_death(work: Work, worker: Worker, phone: str, language: str) -> Ticket:
    """Debits stop at once, for whoever says so from the worker's own number; people decide what is true."""
    # As everywhere: the worker, then mandates, then attempts.
    work.db.refresh(worker, ["held_at"], with_for_update={"of": Worker})
    ticket = open_ticket(work, TicketKind.DEATH, phone, language, worker)
    if worker.held_at is not None:
        return ticket
    worker.held_at = work.now
    cause = Cause("member", "death_reported")
    for mandate in mandates.live_all(work, worker.id, lock=True):
        unsent.cancel_unsent(work, mandate.id, cause)
        if mandate.state == MandateState.ACTIVE.value:
            # Without an end: people take it up again, no month does. What the member paused keeps the member's.
            mandate.paused_until = None
            mandates.change(work, mandate, MandateState.PAUSED, cause)
    record(work.db, worker.subject, "member", "death_reported", "", "", "held", work.now)
    return ticket


def decided(work: Work, item: WorkItem, decision: str) -> str:
    """What enough people found of a reported death; what came of it, in words."""
    reference = item.about.removeprefix("ticket ")
    ticket = work.db.scalars(select(Ticket).where(Ticket.reference == reference).with_for_update()).one()
    worker = work.db.get_one(Worker, ticket.worker_id, with_for_update={"of": Worker}, populate_existing=True)
    cause = Cause("people", decision)
    said = {"name": work.name(worker)}
    ended = work.db.get_one(Membership, worker.id).state == MembershipState.ENDED.value
    if decision == DEAD:
        # The hold stays: nobody joins again in this name.
        if not ended:
            leaving.end(work, worker, Cause("people", leaving.DIED))
    elif not ended:
        worker.held_at = None
        record(work.db, worker.subject, "people", "alive", "", "held", "free", work.now)
        work.db.flush()
        for mandate in mandates.live_all(work, worker.id, lock=True):
            if mandate.state == MandateState.PAUSED.value and mandate.paused_until is None:
                mandates.take_up(work, mandate, cause)
    owe(work, _to(work, ticket), f"death_{decision}", f"ticket_answer:{reference}", said)
    _answered(work, ticket, cause)
    return f"Item {item.id}: {decision}, ticket {reference} is answered."


def answer(work: Work, reference: str, words: str, by: str) -> Ticket:
    """Owe the answer and close the matter. Raises LookupError or NotAnswerable."""
    ticket = by_reference(work, reference, lock=True)
    if ticket.kind == TicketKind.DEATH.value:
        raise NotAnswerable("a death is decided by approving its work item")
    if ticket.answered_at is not None:
        raise NotAnswerable("it is answered already")
    words = " ".join(words.split())
    try:
        size = septets(words)
    except NotGsm as error:
        raise NotAnswerable(str(error)) from None
    if not 1 <= size <= ANSWER_SEPTETS_MAX:
        raise NotAnswerable(f"{size} septets; 1 to {ANSWER_SEPTETS_MAX} fit into one SMS")
    said = {"ref": ticket.reference, "answer": words}
    owe(work, _to(work, ticket), "ticket_answer", f"ticket_answer:{reference}", said)
    _answered(work, ticket, Cause(by, "answered"))
    return ticket


def _answered(work: Work, ticket: Ticket, cause: Cause) -> None:
    ticket.answered_at = work.now
    record(work.db, ticket.subject, cause.actor[:40], cause.why, "", "open", "answered", work.now)
    kind = _WORK.get(TicketKind(ticket.kind), WorkKind.COMPLAINT)
    item = find(work, kind, ticket.about, lock=True)
    if item is not None and item.state in (WorkState.OPEN.value, WorkState.APPROVED.value):
        close(work, item, cause)


def by_reference(work: Work, reference: str, *, lock: bool = False) -> Ticket:
    """Raises LookupError."""
    query = select(Ticket).where(Ticket.reference == reference)
    ticket = work.db.scalars(query.with_for_update() if lock else query).one_or_none()
    if ticket is None:
        raise LookupError(f"there is no ticket {reference}")
    return ticket


def waiting(work: Work, sight: Sight, most: int, after: tuple[date, int] | None = None) -> Sequence[Ticket]:
    """Those that owe an answer, the longest due first, past (day, id); strangers' are for who sees everybody."""
    query = select(Ticket).where(Ticket.answered_at.is_(None)).order_by(Ticket.answer_by, Ticket.id).limit(most)
    if sight.regencies is not None:
        query = query.join(Worker, Worker.id == Ticket.worker_id).where(sight.of(Worker.village_code))
    if after is not None:
        query = query.where(tuple_(Ticket.answer_by, Ticket.id) > after)
    return work.db.scalars(query).all()


def seen(work: Work, sight: Sight, reference: str) -> tuple[Ticket, Membership | None]:
    """The ticket and its member. Raises LookupError, also where it may not be seen."""
    ticket = by_reference(work, reference)
    member = work.db.get(Membership, ticket.worker_id) if ticket.worker_id is not None else None
    if sight.regencies is not None and (member is None or not sight.sees(member.worker.village_code)):
        raise LookupError(f"there is no ticket {reference}")
    return ticket, member


def item_of(work: Work, ticket: Ticket) -> WorkItem | None:
    return find(work, _WORK.get(TicketKind(ticket.kind), WorkKind.COMPLAINT), ticket.about)


def trail(work: Work, ticket: Ticket) -> Sequence[Event]:
    """What happened to its worker in the last months, newest first: ids, states and codes, no personal data."""
    subjects = [ticket.subject]
    since = add_months(month_of(work.today), 1 - TRAIL_MONTHS)
    if ticket.worker_id is not None:
        own = str(ticket.worker_id)
        subjects += [("worker", own), ("membership", own)]
        found = select(Mandate.id).where(Mandate.worker_id == ticket.worker_id)
        subjects += [("mandate", str(id_)) for id_ in work.db.scalars(found)]
        tried = select(Attempt.month, Attempt.reference).where(
            Attempt.worker_id == ticket.worker_id, Attempt.month >= since
        )
        for month, reference in work.db.execute(tried):
            subjects += [("attempt", reference), ("month", f"{own}/{month:%Y-%m}")]
    query = (
        select(Event)
        .where(Event.month >= since, tuple_(Event.subject, Event.subject_id).in_(subjects))
        .order_by(Event.at.desc(), Event.id.desc())
        .limit(TRAIL_MAX)
    )
    return work.db.scalars(query).all()
