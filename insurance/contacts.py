"""How far a number is trusted: silent for long, or with another SIM, it names nobody before the PIN."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from insurance.work import Work
from models import Contact, Worker
from models.event import record
from units.phone import masked_tail

# A new SIM may be a thief's: what it changes waits so long, while debits and receipts go on.
SIM_HOLD = timedelta(hours=72)
NUMBERS_AT_ONCE = 1000


def at(work: Work, phone_index: bytes) -> Sequence[Contact]:
    """Those whom this number reaches, longest known first; that it was in touch today is kept, once a day."""
    query = (
        select(Contact)
        .where(Contact.phone_index == phone_index)
        .order_by(Contact.since, Contact.worker_id)
        .limit(work.settings.PHONE_WORKERS_MAX)
        .options(joinedload(Contact.worker))
    )
    found = work.db.scalars(query).unique().all()
    for contact in found:
        if contact.last_seen != work.today and not is_doubted(work, contact):
            contact.last_seen = work.today
    return found


def language_of(work: Work, phone_index: bytes) -> str:
    """What those at this number chose, where it is one language; empty where they differ or nobody is there."""
    query = select(Worker.language).join(Contact).where(Contact.phone_index == phone_index).distinct().limit(2)
    found = work.db.scalars(query).all()
    return found[0] if len(found) == 1 else ""


def is_doubted(work: Work, contact: Contact) -> bool:
    """Whether somebody else may hold this number by now: silent for SILENT_DAYS, or another SIM since the last PIN."""
    if contact.last_seen is None:
        return True
    return work.today - contact.last_seen >= timedelta(days=work.settings.SILENT_DAYS)


def prove(work: Work, contact: Contact) -> None:
    """The PIN of the person was given from this number: it is trusted again."""
    if is_doubted(work, contact):
        record(work.db, contact.worker.subject, "member", "pin", "", "number_doubted", "number_trusted", work.now)
    contact.last_seen = work.today


def held_until(work: Work, contact: Contact) -> datetime | None:
    """Until when nothing may be changed from this number; None where it may."""
    if contact.sim_changed_at is None or contact.sim_changed_at + SIM_HOLD <= work.now:
        return None
    return contact.sim_changed_at + SIM_HOLD


def sim_changed(work: Work, changes: Iterable[tuple[str, datetime]]) -> int:
    """What a telco told: (number, when). How many of these numbers are members'; a change known already is none."""
    newest: dict[bytes, datetime] = {}
    for phone, when in changes:
        index = work.keys.index("phone", phone)
        newest[index] = max(when, newest.get(index, when))
    # In one order, so that two lists at once, and a list and a call, wait for each other and never in a ring.
    waiting, known = iter(sorted(newest)), set[bytes]()
    while some := list(islice(waiting, NUMBERS_AT_ONCE)):
        query = select(Contact).where(Contact.phone_index.in_(some)).order_by(Contact.phone_index, Contact.worker_id)
        query = query.options(joinedload(Contact.worker)).with_for_update(of=Contact)
        for contact in work.db.scalars(query).unique():
            known.add(contact.phone_index)
            when = newest[contact.phone_index]
            if contact.sim_changed_at is None or contact.sim_changed_at < when:
                contact.sim_changed_at, contact.last_seen = when, None
                record(work.db, contact.worker.subject, "telco", "sim", "", "", "number_doubted", work.now)
    return len(known)


def main_tail(work: Work, worker: Worker) -> str:
    """The end of the number that texts go to: of several the one known longest, until the member leaves it."""
    sealed = [contact.phone_sealed for contact in worker.contacts[:1]]
    return masked_tail(work.box(worker).open(sealed[0], "contact.phone")) if sealed else "-"
