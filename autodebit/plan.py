"""Plans a month: chunk by chunk, each in one transaction; asks no bank, and a crash loses at most one chunk."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from insurance import mandate_life, runs
from insurance.attempts import plan_anew
from models import Chunk, RunState
from ports import Ports
from units.month import Month, add_months, month_of

log = structlog.get_logger()

_LIFE_CHUNK = 200


class OutsideWindow(ValueError):
    """Only this month and the next can be planned: past months need a yes of their own, later ones a tariff."""


@dataclass
class Planned:
    scheduled: int = 0
    above_maximum: int = 0
    too_late: int = 0
    held: str = ""
    """Why nothing was planned: the run waits for two people, or was refused by them."""
    broken: int = 0
    """Mandates that could not be planned by a fault of ours; logged, and the rest was."""


def plan(
    ports: Ports,
    month: Month,
    by: str = runs.TIMETABLE,
    told: Callable[[Planned], None] = lambda _: None,
    *,
    at: datetime | None = None,
) -> Planned:
    """Schedule `month` for every active mandate of a verified member that has no attempt for it yet.

    A repeat finds nothing left to do. `told` hears of each chunk. `at` is the true moment where the clock of `ports`
    pretends another: who comes after it is looked at by the next planning. Raises OutsideWindow.
    """
    result = Planned()
    with ports.transaction() as work:
        begun_at, this = min(work.now, at or work.now), month_of(work.today)
        if not this <= month <= add_months(this, 1):
            raise OutsideWindow(f"{month:%Y-%m} is not {this:%Y-%m} or the month after it")
        run = runs.begin(work, month, by)
        run.begun_at = min(run.begun_at, begun_at)
        if run.state != RunState.PLANNING.value:
            result.held = run.state
            return result
    _end_and_take_up(ports, month)
    with ports.transaction() as work:
        runs.cut(work, runs.begin(work, month, by))
    without_tariff = 0
    while (done := _plan_next(ports, month, result)) is not None:
        result.scheduled += done.scheduled
        result.above_maximum += done.above_maximum
        result.too_late += done.too_late
        without_tariff += done.no_tariff
        told(result)
    if without_tariff:
        # No mandate changes when the tariff comes: unfinished, the next planning looks at all of them again.
        return result
    with ports.transaction() as work:
        runs.finish(work, month, begun_at)
    return result


def _end_and_take_up(ports: Ports, month: Month) -> None:
    more = True
    while more:
        with ports.transaction() as work:
            more = mandate_life.end_and_take_up(work, month, _LIFE_CHUNK) == _LIFE_CHUNK


def _plan_next(ports: Ports, month: Month, result: Planned) -> runs.Planned | None:
    try:
        with ports.transaction() as work:
            return runs.plan_next(work, month)
    except Exception as error:
        # One bad row must not keep its neighbours from being planned: they go one by one, and it is logged.
        log.error("chunk_broken", month=f"{month:%Y-%m}", kind=type(error).__name__)
    return _plan_singly(ports, month, result)


def _plan_singly(ports: Ports, month: Month, result: Planned) -> runs.Planned | None:
    with ports.transaction() as work:
        chunk = runs.next_chunk(work, month)
        if chunk is None:
            return None
        chunk_id, mandate_ids = chunk.id, runs.owing(work, month, chunk)
    done = runs.Planned(0, 0, 0, 0)
    for mandate_id in mandate_ids:
        try:
            with ports.transaction() as work:
                done += runs.plan_mandates(work, month, [mandate_id])
        except Exception as error:
            result.broken += 1
            log.error("mandate_not_planned", mandate=mandate_id, month=f"{month:%Y-%m}", kind=type(error).__name__)
            with ports.transaction() as work:
                plan_anew(work, [mandate_id])
    with ports.transaction() as work:
        runs.plan_done(work, work.db.get_one(Chunk, chunk_id, with_for_update=True), done)
    return done
