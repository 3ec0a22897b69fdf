"""Counts what happens on each screen by day, language and gateway, in Redis with the hop, then in rows; no person.

A day's counts only grow, so they are written to the database as they stand: to write them twice changes nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from models import FunnelDay
from ports import Ports
from texts import FIRST_LANGUAGE
from units.clock import jakarta_day
from ussd.engine import BACK, HOME, MORE, Reply
from ussd.journey import Journey
from ussd.journeys import Journeys

ENTERED, ANSWERED, WRONG, DROPPED = EVENTS = ("entered", "answered", "wrong", "dropped")
# Rows are written by the hundred; a day has some sixty screens in each language and gateway.
_ROWS_AT_ONCE = 500
_SEPARATOR = "|"

Place = tuple[str, str, str]
"""Screen, language, gateway."""


def count_of(event: str, screen: str, journey: Journey) -> str:
    """The name of one count, as Redis keeps it."""
    return _SEPARATOR.join((event, screen, journey.language or FIRST_LANGUAGE, journey.gateway))


def of_hop(before: Journey, pressed: str | None, reply: Reply, after: Journey) -> list[str]:
    """What one hop adds: an answer to the screen it came from, and a coming to the screen it leads to.

    Turning pages and an empty answer add nothing; going back is a coming without an answer.
    """
    entered = count_of(ENTERED, reply.screen, after)
    if reply.wrong:
        return [count_of(WRONG, before.screen, after)]
    if pressed is None or pressed in (BACK, HOME):
        return [entered]
    return [] if pressed in ("", MORE) else [count_of(ANSWERED, before.screen, after), entered]


def of_drop(journey: Journey) -> str:
    return count_of(DROPPED, journey.screen, journey)


def counted(journeys: Journeys, day: date) -> dict[Place, Counter[str]]:
    """What `day` has seen so far in all processes, place by place."""
    found: dict[Place, Counter[str]] = defaultdict(Counter)
    for counts in journeys.counts(day):
        for name, count in counts.items():
            event, *place = name.split(_SEPARATOR)
            screen, language, gateway = place
            found[screen, language, gateway][event] += count
    return found


def keep(ports: Ports) -> int:
    """Write today's counts into rows, and yesterday's for its last minute; how many rows."""
    journeys, today = Journeys(ports.redis, ports.keys), jakarta_day(ports.clock())
    kept = 0
    for day in (today - timedelta(days=1), today):
        rows = [_row(day, place, counts) for place, counts in sorted(counted(journeys, day).items())]
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            _write(ports, rows[first : first + _ROWS_AT_ONCE])
        kept += len(rows)
    return kept


def _row(day: date, place: Place, counts: Mapping[str, int]) -> dict[str, object]:
    screen, language, gateway = place
    return {
        "day": day,
        "screen": screen,
        "language": language,
        "gateway": gateway,
        **{event: counts.get(event, 0) for event in EVENTS},
    }


def _write(ports: Ports, rows: Iterable[Mapping[str, object]]) -> None:
    """A count never goes down: where Redis lost a day's counts, what the rows had of it stays."""
    new = insert(FunnelDay).values(list(rows))
    table = FunnelDay.__table__.c
    most = {event: func.greatest(table[event], new.excluded[event]) for event in EVENTS}
    with ports.transaction() as work:
        work.db.execute(new.on_conflict_do_update(index_elements=["day", "screen", "language", "gateway"], set_=most))
