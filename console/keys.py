"""Where the next page of a list begins, as it stands in an address: a day and a number, and never a person."""

from datetime import date

DayAndId = tuple[date, int]


def read_key(typed: str) -> DayAndId | None:
    """`2026-11-30.17`; anything else is the beginning."""
    day, _, number = typed.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    try:
        return date.fromisoformat(day), int(number)
    except ValueError:
        return None


def write_key(day: date, number: int) -> str:
    return f"{day:%Y-%m-%d}.{number}"
