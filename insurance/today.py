"""How the programme is doing now, for an operator who opens the console; it only reads, by index and bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, text, tuple_

from insurance import regions
from insurance.operators import Sight
from insurance.small_cells import VillageCount
from insurance.work import Work
from models import (
    Attempt,
    AttemptState,
    Bank,
    Lane,
    Message,
    MessageState,
    ReconciledDay,
    Run,
    SmsRoute,
    WorkItem,
    WorkState,
)
from units.month import Month, month_of

UNKNOWN_MAX, RECEIPTS_SEEN, ITEMS_MAX = 1000, 500, 1000
RECEIPT_WITHIN = timedelta(seconds=10)
# Of receipts that many have to be in time (field.md 4: 95 % within 10 s).
IN_TIME_PERCENT_MIN = 95
QUEUE_SLOW = timedelta(minutes=5)
_UNKNOWN_STEPS = (timedelta(hours=1), timedelta(days=1), timedelta(days=5))


@dataclass(frozen=True)
class Unknowns:
    """Debits without a clear answer, by age: under an hour, a day, five days, and older; UNKNOWN_MAX at most."""

    by_age: tuple[int, int, int, int]

    @property
    def count(self) -> int:
        return sum(self.by_age)


@dataclass(frozen=True)
class BankDay:
    """The one number of a bank's last reconciled day; `open_rp` must be 0. `day` is None before the first."""

    code: str
    name: str
    lane: str
    day: date | None
    difference_rp: int
    open_rp: int


@dataclass(frozen=True)
class Gateway:
    name: str
    weight: int
    stopped: str
    """The code by which it refuses our whole account; empty while it does not."""


@dataclass(frozen=True)
class DayPaid:
    """What the books have of the debits of one day's settled files."""

    day: date
    paid_rp: int


@dataclass(frozen=True)
class Today:
    members: VillageCount
    month: Month
    run: str
    due_max_rp: int
    """The most that this month's mandates allow to be debited, as the run saw them."""
    paid: Sequence[DayPaid]
    banks: Sequence[BankDay]
    unknown: Unknowns
    receipts: int
    receipts_in_time: int
    gateways: Sequence[Gateway]
    text_waits: timedelta
    job_waits: timedelta
    items: int
    overdue: int

    @property
    def in_time_percent(self) -> int:
        return self.receipts_in_time * 100 // self.receipts if self.receipts else 100

    @property
    def paid_rp(self) -> int:
        return sum(day.paid_rp for day in self.paid)


def today(work: Work, sight: Sight) -> Today:
    """`sight` narrows the members; banks, gateways and queues are everybody's."""
    month = month_of(work.today)
    run = work.db.get(Run, month)
    receipts, in_time = _receipts(work)
    items, overdue = _items(work)
    return Today(
        members=regions.total(work, sight),
        month=month,
        run=run.state if run else "",
        due_max_rp=run.sum_max_rp if run else 0,
        paid=_paid(work, month),
        banks=_banks(work),
        unknown=_unknown(work),
        receipts=receipts,
        receipts_in_time=in_time,
        gateways=_gateways(work),
        text_waits=_text_waits(work),
        job_waits=_job_waits(work),
        items=items,
        overdue=overdue,
    )


def _paid(work: Work, month: Month) -> list[DayPaid]:
    """From the days' numbers, a few rows each, and never from the debits themselves."""
    query = (
        select(ReconciledDay.day, func.sum(ReconciledDay.ledger_rp))
        .where(ReconciledDay.day >= month)
        .group_by(ReconciledDay.day)
        .order_by(ReconciledDay.day)
    )
    return [DayPaid(day, int(paid_rp)) for day, paid_rp in work.db.execute(query)]


def _banks(work: Work) -> list[BankDay]:
    last = select(ReconciledDay.bank_code, func.max(ReconciledDay.day)).group_by(ReconciledDay.bank_code)
    query = (
        select(
            ReconciledDay.bank_code,
            ReconciledDay.day,
            func.sum(ReconciledDay.difference_rp),
            func.sum(ReconciledDay.explained_rp),
        )
        .where(tuple_(ReconciledDay.bank_code, ReconciledDay.day).in_(last))
        .group_by(ReconciledDay.bank_code, ReconciledDay.day)
    )
    numbers = {code: (day, int(differs), int(explained)) for code, day, differs, explained in work.db.execute(query)}
    lanes = {lane.bank_code: lane for lane in work.db.scalars(select(Lane))}
    found = []
    for bank in work.db.scalars(select(Bank).where(Bank.connected).order_by(Bank.code)):
        day, differs, explained = numbers.get(bank.code, (None, 0, 0))
        lane = lane_state(work, lanes.get(bank.code))
        found.append(BankDay(bank.code, bank.name, lane, day, differs, differs - explained))
    return found


def lane_state(work: Work, lane: Lane | None) -> str:
    """`open`, `drained` by a person or `resting` after failures."""
    if lane is not None and lane.drained:
        return "drained"
    if lane is not None and lane.rests_until is not None and lane.rests_until > work.now:
        return "resting"
    return "open"


def _unknown(work: Work) -> Unknowns:
    query = select(Attempt.changed_at).where(Attempt.state == AttemptState.UNKNOWN.value)
    ages = [0, 0, 0, 0]
    for since in work.db.scalars(query.order_by(Attempt.ask_at).limit(UNKNOWN_MAX)):
        ages[sum(work.now - since > step for step in _UNKNOWN_STEPS)] += 1
    return Unknowns((ages[0], ages[1], ages[2], ages[3]))


def _receipts(work: Work) -> tuple[int, int]:
    """Of the newest texts that are due: how many, and how many a gateway took within RECEIPT_WITHIN."""
    newest = (
        select(Message.created_at, Message.not_before, Message.accepted_at)
        .where(Message.month == month_of(work.today))
        .order_by(Message.id.desc())
        .limit(RECEIPTS_SEEN)
    )
    seen = in_time = 0
    for created, not_before, accepted in work.db.execute(newest):
        due = max(created, not_before)
        if accepted is None and due + RECEIPT_WITHIN > work.now:
            continue
        seen += 1
        in_time += accepted is not None and accepted - due <= RECEIPT_WITHIN
    return seen, in_time


def _gateways(work: Work) -> list[Gateway]:
    rows = work.db.scalars(select(SmsRoute).order_by(SmsRoute.name))
    return [Gateway(row.name, row.weight, row.stopped_code if row.stopped_at else "") for row in rows]


def _text_waits(work: Work) -> timedelta:
    due = Message.state == MessageState.CREATED.value, Message.not_before <= work.now
    return _since(work, work.db.scalar(select(Message.not_before).where(*due).order_by(Message.not_before).limit(1)))


def _job_waits(work: Work) -> timedelta:
    """The engine's oldest job that could run, by its own clock: when it was put there."""
    oldest = text(
        "SELECT min(e.at) FROM procrastinate_jobs j JOIN procrastinate_events e ON e.job_id = j.id "
        "WHERE j.status = 'todo' AND e.type = 'deferred' AND (j.scheduled_at IS NULL OR j.scheduled_at <= :now)"
    )
    return _since(work, work.db.scalar(oldest, {"now": work.now}))


def _since(work: Work, at: datetime | None) -> timedelta:
    return max(work.now - at, timedelta()) if at else timedelta()


def _items(work: Work) -> tuple[int, int]:
    """How many matters wait for a person, ITEMS_MAX at most, and how many of those past their day."""
    waiting = WorkItem.state.in_([WorkState.OPEN.value, WorkState.APPROVED.value])
    due = work.db.scalars(select(WorkItem.due_on).where(waiting).limit(ITEMS_MAX)).all()
    return len(due), sum(day < work.today for day in due)
