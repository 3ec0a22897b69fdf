"""Sentences that more than one channel says, so that the screen and the SMS never differ; the words are in texts/."""

from datetime import date
from typing import Protocol

from insurance.cover import Cover, CoverState
from units.month import day_text, month_name


class Line(Protocol):
    """A line of text by name, facts filled in."""

    def __call__(self, name: str, /, **facts: str) -> str: ...


def cover_line(line: Line, cover: Cover, language: str, due_day: int) -> str:
    """One sentence on cover; *protected* is said of posted months only, and grace promises nothing."""
    until = day_text(cover.until) if cover.until else ""
    month = month_name(cover.owed, language)
    match cover.state:
        case CoverState.NONE:
            return line("status.none", month=month)
        case CoverState.WAITING if cover.waits is not None:
            return line("status.waiting_owed", month=month, month2=month_name(cover.waits, language))
        case CoverState.WAITING:
            return line("status.waiting")
        case CoverState.PROTECTED | CoverState.LAPSED as state:
            return line(f"status.{state.value}", until=until)
        case CoverState.DUE:
            due = date(cover.owed.year, cover.owed.month, due_day)
            return line("status.due", until=until, month=month, date=day_text(due))
        case _:
            return line("status.grace", until=until, month=month)
