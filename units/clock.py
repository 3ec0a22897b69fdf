"""Time as a port: the one place that asks the machine what time it is."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

JAKARTA = ZoneInfo("Asia/Jakarta")

Clock = Callable[[], datetime]
"""Answers now, aware, in UTC."""


def system_clock() -> datetime:
    return datetime.now(UTC)


def jakarta_day(at: datetime) -> date:
    """The day a bank and the insurer would write: months are cut in Asia/Jakarta, never in UTC."""
    return at.astimezone(JAKARTA).date()


def next_daytime(at: datetime, zone: ZoneInfo, *, from_hour: int = 8, until_hour: int = 20) -> datetime:
    """The first moment from `at` on that is between 08.00 and 20.00 in the recipient's own zone."""
    local = at.astimezone(zone)
    if from_hour <= local.hour < until_hour:
        return at
    day = local if local.hour < from_hour else local + timedelta(days=1)
    return day.replace(hour=from_hour, minute=0, second=0, microsecond=0).astimezone(UTC)
