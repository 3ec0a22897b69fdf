"""Members who agreed to be named to their village head where they owe a month: by initials and RT, nothing else.

Off unless VILLAGE_NAMES_BASIS cites the law it rests on (rulings 12).
"""

from sqlalchemy import select

from insurance.consent import Yes, keep
from insurance.cover import GRACE_MONTHS, CoverState, covers
from insurance.work import Work
from models import Head, Membership, MembershipState, Worker
from models.event import record
from units.month import add_months, month_of

NAMED_MAX = 10
LOOKED_AT_MAX = 500


class NamesOff(Exception):
    """No legal basis is set: nobody is named, and nobody is asked."""


def check_on(work: Work) -> None:
    if not work.settings.VILLAGE_NAMES_BASIS:
        raise NamesOff


def agree(work: Work, worker: Worker, asked: Yes) -> None:
    """Raises NamesOff."""
    check_on(work)
    if worker.named_since is None:
        keep(work, worker, asked)
        worker.named_since = work.now
        record(work.db, worker.subject, "member", "named_yes", "", "", "named", work.now)


def take_back(work: Work, worker: Worker) -> None:
    """At once, and where names are off as well."""
    if worker.named_since is not None:
        worker.named_since = None
        record(work.db, worker.subject, "member", "named_no", "", "named", "", work.now)


def behind(work: Work, head: Head, place: str) -> list[str]:
    """`S.R. 003/005` of at most NAMED_MAX who owe a month and agreed; that they were named is kept for them."""
    if not work.settings.VILLAGE_NAMES_BASIS:
        return []
    query = (
        select(Worker)
        .join(Membership, Membership.worker_id == Worker.id)
        .where(
            Worker.village_code == head.village_code,
            Worker.named_since.is_not(None),
            Membership.state == MembershipState.VERIFIED.value,
        )
        .order_by(Worker.id)
        .limit(LOOKED_AT_MAX)
    )
    if place.startswith("r"):
        query = query.where(Worker.rt_rw == place[1:])
    elif place.startswith("w"):
        query = query.where(Worker.rt_rw.like(f"___/{place[1:]}"))
    elif place:
        query = query.where(Worker.group_code == place[1:])
    workers = list(work.db.scalars(query).unique())
    since = add_months(month_of(work.today), -GRACE_MONTHS - 1)
    found = covers(work.db, [worker.id for worker in workers], work.today, work.settings.DUE_DAY, since)
    owing = [worker for worker in workers if found[worker.id].in_grace or found[worker.id].state is CoverState.LAPSED]
    for worker in owing[:NAMED_MAX]:
        worker.named_on = work.today
        record(work.db, worker.subject, "head", "named", place, "", "named", work.now)
    return [f"{work.initials(worker)} {worker.rt_rw}".strip() for worker in owing[:NAMED_MAX]]
