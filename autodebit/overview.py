"""How far a month is, bank by bank, for a person who looks; it only reads, and one query a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from insurance.work import Work
from models import Attempt, Bank, Chunk, Lane, Run
from units.clock import JAKARTA
from units.month import Month


@dataclass(frozen=True)
class BankSeen:
    code: str
    lane: str
    by_state: Mapping[str, int]


@dataclass(frozen=True)
class Overview:
    month: Month
    run: str
    chunks_open: int
    banks: Sequence[BankSeen]


def overview(work: Work, month: Month) -> Overview:
    run = work.db.get(Run, month)
    chunks_open = select(func.count()).where(Chunk.month == month, Chunk.planned_at.is_(None))
    counted = (
        select(Attempt.bank_code, Attempt.state, func.count())
        .where(Attempt.month == month)
        .group_by(Attempt.bank_code, Attempt.state)
        .order_by(Attempt.bank_code, Attempt.state)
    )
    states: dict[str, dict[str, int]] = {}
    for code, state, count in work.db.execute(counted):
        states.setdefault(code, {})[state] = count
    lanes = {lane.bank_code: lane for lane in work.db.scalars(select(Lane))}
    connected = set(work.db.scalars(select(Bank.code).where(Bank.connected)))
    banks = [
        BankSeen(code, _lane(work, lanes.get(code)), states.get(code, {})) for code in sorted(connected | states.keys())
    ]
    return Overview(month, run.state if run else "not begun", work.db.execute(chunks_open).scalar_one(), banks)


def _lane(work: Work, lane: Lane | None) -> str:
    if lane is None:
        return "open"
    if lane.drained:
        return f"drained by {lane.drained_by}"
    if lane.rests_until is not None and lane.rests_until > work.now:
        return f"rests until {lane.rests_until.astimezone(JAKARTA):%H.%M} WIB"
    return "open"
