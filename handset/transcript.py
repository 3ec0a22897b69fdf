"""Whole calls as a text that an insurance officer can read and a phone can dial again; knows nothing of our screens.

    # what it shows               a remark
    = 23-11-2026 09.00            the day and hour from here on, in Jakarta
    @ Siti +6281234567890         whose phone speaks from here on
    > *500*73#                    dialled, or pressed; the lines below it, up to an empty one, are the screen
    ! drop                        the network ends the call
    SMS > STATUS                  an SMS that is sent
    SMS Siti: LATIHAN ...         one that arrives
    ~ The bank agrees.            what happens elsewhere

`{ref}` and `{code}` stand for what no two runs share; a code that arrived can be typed: `> {code}`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a step is, by the sign in front of its line."""

    REMARK = "# "
    DAY = "= "
    PHONE = "@ "
    PRESS = "> "
    DROP = "! drop"
    SEND = "SMS > "
    ARRIVES = "SMS "
    ELSEWHERE = "~ "


DIALLED = re.compile(r"\*[0-9*]+#")
_PHONE = re.compile(r"(\w+) (\+\d+)")
_ARRIVES = re.compile(r"(\w+): (.*)", re.DOTALL)
_PLACE = re.compile(r"\{(\w+)\}")
_KNOWN_PLACES = {"ref": r"\w{12}", "code": r"\d{6}"}
_ANY_PLACE = r".+?"
# What is another one on another day: dates, hours, months.
_OF_THE_DAY = (
    (re.compile(r"\b\d\d-\d\d-\d{4}\b"), "<date>"),
    (re.compile(r"\b\d\d\.\d\d (WIB|WITA|WIT)\b"), "<time>"),
    (re.compile(r"\b[A-Z][a-z]{2} 20\d\d\b"), "<month>"),
    # Whether the chosen day is one of the banks' is the calendar's matter.
    (re.compile(r" \(tgl \d+ bank tutup\)"), ""),
)


class NotATranscript(ValueError):
    """A line that is none of the signs' own; says which."""


@dataclass(frozen=True)
class Step:
    kind: Kind
    words: str = ""
    who: str = ""
    """Whose phone: of PHONE and ARRIVES."""
    screen: str = ""
    """What PRESS was answered with."""
    line: int = 0
    """Where it stands in the text, from 1."""


def write(steps: Sequence[Step]) -> str:
    return "\n".join(_lines(steps)) + "\n"


def _lines(steps: Sequence[Step]) -> Iterator[str]:
    before = None
    for step in steps:
        # Remarks stand together, and a phone with what it does first.
        if not (before in (None, Kind.PHONE) or (before is Kind.REMARK and step.kind is Kind.REMARK)):
            yield ""
        before = step.kind
        if step.kind is Kind.PHONE:
            yield f"@ {step.who} {step.words}"
        elif step.kind is Kind.ARRIVES:
            yield f"SMS {step.who}: {step.words}"
        else:
            yield (step.kind.value + step.words).rstrip()
        if step.screen:
            yield step.screen


def read(text: str) -> list[Step]:
    """The steps of a transcript. Raises NotATranscript."""
    steps, lines = list[Step](), list(enumerate(text.splitlines(), 1))
    while lines:
        number, line = lines.pop(0)
        if not line:
            continue
        screen = []
        if line.startswith(Kind.PRESS.value) or line == Kind.PRESS.value.strip():
            while lines and lines[0][1]:
                screen.append(lines.pop(0)[1])
        steps.append(_step(number, line, "\n".join(screen)))
    return steps


def _step(number: int, line: str, screen: str) -> Step:
    # The order of the kinds counts: the sign of a sent SMS begins like that of one that arrives.
    kind = next((kind for kind in Kind if line.startswith(kind.value.rstrip())), None)
    if kind is None:
        raise NotATranscript(f"line {number}: {line!r}")
    words = line.removeprefix(kind.value.rstrip()).strip()
    shape = {Kind.PHONE: _PHONE, Kind.ARRIVES: _ARRIVES}.get(kind)
    if shape is None:
        return Step(kind, words, screen=screen, line=number)
    found = shape.fullmatch(words)
    if found is None:
        raise NotATranscript(f"line {number}: {line!r}")
    return Step(kind, found[2], found[1], line=number)


def filled(words: str, known: Mapping[str, str]) -> str:
    """What to type for `{code}`. Raises KeyError with its name where none arrived."""
    return _PLACE.sub(lambda place: known[place[1]], words)


def alike(expected: str, came: str) -> dict[str, str] | None:
    """What stands for each {place} where both say the same, whatever the day; None where they do not."""
    names, pattern = list[str](), ""
    for position, part in enumerate(_PLACE.split(_any_day(expected))):
        if position % 2:
            names.append(part)
            pattern += f"({_KNOWN_PLACES.get(part, _ANY_PLACE)})"
        else:
            pattern += re.escape(part)
    found = re.fullmatch(pattern, _any_day(came))
    return dict(zip(names, found.groups(), strict=True)) if found else None


def _any_day(text: str) -> str:
    for pattern, place in _OF_THE_DAY:
        text = pattern.sub(place, text)
    return text
