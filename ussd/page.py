"""Cuts a screen into pages that fit a phone, whatever the facts; knows septets and nothing of menus."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from units.gsm import SCREEN_SEPTETS_MAX, septets

# What says nothing without the word before it: `Mulai Jan 2027: Rp36.800` must not end a page with its colon.
_HANGS = re.compile(r"\(?(?:Rp|[0-9])")
_ENDS = (".", "?", "!")
Piece = tuple[str, str]
"""What stands before it (a blank, a new line), and words that stay together."""


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

    A head too long for a page is cut between sentences where that takes no page more, else between words, and never
    before a number or an amount; an option is never cut.
    """
    whole = "\n".join([head, *options])
    if septets(whole) <= room:
        return [Page(whole, len(options), more=False)]
    words = _words(head)
    by_sentence = _filled(_sentences(words, room_with_more), options, room_with_more)
    by_word = _filled(words, options, room_with_more)
    return by_sentence if len(by_sentence) <= len(by_word) else by_word


def _filled(head: Iterable[Piece], options: Sequence[str], room_with_more: int) -> list[Page]:
    """Each page with as many pieces as it takes."""
    pages: list[Page] = []
    current, shown = "", 0
    pieces = [*head, *(("\n", option) for option in options)]
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


def _words(head: str) -> list[Piece]:
    """Word by word, each with the numbers that follow it."""
    words: list[Piece] = []
    for line in head.split("\n"):
        for i, word in enumerate(line.split(" ")):
            if i and _HANGS.match(word):
                glue, before = words[-1]
                words[-1] = (glue, f"{before} {word}")
            else:
                words.append(("\n" if i == 0 else " ", word))
    return words


def _sentences(words: Sequence[Piece], room: int) -> list[Piece]:
    """The same by sentences; those that no page takes stay in words."""
    found, sentence = list[Piece](), list[Piece]()
    for position, word in enumerate(words):
        sentence.append(word)
        if word[1].endswith(_ENDS) or position == len(words) - 1:
            whole = sentence[0][1] + "".join(glue + text for glue, text in sentence[1:])
            found += [(sentence[0][0], whole)] if septets(whole) <= room else sentence
            sentence = []
    return found
