"""docs/menu.md, drawn from the menu: one flowchart a part, and how long the ways are that must be short; reads no row.

`make menu` writes the page anew; a test fails while it is stale.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple

from texts import FIRST_LANGUAGE, Texts, load_texts
from ussd.caller import HELD, PROVE
from ussd.journey import RESUME
from ussd.menu import MENU
from ussd.screens import Ask, Do, End, Fork, Menu, Pick, Screen
from ussd.ways import WAYS, counted

PAGE = Path(__file__).parents[1] / "docs" / "menu.md"
# More of a screen's words would make a flowchart that no browser shows whole.
_WORDS_LETTERS_MAX = 44

# Each part of the menu by the first word of its screens' names, in the order of the page. A screen that none of them
# names has a part of its own, under that word.
PARTS: Mapping[str, Sequence[str]] = {
    "The first menu": ("main", "resume", "language", "help", "not_enrolled"),
    "Enrolment": ("enrol",),
    "A first PIN": ("first",),
    "Who is calling": ("prove", "sim", "pin"),
    "Helping others to join": ("officer",),
    "Autodebit": ("mandate", "goodbye", "held_back"),
    "Cover and balance": ("cover",),
    "My data": ("data",),
    "Heirs": ("heirs",),
    "Programmes and income": ("terms",),
    "Another number": ("number",),
    "Leaving and joining again": ("leave", "rejoin"),
    "Complaints and reports": ("complain", "report"),
    "Is an SMS ours": ("genuine",),
}
# What a part is too large for one chart without: its screens by the beginning of their names.
SPLIT: Mapping[str, Mapping[str, Sequence[str]]] = {
    "Autodebit": {
        "Paying now": ("mandate.pay",),
        "Pausing, going on, ending": ("mandate.pause", "mandate.resume", "mandate.cancel", "mandate.held"),
        "The bank's code": ("mandate.code",),
    },
}
_SHAPES: Mapping[type[Screen], tuple[str, str]] = {
    Menu: ("[", "]"),
    Pick: ("[", "]"),
    Ask: ("[/", "/]"),
    Do: ("[[", "]]"),
    Fork: ("{{", "}}"),
    End: ("([", "])"),
}
_HEAD = """\
# The menu

Drawn from `ussd/menu.py` and its branches by `make menu`; a test fails while this page is stale. The words are the
Indonesian ones, at most their beginning; all of them, in every language: `make texts`. Whole calls, word by word:
[tests/transcripts/](../tests/transcripts/).

| drawn as | is |
|---|---|
| box | a question with numbered answers; the number stands on the edge |
| slanted box | a question with a typed answer |
| hexagon | a choice that the system makes by what is known, without a word |
| box with double sides | something is done, once |
| rounded | the last words of a call |
| flag | a screen of another part |
| dashed edge | a refusal, or nothing to choose from: where it leads |

From every question with a way back, **0** leads to the one before, **00** to the first menu; **98** turns the page.
"""
_RESUME_WORDS = f"A call that was dropped comes back to `{RESUME}`, which goes on where it was left."
_PROVE_WORDS = f"`{PROVE}` and `{HELD}` stand before any screen that is for the person's own eyes (decisions/0013)."
_WAYS_HEAD = """\
## How long the ways are

Screens with words from the first to the last; keys of every answer with the one that sends it, PIN digits and turned
pages included, those of the service code not. Pages with the longest data and the sandbox's mark, which takes room too.

| way | screens | at most | pages | keys | at most |
|---|---|---|---|---|---|
"""


class Edge(NamedTuple):
    """A way from a screen to another, and what is done to take it."""

    to: str
    label: str
    refusal: bool = False


def edges(screen: Screen) -> Iterator[Edge]:
    """Every way out of a screen."""
    match screen:
        case Menu():
            yield from (Edge(to, name) for name, to in screen.options.items())
        case Pick():
            yield Edge(screen.then, "")
            yield from (Edge(to, value) for value, to in screen.goes.items())
            yield from (Edge(screen.none, "nothing to choose", refusal=True),) if screen.none else ()
        case Ask():
            yield Edge(screen.then, "")
            yield from (Edge(to, _spoken(kind), refusal=True) for kind, to in screen.unless.items())
        case Do():
            yield Edge(screen.then, "")
            yield from (Edge(to, _spoken(kind), refusal=True) for kind, to in screen.unless.items())
            yield from (Edge(to, f"{_spoken(kind)}: done before", refusal=True) for kind, to in screen.repeats.items())
        case Fork():
            yield from (Edge(to, value) for value, to in screen.to.items())


def _spoken(kind: type[Exception]) -> str:
    """`AlreadyEnrolledHere` is "already enrolled here"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()


def part_of(name: str) -> str:
    """The part of the page that a screen stands in."""
    first = name.split(".")[0]
    part = next((title for title, names in PARTS.items() if first in names), first)
    smaller = SPLIT.get(part, {})
    return next((title for title, starts in smaller.items() if name.startswith(tuple(starts))), part)


def parts() -> list[str]:
    """Every part that has a screen, in the order of the page."""
    known = [title for part in PARTS for title in (part, *SPLIT.get(part, {}))]
    found = dict.fromkeys(part_of(name) for name in MENU)
    return [*(title for title in known if title in found), *(title for title in found if title not in known)]


class _Places(dict[str, str]):
    """{fields} as they stand in the file."""

    def __missing__(self, field: str) -> str:
        return f"{{{field}}}"


def _quoted(text: str) -> str:
    """As Mermaid takes any letter: quotes and its own signs as their numbers."""
    return '"' + "".join(f"#{ord(c)};" if c in '"#<>&`' else c for c in text) + '"'


def _id(name: str) -> str:
    return name.replace(".", "_")


def _node(texts: Texts, name: str) -> str:
    screen = MENU[name]
    begin, end = _SHAPES[type(screen)]
    lines = [_quoted(name)[1:-1]]
    if not isinstance(screen, Do | Fork):
        words = texts.screen(name, FIRST_LANGUAGE, _Places()).text
        lines.append(_quoted(shorten(words, _WORDS_LETTERS_MAX, placeholder=" ..."))[1:-1])
    joined = "<br>".join(lines)
    return f'    {_id(name)}{begin}"{joined}"{end}'


def _labels(texts: Texts, name: str) -> Mapping[str, str]:
    """What a caller reads for each option, with the key to press."""
    screen = MENU[name]
    if not isinstance(screen, Menu):
        return {}
    # Without the point: Mermaid takes `1.` for a list.
    labels = texts.screen(name, FIRST_LANGUAGE, _Places()).options
    return {option: f"{number} {labels[option]}" for number, option in enumerate(screen.options, 1)}


def _arrows(texts: Texts, name: str, ids: Mapping[str, str]) -> Iterator[str]:
    """The edges out of a screen; those to one place are one, with all their labels."""
    labels, joined = _labels(texts, name), dict[tuple[str, bool], list[str]]()
    for edge in edges(MENU[name]):
        said = joined.setdefault((edge.to, edge.refusal), [])
        if edge.label:
            said.append(labels.get(edge.label, edge.label))
    for (to, refusal), said in joined.items():
        arrow = "-.->" if refusal else "-->"
        label = f"|{_quoted(', '.join(said))}|" if said else ""
        yield f"    {_id(name)} {arrow}{label} {ids[to]}"


def chart(texts: Texts, part: str) -> Iterator[str]:
    """The lines of one part's flowchart."""
    names = [name for name in MENU if part_of(name) == part]
    ids = {name: _id(name) for name in names}
    yield from ("flowchart TD", *(_node(texts, name) for name in names))
    for name in names:
        for edge in edges(MENU[name]):
            if edge.to not in ids:
                ids[edge.to] = f"to_{_id(edge.to)}"
                yield f"    {ids[edge.to]}>{_quoted(f'{edge.to}: {part_of(edge.to)}')}]"
    for name in names:
        yield from _arrows(texts, name, ids)


def page(texts: Texts) -> str:
    """docs/menu.md as it has to be."""
    lines = [_HEAD, _RESUME_WORDS, _PROVE_WORDS, "", _WAYS_HEAD.rstrip("\n")]
    for way in WAYS:
        count = counted(texts, way)
        cells = (way.title, count.screens, way.screens_max, count.pages, count.keys, way.keys_max or "")
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    for part in parts():
        lines += ["", f"## {part}", "", "```mermaid", *chart(texts, part), "```"]
    return "\n".join(lines) + "\n"


def main() -> int:
    PAGE.write_text(page(load_texts(sandbox=True)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
