"""What texting a number taught us: how often a day, whether anybody has it, whether its holder wants silence."""

from collections.abc import Mapping

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert

from gateways.base import Outcome
from insurance.work import Work
from models import Contact, NumberMark, Visit, Worker
from models.event import record

# Source: issue 5: one failure for good may be the gateway's error, two in a row are the number's.
LOST_MAX = 2

_COUNT = text(
    "INSERT INTO number_marks AS mark (phone_index, lost, texted_on, texted) "
    "SELECT number, 0, :today, count FROM unnest(CAST(:numbers AS bytea[]), CAST(:counts AS int[])) "
    "AS given(number, count) ORDER BY number "
    "ON CONFLICT (phone_index) DO UPDATE SET texted_on = excluded.texted_on, texted = excluded.texted + "
    "CASE WHEN mark.texted_on = excluded.texted_on THEN mark.texted ELSE 0 END"
)


def count_texts(work: Work, counts: Mapping[bytes, int]) -> None:
    if counts:
        given = {"numbers": list(counts), "counts": list(counts.values()), "today": work.today}
        work.db.execute(_COUNT, given)


def heard(work: Work, phone_index: bytes, outcome: Outcome) -> None:
    """What a gateway said of this number."""
    if outcome is Outcome.DELIVERED:
        answers(work, phone_index)
    elif outcome is Outcome.REFUSED:
        refuses(work, phone_index)
    elif outcome is Outcome.LOST:
        mark = _mark(work, phone_index)
        mark.lost += 1
        if mark.lost >= LOST_MAX and mark.bad_since is None:
            mark.bad_since = work.now
            _visit(work, phone_index)


def refuses(work: Work, phone_index: bytes) -> None:
    """No reminders go to it any more; receipts are owed."""
    mark = _mark(work, phone_index)
    mark.refuses_since = mark.refuses_since or work.now


def answers(work: Work, phone_index: bytes) -> None:
    """A text arrived there, or came from there: somebody has it."""
    bad = NumberMark.lost > 0
    found = work.db.execute(
        update(NumberMark)
        .where(NumberMark.phone_index == phone_index, bad)
        .values(lost=0, bad_since=None)
        .returning(NumberMark.phone_index)
    ).first()
    if found is None:
        return
    here = select(Contact.worker_id).where(Contact.phone_index == phone_index)
    work.db.execute(update(Visit).where(Visit.worker_id.in_(here), Visit.done_at.is_(None)).values(done_at=work.now))


def _mark(work: Work, phone_index: bytes) -> NumberMark:
    new = insert(NumberMark).values(phone_index=phone_index, lost=0, texted=0)
    work.db.execute(new.on_conflict_do_nothing())
    return work.db.get_one(NumberMark, phone_index, with_for_update=True, populate_existing=True)


def _visit(work: Work, phone_index: bytes) -> None:
    """Whoever cannot be reached by it goes on the village's list; one who has another number that works does not."""
    workers = work.db.scalars(select(Worker).join(Contact).where(Contact.phone_index == phone_index)).unique()
    for worker in workers:
        others = [contact.phone_index for contact in worker.contacts if contact.phone_index != phone_index]
        bad = select(NumberMark.phone_index).where(
            NumberMark.phone_index.in_(others), NumberMark.bad_since.is_not(None)
        )
        if set(others) - set(work.db.scalars(bad)):
            continue
        row = {"worker_id": worker.id, "village_code": worker.village_code, "since": work.now, "done_at": None}
        new = insert(Visit).values(**row)
        work.db.execute(new.on_conflict_do_update(index_elements=["worker_id"], set_=row))
        record(work.db, worker.subject, "gateway", "unreachable", "", "", "to_visit", work.now)
