"""A contribution month as the first day of it: arithmetic, spelling, nothing about money."""

import re
from datetime import date, timedelta
from functools import lru_cache

from babel.dates import format_date

Month = date
"""Always the first day of the month."""


def month_of(day: date) -> Month:
    return day.replace(day=1)


def add_months(month: Month, count: int) -> Month:
    total = month.year * 12 + month.month - 1 + count
    return date(total // 12, total % 12 + 1, 1)


def last_day(month: Month) -> date:
    return add_months(month, 1) - timedelta(days=1)


def parse_month(text: str) -> Month:
    """`"2026-12"` to `date(2026, 12, 1)`. Raises ValueError with what to write instead."""
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
        raise ValueError(f"a month is written YYYY-MM, like 2026-12, not {text!r}")
    return date(int(text[:4]), int(text[5:]), 1)


# Javanese and Sundanese offices write the months as Indonesian does; the CLDR's own forms are longer and rarely read.
_MONTHS_OF = {"jv": "id", "su": "id"}


@lru_cache(maxsize=512)
def month_name(month: Month, language: str) -> str:
    """Short, for a screen: `"Des 2026"` in Indonesian, `"Dec 2026"` in English."""
    return str(format_date(month, "MMM yyyy", locale=_MONTHS_OF.get(language, language)))


def day_text(day: date) -> str:
    """`30-11-2026`, in every language, as rural offices write it."""
    return day.strftime("%d-%m-%Y")
