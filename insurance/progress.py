"""How far a month's run is, for an operator who looks on: by its chunks, and by the debits only while they are few."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text

from insurance.today import lane_state
from insurance.work import Work
from models import Attempt, Bank, Chunk, Lane, Run
from units.month import Month

# Past so many debits in a month counting them is a matter for a report, not for a page: they are the hottest table.
COUNTED_MAX = 500_000
_GUESS = text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)")


@dataclass(frozen=True)
class BankProgress:
    """One bank's lane; `by_state` is None where there are too many debits to be counted for a page."""

    code: str
    name: str
    lane: str
    drained_by: str
    chunks: int
    chunks_open: int
    scheduled: int
    above_maximum: int
    too_late: int
    by_state: Mapping[str, int] | None


@dataclass(frozen=True)
class Failure:
    bank_code: str
    state: str
    code: str
    count: int


@dataclass(frozen=True)
class Progress:
    run: Run | None
    banks: Sequence[BankProgress]
    failures: Sequence[Failure]


_FAILED = ("failed_soft", "failed_hard", "unknown", "manual", "reversed")


def progress(work: Work, month: Month) -> Progress:
    counted = work.reference.get(("progress", month), work.now, lambda: _count(work, month))
    cut: dict[str, tuple[int, ...]] = {}
    columns = (Chunk.scheduled, Chunk.above_maximum, Chunk.too_late)
    query = (
        select(
            Chunk.bank_code,
            func.count(),
            func.count().filter(Chunk.planned_at.is_(None)),
            *(func.coalesce(func.sum(column), 0) for column in columns),
        )
        .where(Chunk.month == month)
        .group_by(Chunk.bank_code)
    )
    for code, *counts in work.db.execute(query):
        cut[code] = tuple(int(one) for one in counts)
    lanes = {lane.bank_code: lane for lane in work.db.scalars(select(Lane))}
    banks = []
    for bank in work.db.scalars(select(Bank).where(Bank.connected).order_by(Bank.code)):
        lane = lanes.get(bank.code)
        states = None if counted is None else _states(counted, bank.code)
        chunks, chunks_open, scheduled, above, late = cut.get(bank.code, (0, 0, 0, 0, 0))
        drained_by = lane.drained_by if lane is not None and lane.drained else ""
        where = (bank.code, bank.name, lane_state(work, lane), drained_by)
        banks.append(BankProgress(*where, chunks, chunks_open, scheduled, above, late, states))
    failures = [Failure(*key, count) for key, count in sorted((counted or {}).items()) if key[1] in _FAILED]
    return Progress(work.db.get(Run, month), banks, failures)


def _states(counted: Mapping[tuple[str, str, str], int], bank_code: str) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for (code, state, _), count in counted.items():
        if code == bank_code:
            found[state] = found.get(state, 0) + count
    return found


def _count(work: Work, month: Month) -> Mapping[tuple[str, str, str], int] | None:
    """Debits by bank, state and code; at most once a minute, and None where there are too many."""
    guess = work.db.scalar(_GUESS, {"name": f"attempts_{month:%Y_%m}"})
    if guess is None or guess > COUNTED_MAX:
        return None
    query = (
        select(Attempt.bank_code, Attempt.state, Attempt.code, func.count())
        .where(Attempt.month == month)
        .group_by(Attempt.bank_code, Attempt.state, Attempt.code)
    )
    return {(bank, state, code): count for bank, state, code, count in work.db.execute(query)}
