"""Which gateway takes a text: each has a share that slides with how it does; one that refuses our account has none."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from redis import Redis, RedisError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from insurance.work import Work
from insurance.work_items import close, find, open_item
from models import SmsRoute, WorkKind
from models.event import record
from models.machine import Cause
from ports import Ports

log = structlog.get_logger()

# Source: GOV.UK Notify's rule for its providers (field.md 3.5): ten points less for who fails or is slow with 15 % of
# five minutes' texts, not more often than every five minutes, never where all do; back after 15 quiet minutes.
WEIGHT_FULL, WEIGHT_MIN, STEP = 100, 10, 10
WINDOW_MIN = 5
BAD_PERCENT = 15
TEXTS_MIN = 10
"""Of fewer texts in the window no share is told."""
CHANGED_AGAIN_AFTER = timedelta(minutes=5)
QUIET = timedelta(minutes=15)
SLOW_S = 5.0
# One text asks whether a stopped gateway takes us again.
PROBE_AFTER = timedelta(minutes=10)
_KEPT_S = 30 * 60
# Knuth's multiplier: ids that follow each other are spread evenly.
_SPREAD, _SPREAD_BITS = 2654435761, 32


class Routes:
    """The gateways that may be used now."""

    def __init__(self, rows: Iterable[SmsRoute], now: datetime) -> None:
        asked_again = now - PROBE_AFTER
        self._rows = [row for row in rows if row.stopped_at is None or row.changed_at <= asked_again]
        self._now = now

    def __bool__(self) -> bool:
        return bool(self._rows)

    def choose(self, text_id: int, not_by: str = "") -> str:
        """By its id a text's gateway is always the same, and ids are spread by weight; `not_by` only if no other is.

        A stopped one gets the first text that is asked for, and no other until that one is answered; empty where no
        gateway is left.
        """
        probed = next((row for row in self._rows if row.stopped_at is not None), None)
        if probed is not None:
            self._rows.remove(probed)
            probed.changed_at = self._now
            return probed.name
        rows = [row for row in self._rows if row.name != not_by] or self._rows
        if not rows:
            return ""
        at = (text_id * _SPREAD) % 2**_SPREAD_BITS * sum(row.weight for row in rows) >> _SPREAD_BITS
        for row in rows:
            at -= row.weight
            if at < 0:
                break
        return row.name


def routes(work: Work, names: Iterable[str]) -> Routes:
    return Routes(_rows(work, names), work.now)


def _rows(work: Work, names: Iterable[str]) -> Sequence[SmsRoute]:
    wanted = sorted(names)
    found = {row.name: row for row in work.db.scalars(select(SmsRoute).where(SmsRoute.name.in_(wanted)))}
    for name in wanted:
        if name not in found:
            row = {"name": name, "weight": WEIGHT_FULL, "changed_at": work.now, "stopped_code": ""}
            work.db.execute(insert(SmsRoute).values(**row).on_conflict_do_nothing())
            found[name] = work.db.get_one(SmsRoute, name)
    return [found[name] for name in wanted]


def stopped(work: Work, name: str, code: str) -> None:
    """It refuses our whole account: nothing more is given to it, and people are called."""
    row = work.db.get_one(SmsRoute, name, with_for_update=True, populate_existing=True)
    if row.stopped_at is None:
        log.error("sms_gateway_stopped", gateway=name, code=code)
        record(work.db, row.subject, "gateway", "stopped", code, "open", "stopped", work.now)
        row.stopped_at = work.now
        open_item(work, WorkKind.GATEWAY_STOPPED, _alarm(row), code=code)
    # Asked once more, and refused once more: the next text that asks waits as long again.
    row.stopped_code, row.changed_at = code[:40], work.now


def resumed(work: Work, name: str, actor: str, claimed_at: datetime | None = None) -> bool:
    """It takes texts again; False where it was not stopped, or by a text that was claimed before it stopped."""
    # Asked after every turn of every lane: only one that is stopped is locked.
    if (row := work.db.get(SmsRoute, name)) is None or row.stopped_at is None:
        return False
    work.db.refresh(row, with_for_update=True)
    if row.stopped_at is None or (claimed_at is not None and claimed_at <= row.stopped_at):
        return False
    item = find(work, WorkKind.GATEWAY_STOPPED, _alarm(row), lock=True)
    if item is not None:
        close(work, item, Cause(actor, "resumed"))
    record(work.db, row.subject, actor, "resumed", row.stopped_code, "stopped", "open", work.now)
    row.stopped_at, row.stopped_code, row.changed_at = None, "", work.now
    return True


def _alarm(row: SmsRoute) -> str:
    return f"{row.name} {row.stopped_at:%Y-%m-%d %H:%M:%S}"


class Count(NamedTuple):
    """What one gateway did with the texts of some time."""

    texts: int
    bad: int
    """Without a clear answer, not reached, or slower than SLOW_S."""

    @property
    def is_bad(self) -> bool:
        return self.texts >= TEXTS_MIN and 100 * self.bad >= BAD_PERCENT * self.texts


def note(redis: Redis, now: datetime, name: str, count: Count) -> None:
    """Adds to the counts of this minute, which all lanes share. Without the store shares stay as they are."""
    key = _minute(name, now)
    try:
        with redis.pipeline(transaction=False) as pipe:
            pipe.hincrby(key, "texts", count.texts)
            pipe.hincrby(key, "bad", count.bad)
            pipe.expire(key, _KEPT_S)
            pipe.execute()
    except RedisError as error:
        log.warning("sms_counts_lost", kind=type(error).__name__)


def _minute(name: str, now: datetime) -> str:
    return f"sms:{name}:{int(now.timestamp()) // 60}"


def _counted(redis: Redis, now: datetime, name: str, minutes: int) -> Count:
    with redis.pipeline(transaction=False) as pipe:
        for ago in range(minutes):
            pipe.hmget(_minute(name, now - timedelta(minutes=ago)), "texts", "bad")
        found = pipe.execute()
    return Count(*(sum(int(pair[at] or 0) for pair in found) for at in (0, 1)))


def weigh(ports: Ports) -> Mapping[str, int]:
    """Once a minute: who does badly gets less, who did well for a while gets back; the shares as they are now."""
    with ports.transaction() as work:
        try:
            counts = {name: _counted(ports.redis, work.now, name, WINDOW_MIN) for name in ports.sms}
            calm = {name: not _counted(ports.redis, work.now, name, int(QUIET.seconds / 60)).is_bad for name in counts}
        except RedisError as error:
            log.warning("sms_shares_not_weighed", kind=type(error).__name__)
            counts, calm = {}, {}
        rows = _rows(work, ports.sms)
        all_bad = all(counts[row.name].is_bad for row in rows if row.name in counts)
        for row in rows:
            if row.name not in counts or row.stopped_at is not None:
                continue
            if counts[row.name].is_bad and not all_bad and row.changed_at <= work.now - CHANGED_AGAIN_AFTER:
                _slide(work, row, max(WEIGHT_MIN, row.weight - STEP))
            elif calm[row.name] and row.changed_at <= work.now - QUIET:
                _slide(work, row, min(WEIGHT_FULL, row.weight + STEP))
        return {row.name: row.weight for row in rows}


def _slide(work: Work, row: SmsRoute, weight: int) -> None:
    if weight != row.weight:
        record(work.db, row.subject, "system", "weight", "", str(row.weight), str(weight), work.now)
        log.info("sms_share", gateway=row.name, weight=weight)
        row.weight, row.changed_at = weight, work.now
