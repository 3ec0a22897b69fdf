"""provisional"""

import calendar
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from insurance.work import Work
from units.clock import jakarta_day
from units.month import Month, last_day

_NOTICE_SLACK = timedelta(hours=12)


def chosen_day(day: int, days: Sequence[int] | None, month: Month) -> int:
    return days[month.month - 1] if days else day


def debit_day(work: Work, month: Month, day: int) -> date:
    return month.replace(day=min(day, calendar.monthrange(month.year, month.month)[1]))


def earliest_noticed_day(work: Work) -> date:
    """The first day a debit may fall on whose notice is owed now: 08.00 tomorrow at worst, the notice hours, slack."""
    hours = timedelta(hours=work.settings.NOTICE_HOURS) + _NOTICE_SLACK
    return jakarta_day(work.now + hours) + timedelta(days=1)


def retry_day(work: Work, failed_on: date, month: Month, n: int) -> date | None:
    day = max(earliest_noticed_day(work), failed_on + timedelta(days=5 if n == 2 else 8))
    return day if day <= last_day(month) else None


def is_open(cut_off: tuple[time, time] | None, at: datetime) -> bool:
    return True
