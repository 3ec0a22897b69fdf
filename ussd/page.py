"""Cuts a screen into pages that fit a phone, whatever the facts; knows septets and nothing of menus."""

from collections.abc import Sequence
from dataclasses import dataclass

from units.gsm import SCREEN_SEPTETS_MAX, septets


@dataclass(frozen=True)
class Page:
    """One screenful: its lines, and how many of the numbered options were shown up to its end."""

    text: str
    options_shown: int
    more: bool


@dataclass(frozen=True)
class Around:
    """What stands around a page: the sandbox's mark, what was wrong, the ways back, and the way to the next page."""

    mark: str
    line: str
    ways: Sequence[str]
    more: str


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


def cut_screen(head: str, options: Sequence[str], around: Around) -> list[Page]:
    """Pages with room for the sandbox's mark, the line that said what was wrong, the ways back and the way on.

    The line has its room on every page: turning on must not lead past a page that was never shown.
    """
    whole = SCREEN_SEPTETS_MAX - septets(around.mark)
    room = whole - _lines_septets(around.line, " ".join(around.ways))
    room_with_more = whole - _lines_septets(around.line, " ".join([*around.ways, around.more]))
    return cut(head, options, room, room_with_more)


def page_text(page: Page, around: Around) -> str:
    """What the phone shows of one page."""
    last = " ".join([*around.ways, around.more] if page.more else around.ways)
    return around.mark + "\n".join(part for part in (around.line, page.text, last) if part)


def _lines_septets(*lines: str) -> int:
    return sum(septets(line) + 1 for line in lines if line)


def _words(head: str) -> list[tuple[str, str]]:
    words: list[tuple[str, str]] = []
    for line in head.split("\n"):
        words += [("\n" if i == 0 else " ", word) for i, word in enumerate(line.split(" "))]
    return words
