"""Tells a worker that cover is about to get worse, and that it has lapsed; it computes no cover and moves no state."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from insurance.cover import GRACE_MONTHS, Cover, CoverState, History, compute, histories
from insurance.manners import RECEIPT, REMINDER
from insurance.receipts import owe_worker
from insurance.work import Work
from models import Attempt, AttemptState, Mandate, MandateState, Membership, MembershipState, MessageKey, Worker
from models.month import AT_BANK
from sealing import Unreadable
from units.clock import JAKARTA
from units.month import add_months, day_text, month_name, month_of

log = structlog.get_logger()

# Days before a step on which it is told: one to go to the bank, one for a Sunday, one in hand.
STEP_NOTICE_DAYS = 3
WORKERS_AT_ONCE = 500
_GRACE = (CoverState.GRACE_1, CoverState.GRACE_2, CoverState.GRACE_3)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Step:
    """A step down, into `state` from `day` on: `cover` as it is before, or after it where `ahead` is False."""

    state: CoverState
    day: date
    cover: Cover
    ahead: bool

    def key(self, worker_id: int) -> str:
        """One SMS a step: `step:17:grace_1:2026-12` before it, `lapsed:17:2027-03` on the day itself."""
        what = f"step:{worker_id}:{self.state.value}" if self.ahead else f"lapsed:{worker_id}"
        return f"{what}:{self.day:%Y-%m}"


def _days(today: date, first: int, last: int, due_day: int) -> list[date]:
    """Of the days from `today` + `first` up to `today` + `last`, those on which anybody's cover can step."""
    days = [today + ahead * _DAY for ahead in range(first, last + 1)]
    return [day for day in days if day.day in (1, due_day + 1)]


def next_step(history: History, today: date, due_day: int) -> Step | None:
    """The step that is to be told on `today`; while the last paid month is not posted `compute` knows none."""

    def cover(day: date) -> Cover:
        return compute(history.paid, history.posted, day, due_day)

    for day in _days(today, 1, STEP_NOTICE_DAYS, due_day):
        before, state = cover(day - _DAY), cover(day).state
        if state is not before.state and state in (*_GRACE, CoverState.LAPSED):
            return Step(state, day, before, ahead=True)
    # Told from the day itself on; a few days of it, for a job that did not run on the first.
    for day in _days(today, -STEP_NOTICE_DAYS + 1, 0, due_day):
        lapsed = cover(today)
        if day.day == 1 and lapsed.state is CoverState.LAPSED and cover(day - _DAY).state is not CoverState.LAPSED:
            return Step(CoverState.LAPSED, day, lapsed, ahead=False)
    return None


def tell_steps(work: Work, after_worker_id: int, limit: int) -> tuple[int, int | None]:
    """Owe the SMS on the steps of the next `limit` workers by id; how many were told, and the last id.

    None instead of an id when there is nobody left. A second run on the same day owes nothing.
    """
    today, due_day = work.today, work.settings.DUE_DAY
    # On all other days no row is read.
    if not _days(today, -STEP_NOTICE_DAYS + 1, STEP_NOTICE_DAYS, due_day):
        return 0, None
    query = (
        select(Membership.worker_id)
        .where(Membership.state == MembershipState.VERIFIED.value, Membership.worker_id > after_worker_id)
        .order_by(Membership.worker_id)
        .limit(limit)
    )
    worker_ids = work.db.scalars(query).all()
    if not worker_ids:
        return 0, None
    # Who has paid nothing for longer has lapsed before, and was told then.
    since = add_months(month_of(today), -GRACE_MONTHS - 1)
    found = histories(work.db, worker_ids, since).items()
    steps = {worker_id: step for worker_id, months in found if (step := next_step(months, today, due_day))}
    if not steps:
        return 0, worker_ids[-1]
    debited = _to_be_debited(work, steps)
    told = sum(_tell(work, worker, steps[worker.id], worker.id in debited) for worker in _to_tell(work, steps))
    return told, worker_ids[-1]


def _to_tell(work: Work, steps: Mapping[int, Step]) -> Iterator[Worker]:
    """Those of the workers who were not told yet, who want reminders, and whose money is not under way at a bank."""
    keys = {step.key(worker_id): worker_id for worker_id, step in steps.items()}
    known = work.db.scalars(select(MessageKey.key).where(MessageKey.key.in_(keys)))
    left = set(steps) - {keys[key] for key in known} - _at_a_bank(work, steps)
    query = select(Worker).where(Worker.id.in_(left)).order_by(Worker.id).options(selectinload(Worker.contacts))
    for worker in work.db.scalars(query).unique():
        # That cover ends is no reminder: it is told to everyone.
        if worker.reminders or steps[worker.id].state is CoverState.LAPSED:
            yield worker


def _at_a_bank(work: Work, worker_ids: Collection[int]) -> set[int]:
    """Whose debit was sent without a clear answer: to be told to pay could make them pay twice."""
    unclear = [state.value for state in AT_BANK]
    since = add_months(month_of(work.today), -GRACE_MONTHS)
    query = select(Attempt.worker_id).where(
        Attempt.month >= since, Attempt.worker_id.in_(worker_ids), Attempt.state.in_(unclear)
    )
    return set(work.db.scalars(query))


def _to_be_debited(work: Work, steps: Mapping[int, Step]) -> set[int]:
    """For whom a debit of the very month that is owed is planned; to all others, paying in alone brings nothing."""
    query = (
        select(Attempt.worker_id, Attempt.month)
        .join(Mandate, Mandate.id == Attempt.mandate_id)
        .where(
            Attempt.month.in_({step.cover.owed for step in steps.values()}),
            Attempt.worker_id.in_(steps),
            Attempt.state.in_([AttemptState.SCHEDULED.value, AttemptState.NOTICED.value]),
            Mandate.state == MandateState.ACTIVE.value,
        )
    )
    return {worker_id for worker_id, month in work.db.execute(query) if steps[worker_id].cover.owed == month}


def _tell(work: Work, worker: Worker, step: Step, debited: bool) -> bool:
    """False where the person's key was destroyed: there is nobody left to tell."""
    if worker.is_erased:
        return False
    until = step.cover.until
    try:
        said = {
            "name": work.name(worker),
            "month": month_name(step.cover.owed, worker.language),
            "date": day_text(step.day),
            "until": day_text(until) if until else "",
        }
        kind = "lapsed"
        if step.ahead:
            kind = "step_lapsed" if step.state is CoverState.LAPSED else "step_grace"
            kind += "_debit" if debited else ""
        if step.state in _GRACE:
            said["count"] = str(_GRACE.index(step.state) + 1)
        owe_worker(
            work,
            worker,
            kind,
            step.key(worker.id),
            said,
            told_at_once=False,
            priority=REMINDER if step.ahead else RECEIPT,
            # A warning that is not out before its day warns of nothing.
            expires_at=datetime.combine(step.day, time.min, JAKARTA) if step.ahead else None,
        )
    except Unreadable:
        log.warning("step_untold", worker=worker.id)
        return False
    return True
