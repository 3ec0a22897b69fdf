"""Days as banks and members know them: working days, the day of a debit or a retry, cut-offs. It writes nothing."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from sqlalchemy import select

from insurance.work import Work
from models import Holiday
from units.clock import JAKARTA, jakarta_day
from units.month import Month, last_day

CutOff = tuple[time, time]
"""From when until when a bank takes no debits, Jakarta time; `(22:00, 04:00)` lies across midnight."""

_DAY = timedelta(days=1)
_SATURDAY, _FRIDAY = 5, 4
# Years of the library that a process keeps: a run looks at this year, the next and, in a report, the last.
_YEARS_KEPT_MAX = 8
# Source: field.md 2D and 3.4: few, well-timed tries; payments spike for 3-4 days; the due day, a likely-money day and
# the last Friday, never twice on one day.
SECOND_TRY_AFTER = timedelta(days=5)
SECOND_TRY, THIRD_TRY = 2, 3
# The notice is given at least this long before the day it names, on top of NOTICE_HOURS after a gateway took it.
_NOTICE_SLACK = timedelta(hours=12)


@lru_cache(maxsize=_YEARS_KEPT_MAX)
def _library_days(year: int) -> frozenset[date]:
    """National holidays and joint leave (cuti bersama) as the library knows or estimates them.

    Joint leave counts: Bank Indonesia's clearing and cash services rest on it and only BI-FAST goes on (BI's timetables
    for Idul Fitri 2021-2024), and where the counter is closed no member can deposit what is to be debited.
    """
    # Imported here: 0.1 s and 10 MB (measured) that no call by USSD needs.
    import holidays

    return frozenset(holidays.country_holidays("ID", years=year, categories=(holidays.PUBLIC, holidays.GOVERNMENT)))


def _holidays(work: Work, year: int) -> frozenset[date]:
    """The library's days with the rows over them, read once a minute at most."""

    def read() -> frozenset[date]:
        of_year = select(Holiday.day, Holiday.is_holiday).where(
            Holiday.day.between(date(year, 1, 1), date(year, 12, 31))
        )
        rows = {row.day: row.is_holiday for row in work.db.execute(of_year)}
        return _library_days(year) - rows.keys() | {day for day, is_holiday in rows.items() if is_holiday}

    return work.reference.get(("holidays", year), work.now, read)


def is_working_day(work: Work, day: date) -> bool:
    """Monday to Friday and no holiday; a row that takes a holiday back makes no Sunday a working day."""
    return day.weekday() < _SATURDAY and day not in _holidays(work, day.year)


def _working_days(work: Work, first: date, last: date) -> Iterator[date]:
    """Those from `first` up to `last`; backwards where `last` lies before `first`."""
    step = _DAY if first <= last else -_DAY
    for ahead in range(abs((last - first).days) + 1):
        if is_working_day(work, day := first + ahead * step):
            yield day


def chosen_day(day: int, days: Sequence[int] | None, month: Month) -> int:
    """The member's day in `month`: `days` are twelve, January first, where the day follows the harvest."""
    return days[month.month - 1] if days else day


def debit_day(work: Work, month: Month, day: int) -> date:
    """The day in `month` on which a debit of the member's `day` (1-28) falls.

    The next working day, but not past DUE_DAY, after which grace begins (rulings 2): there the last working day before.
    Where the month has none up to DUE_DAY, the first one after it; never out of the month.
    """
    due = month.replace(day=work.settings.DUE_DAY)
    wanted = month.replace(day=min(day, due.day))
    found = next(_working_days(work, wanted, due), None) or next(_working_days(work, wanted, month), None)
    return found or next(_working_days(work, due, last_day(month)), wanted)


def first_working_day(work: Work, day: date, month: Month) -> date:
    """The first working day from `day` on that is still in `month`; `day` itself where none is left."""
    return next(_working_days(work, day, last_day(month)), day) if day <= last_day(month) else day


def earliest_noticed_day(work: Work) -> date:
    """The first day a debit may fall on whose notice is owed now: 08.00 tomorrow at worst, the notice hours, slack."""
    hours = timedelta(hours=work.settings.NOTICE_HOURS) + _NOTICE_SLACK
    return jakarta_day(work.now + hours) + _DAY


def retry_day(work: Work, failed_on: date, month: Month, n: int) -> date | None:
    """The day of try `n` (2 or 3) of `month` after a soft failure on `failed_on`; None where none is left or due.

    Always a later day than `failed_on`, a working day, and late enough for the SMS on the failure, owed now, to be the
    notice that names it. The second try comes about five days later, the third on the last Friday of the month, or on
    its last working day where that Friday is none or too near.
    """
    end = last_day(month)
    first = max(month, failed_on + _DAY, earliest_noticed_day(work))
    if first > end:
        return None
    if n == SECOND_TRY:
        wanted = min(max(first, failed_on + SECOND_TRY_AFTER), end)
        return next(_working_days(work, wanted, end), None) or next(_working_days(work, wanted, first), None)
    if n == THIRD_TRY:
        friday = end - timedelta(days=(end.weekday() - _FRIDAY) % 7)
        if friday >= first and is_working_day(work, friday):
            return friday
        return next(_working_days(work, end, first), None)
    return None


def is_open(cut_off: CutOff | None, at: datetime) -> bool:
    """Whether a bank takes debits at `at` (aware); a window that ends when it begins closes nothing."""
    if cut_off is None:
        return True
    closes, opens = cut_off
    local = at.astimezone(JAKARTA).time()
    return not (closes <= local < opens if closes <= opens else local >= closes or local < opens)


def next_opening(cut_off: CutOff | None, at: datetime) -> datetime:
    """The first moment from `at` on, in UTC, at which the bank takes debits."""
    if cut_off is None or is_open(cut_off, at):
        return at
    local = at.astimezone(JAKARTA)
    opens = datetime.combine(local.date(), cut_off[1], JAKARTA)
    return (opens if opens > local else opens + _DAY).astimezone(UTC)
