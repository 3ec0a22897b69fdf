"""A reviewer's sheet of a language: every screen as the phone shows it and every SMS, beside the Indonesian; no rows.

`make texts` prints all of them, `make texts TEXTS=jv` one.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import zip_longest
from textwrap import wrap
from typing import Any

from models.heir import RELATIONS
from models.ticket import COMPLAINTS
from texts import FIRST_LANGUAGE, Facts, Texts, load_texts
from texts.longest import COMPOSED, LONGEST
from units.gsm import SCREEN_SEPTETS_MAX, SMS_SEPTETS_MAX, septets, to_gsm
from ussd import facts, member, officer, payments, reports
from ussd.journey import RESUME, START
from ussd.menu import MENU
from ussd.page import Around, cut_screen, page_text
from ussd.screens import Do, End, Fork, Menu, Pick, Screen

# A phone of the field shows some 20 to 30 letters a line; the frame is as wide as two languages fit beside each other.
_FRAME_LETTERS = 40

# What stands on the lines of a Pick: keys of texts, or a {field} where a row's own words stand.
_CHOICES: Mapping[Callable[[Any], Any], Sequence[str]] = {
    facts.sectors: [
        f"word/sector.{sector}" for sector in ("farmer", "fisher", "trader", "transport", "labourer", "other")
    ],
    facts.incomes: ["line/income_below", "line/income_band", "line/income_band"],
    facts.villages: ["{village}", "{village}", "line/village_other"],
    facts.programmes: ["line/programmes.2", "line/programmes.3"],
    facts.who: ["{initials}", "{initials}"],
    facts.sms_for: ["{initials}", "{initials}", "line/menu_only"],
    facts.banks: ["{bank}", "{bank}"],
    facts.days: ["line/day", "line/day"],
    facts.days_or_harvest: ["line/day", "line/day", "line/day_harvest"],
    facts.replaced: ["line/replace_yes"],
    officer.villages: ["{village}", "{village}"],
    payments.payable: ["line/pay.now", "line/pay.arrears", "line/pay.ahead"],
    payments.pauses: ["line/pause_months", "line/pause_months"],
    member.heirs: ["{name}, {relation}", "line/heir_none"],
    member.relations: [f"word/relation.{relation}" for relation in RELATIONS],
    member.programmes: ["line/programmes.2", "line/programmes.3"],
    reports.complaints: [f"word/ticket.{kind.value}" for kind in COMPLAINTS],
}

# As long as what they stand for in LONGEST, and easier to read.
READABLE = {
    "name": "SITI RAHMAWATI S",
    "village": "Sukamaju Jaya Lama",
    "bank": "Bank Rakyat Contoh",
    "helper": "Pak Suparman Adi",
}


@cache
def longest_facts(texts: Texts, language: str) -> Facts:
    """The longest value of each {field}; those made of other lines or words as this language has them."""
    longest = {**LONGEST, **READABLE}
    for field, prefixes in COMPOSED.items():
        starts = tuple(f"{kind}/{prefix}" for kind in ("line", "word") for prefix in prefixes)
        # `status.short` holds the others.
        keys = [key for key in sorted(texts.keys(language)) if key.startswith(starts) and key != "line/status.short"]
        longest[field] = max((_choice(texts, key, language) for key in keys), key=septets)
    return longest


def labels(texts: Texts, name: str, screen: Screen, language: str) -> list[str]:
    """The lines of a screen that are numbered, each with its longest facts."""
    if isinstance(screen, Menu):
        options = texts.screen(name, language, longest_facts(texts, language)).options
        return [options[option] for option in screen.options]
    if not isinstance(screen, Pick):
        return []
    if screen.choices is facts.languages:
        return [texts.about(each).name for each in texts.offered]
    return [_choice(texts, key, language) for key in _CHOICES[screen.choices]]


def _choice(texts: Texts, key: str, language: str) -> str:
    kind, _, name = key.partition("/")
    if kind == "line":
        return texts.line(name, language, **LONGEST)
    return texts.word(name, language) if kind == "word" else key.format_map({**LONGEST, **READABLE})


def frames(texts: Texts, name: str, language: str) -> list[str]:
    """The pages of a screen with its longest facts, with all the ways that can stand under it."""
    screen = MENU[name]
    ways = [] if isinstance(screen, End) or name in (START, RESUME) else ["back", "home"]
    around = Around(texts.mark, "", [texts.line(way, language) for way in ways], texts.line("more", language))
    numbered = [f"{i}. {to_gsm(label)}" for i, label in enumerate(labels(texts, name, screen, language), 1)]
    pages = cut_screen(texts.screen(name, language, longest_facts(texts, language)).text, numbered, around)
    return [page_text(page, around) for page in pages]


def sheet(texts: Texts, language: str) -> Iterator[str]:
    """The sheet's lines."""
    about = texts.about(language)
    yield f"{about.name} ({language})"
    yield "=" * len(f"{about.name} ({language})")
    if about.reviewed:
        yield f"Reviewed {about.reviewed_on:%d-%m-%Y} by {about.reviewer}."
    else:
        yield f"NOT REVIEWED: needs a native reader of {about.name}. Until one signs in texts/{language}.toml it is not"
        yield "offered in production, and consents are shown and kept in Indonesian."
    yield "Every {field} stands at its longest. Left: this language. Right: Indonesian."
    yield from ("", "Screens", "-------")
    for name, screen in MENU.items():
        if not isinstance(screen, Do | Fork):
            consent = ", a consent" if isinstance(screen, Menu) and screen.consent else ""
            yield from ("", f"{name}{consent}")
            yield from _beside(frames(texts, name, language), frames(texts, name, FIRST_LANGUAGE), SCREEN_SEPTETS_MAX)
    yield from ("", "SMS", "---")
    for kind in sorted(texts.kinds):
        yield from ("", kind)
        ours, theirs = (texts.sms(kind, each, longest_facts(texts, each)) for each in (language, FIRST_LANGUAGE))
        yield from _beside([ours], [theirs], SMS_SEPTETS_MAX)
    yield from ("", "Lines and words", "---------------")
    for key in sorted(texts.keys(FIRST_LANGUAGE)):
        if key.startswith(("line/", "word/")):
            yield f"{key}: {_choice(texts, key, language)}  |  {_choice(texts, key, FIRST_LANGUAGE)}"


def _beside(ours: Sequence[str], theirs: Sequence[str], septets_max: int) -> Iterator[str]:
    """Two columns of framed pages; under each how much of its room it takes."""
    for left, right in zip_longest(ours, theirs, fillvalue=""):
        for one, other in zip_longest(_frame(left, septets_max), _frame(right, septets_max), fillvalue=""):
            yield f"{one:{_FRAME_LETTERS + 4}}  {other}".rstrip()


def _frame(text: str, septets_max: int) -> list[str]:
    if not text:
        return []
    edge = f"+{'-' * (_FRAME_LETTERS + 2)}+"
    lines = [part for line in text.split("\n") for part in wrap(line, _FRAME_LETTERS) or [""]]
    framed = [f"| {line:{_FRAME_LETTERS}} |" for line in lines]
    return [edge, *framed, edge, f"  {septets(text)} of {septets_max} septets"]


def main(wanted: Sequence[str]) -> int:
    """Print the sheets of `wanted`, or of all; 2 where one is unknown."""
    texts = load_texts(sandbox=True)
    unknown = [language for language in wanted if language not in texts.languages]
    if unknown:
        sys.stderr.write(f"no language {', '.join(unknown)}: {', '.join(texts.languages)}\n")
        return 2
    sys.stdout.write("\n\n\n".join("\n".join(sheet(texts, language)) for language in wanted or texts.languages) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
