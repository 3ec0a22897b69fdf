"""Cuts a screen into pages that fit a phone, whatever the facts; knows septets and nothing of menus."""

from collections.abc import Sequence
from dataclasses import dataclass

from units.gsm import septets


@dataclass(frozen=True)
class Page:
    """One screenful: its lines, and how many of the numbered options were shown up to its end."""

    text: str
    options_shown: int
    more: bool


def cut(head: str, options: Sequence[str], room: int, room_with_more: int) -> list[Page]:
    """Pages of `head` and then `options`, one a line. `room` is what fits without the line that offers more.

    A head too long for a page is cut between words; an option is never cut.
    """
    whole = "\n".join([head, *options])
    if septets(whole) <= room:
        return [Page(whole, len(options), more=False)]
    pages: list[Page] = []
    current, shown = "", 0
    pieces = [*_words(head), *(("\n", option) for option in options)]
    for position, (glue, piece) in enumerate(pieces):
        joined = f"{current}{glue}{piece}" if current else piece
        if septets(joined) <= room_with_more or not current:
            current = joined
        else:
            pages.append(Page(current, shown, more=True))
            current = piece
        if position >= len(pieces) - len(options):
            shown += 1
    return [*pages, Page(current, shown, more=False)]


def _words(head: str) -> list[tuple[str, str]]:
    words: list[tuple[str, str]] = []
    for line in head.split("\n"):
        words += [("\n" if i == 0 else " ", word) for i, word in enumerate(line.split(" "))]
    return words
