"""Cover until a date, computed from the months that were paid and posted, and from nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import CoverMonth, MonthState
from units.month import Month, add_months, last_day, month_of

# Source: the insurer's FAQ (programme.md 1.5): after three unpaid months in a row membership is inactive.
GRACE_MONTHS = 3
# How far back a count of many looks; whoever paid nothing in three years counts with those who never did.
MONTHS_BACK = 36


class CoverState(StrEnum):
    NONE = "none"
    """Nothing was paid for this month or any before it."""
    WAITING = "waiting"
    """Paid, and the insurer has yet to post it: never called protected."""
    PROTECTED = "protected"
    DUE = "due"
    """The last posted month is over and the due day is not: neither grace nor a promise."""
    GRACE_1 = "grace_1"
    GRACE_2 = "grace_2"
    GRACE_3 = "grace_3"
    LAPSED = "lapsed"


@dataclass(frozen=True)
class Cover:
    """`until` is the last day posted in an unbroken run; `owed` the month that is to be paid next."""

    state: CoverState
    until: date | None
    owed: Month
    months_paid: int
    waits: Month | None = None
    """What is paid and not posted, where the month that is owed is this one: of the two neither hides the other."""

    @property
    def in_grace(self) -> bool:
        return self.state in (CoverState.GRACE_1, CoverState.GRACE_2, CoverState.GRACE_3)


@dataclass(frozen=True)
class History:
    """The months of one worker that were paid, and those of them that the insurer posted."""

    paid: set[Month]
    posted: set[Month]


def compute(paid: Iterable[Month], posted: Iterable[Month], today: date, due_day: int) -> Cover:
    """Cover of one worker on `today`, a Jakarta day; `posted` is part of `paid`. Worked table: docs/cover.md."""
    paid_months, posted_months = set(paid), set(posted)
    this = month_of(today)
    if this in posted_months:
        end = this
        while add_months(end, 1) in posted_months:
            end = add_months(end, 1)
        owed = add_months(end, 1)
        while owed in paid_months:
            owed = add_months(owed, 1)
        return Cover(CoverState.PROTECTED, last_day(end), owed, len(paid_months))
    past = [month for month in posted_months if month < this]
    until = last_day(max(past)) if past else None
    if this in paid_months:
        owed = this
        while owed in paid_months:
            owed = add_months(owed, 1)
        return Cover(CoverState.WAITING, until, owed, len(paid_months))
    paid_before = [month for month in paid_months if month < this]
    if not paid_before:
        # Only months ahead were paid.
        ahead = min(paid_months - posted_months, default=None)
        return Cover(CoverState.NONE if ahead is None else CoverState.WAITING, None, this, len(paid_months), ahead)
    last = max(paid_before)
    state = _unpaid_state(last, until, today, due_day)
    return Cover(state, until, this, len(paid_months), last if state is CoverState.WAITING else None)


def _unpaid_state(last_paid: Month, until: date | None, today: date, due_day: int) -> CoverState:
    this = month_of(today)
    whole_months_unpaid = (this.year - last_paid.year) * 12 + this.month - last_paid.month - 1
    if until is None or until < last_day(last_paid):
        # The last month paid is not posted yet; until it is, nothing is promised and nothing is held against them.
        return CoverState.WAITING
    if whole_months_unpaid >= GRACE_MONTHS:
        return CoverState.LAPSED
    steps = whole_months_unpaid + (1 if today.day > due_day else 0)
    return (CoverState.DUE, CoverState.GRACE_1, CoverState.GRACE_2, CoverState.GRACE_3)[steps]


def histories(db: Session, worker_ids: Sequence[int], since: Month | None = None) -> Mapping[int, History]:
    """The months of each worker, from one query; `since` leaves out those before, for counts of many."""
    query = select(CoverMonth.worker_id, CoverMonth.month, CoverMonth.posted_on).where(
        CoverMonth.worker_id.in_(worker_ids),
        CoverMonth.state == MonthState.COVERED.value,
    )
    if since is not None:
        query = query.where(CoverMonth.month >= since)
    found = {worker_id: History(set(), set()) for worker_id in worker_ids}
    for worker_id, month, posted_on in db.execute(query):
        found[worker_id].paid.add(month)
        if posted_on is not None:
            found[worker_id].posted.add(month)
    return found


def covers(
    db: Session, worker_ids: Sequence[int], today: date, due_day: int, since: Month | None = None
) -> Mapping[int, Cover]:
    """Cover of each worker on `today`, from one query over the months."""
    found = histories(db, worker_ids, since)
    return {worker_id: compute(months.paid, months.posted, today, due_day) for worker_id, months in found.items()}
