"""One turn of a call: (menu, journey, what was pressed) to (journey, words). It keeps no state and knows no gateway."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from units.gsm import to_gsm
from ussd.caller import Caller, Detour
from ussd.journey import PROVE_PIN, RESUME, Journey
from ussd.page import Around, Page, cut_screen, page_text
from ussd.screens import Ask, Choice, Do, End, Fork, Menu, Pick, Refused, Screen, Tree
from ussd.taking_up import pass_answered

GO_ON = "go_on"
BACK, HOME, MORE = "0", "00", "98"
WRONG_MAX = 3
# Forks and actions that follow each other without a word; more would be a loop in the tree.
_STEPS_MAX = 8
_NUMBER_DIGITS_MAX = 3


@dataclass(frozen=True)
class Reply:
    text: str
    end: bool
    screen: str
    wrong: bool = False
    """Whether what was typed could not be taken."""


def clean(typed: str) -> str:
    """What a finger meant: full-width digits as digits, no blanks at the ends, no control characters."""
    if typed.isascii() and typed.isalnum():
        return typed
    return "".join(c for c in unicodedata.normalize("NFKC", typed) if c.isprintable()).strip()


def turn(menu: Tree, journey: Journey, pressed: str | None, caller: Caller) -> tuple[Journey, Reply]:
    """Take one input (None only shows where the caller is) and give the next place and its words."""
    try:
        return _turn(menu, journey, pressed, caller)
    except Detour as first:
        # What was typed is asked for once more behind it.
        return _show(menu, _settle(menu, journey.detour(first.to), caller), caller)


def _turn(menu: Tree, journey: Journey, pressed: str | None, caller: Caller) -> tuple[Journey, Reply]:
    if pressed is None or pressed == "":
        # A line that stands is said again: what was wrong, or what was made of what was dialled.
        return _show(menu, _settle(menu, journey, caller), caller, said=True)
    if pressed == HOME:
        return _show(menu, _settle(menu, journey.at_start(), caller), caller)
    if pressed == BACK and journey.trail and journey.screen != RESUME:
        return _show(menu, _settle(menu, journey.back(), caller), caller)
    if pressed == MORE:
        pages = _pages(menu[journey.screen], journey, caller)
        if pages[min(journey.page, len(pages) - 1)].more:
            return _show(menu, journey.but(page=journey.page + 1, wrong=0), caller)
    screen = menu[journey.screen]
    try:
        after = _answer(screen, journey, pressed, caller)
    except Refused as refused:
        return _wrong(menu, journey, caller, refused.line)
    after = pass_answered(menu, _settle(menu, after, caller), caller)
    return _show(menu, after, caller, said=bool(after.line))


def walk(menu: Tree, journey: Journey, typed: Sequence[str], caller: Caller) -> Journey:
    """Follow what was dialled beyond the code, or typed in a call we lost, through plain menus only.

    It stops before anything that asks, agrees or acts: never a PIN, never a confirmation.
    """
    for pressed in typed:
        screen = menu[journey.screen]
        if not isinstance(screen, Menu) or screen.consent or journey.screen == RESUME:
            return journey
        names = list(screen.options)
        if not (pressed.isascii() and pressed.isdigit() and 1 <= int(pressed) <= len(names)):
            return journey
        to = screen.options[names[int(pressed) - 1]]
        if isinstance(menu[to], Do):
            return journey
        journey = _settle(menu, journey.go(to), caller)
    return journey


def _wrong(menu: Tree, journey: Journey, caller: Caller, line: str) -> tuple[Journey, Reply]:
    if journey.wrong + 1 >= WRONG_MAX:
        # The call ends here, the journey does not: a redial offers to go on.
        words = _marked(caller, caller.line("too_many", code=caller.code))
        return journey.but(wrong=0), Reply(words, True, journey.screen, wrong=True)
    after, shown = _show(menu, journey.but(wrong=journey.wrong + 1, line=caller.line(line)), caller, said=True)
    return after, replace(shown, wrong=True)


def _answer(screen: Screen, journey: Journey, pressed: str, caller: Caller) -> Journey:
    if isinstance(screen, Ask):
        try:
            kept = screen.read(caller, pressed)
        except tuple(screen.unless) as refusal:
            return journey.go(_refusal_screen(screen.unless, refusal))
        if caller.proved:
            journey = journey.with_proof(caller.proved)
        if journey.screen == PROVE_PIN:
            return journey.proved()
        answers = {screen.answer: kept} if isinstance(kept, str) else dict(kept)
        after = journey.go(screen.then, answers if kept else {})
        return after.with_secret(screen.answer, journey.screen) if screen.secret else after
    if isinstance(screen, Menu):
        names = list(screen.options)
        name = names[_number(screen, journey, pressed, caller, len(names))]
        if journey.screen == RESUME:
            return journey.taken_up() if name == GO_ON else journey.at_start()
        return journey.go(screen.options[name])
    if isinstance(screen, Pick):
        choices = _choices(screen, caller)
        picked = choices[_number(screen, journey, pressed, caller, len(choices))]
        answers = {screen.answer: picked.value, **({screen.shown: picked.label} if screen.shown else {})}
        return journey.go(screen.goes.get(picked.value, screen.then), answers)
    raise Refused("wrong.number")


def _choices(screen: Pick, caller: Caller) -> Sequence[Choice]:
    """Asked for once for the same answers: a hop looks at a list up to three times."""
    kept = caller.picked_from
    if kept is None or kept[0] is not screen or kept[1] is not caller.answers:
        caller.picked_from = kept = (screen, caller.answers, screen.choices(caller))
    return kept[2]


def _number(screen: Screen, journey: Journey, pressed: str, caller: Caller, options: int) -> int:
    """Which option, from 0. One that was not on the screen yet cannot be meant: a consent is read to its end."""
    pages = _pages(screen, journey, caller)
    shown = pages[min(journey.page, len(pages) - 1)].options_shown
    if pressed.isascii() and pressed.isdigit() and len(pressed) <= _NUMBER_DIGITS_MAX:
        number = int(pressed)
        if 1 <= number <= min(shown, options):
            return number - 1
    raise Refused("wrong.number")


def _refusal_screen(unless: Mapping[type[Exception], str], refusal: Exception) -> str:
    return next(name for kind, name in unless.items() if isinstance(refusal, kind))


def _settle(menu: Tree, journey: Journey, caller: Caller) -> Journey:
    """Follow forks and actions to a screen that has words."""
    for _ in range(_STEPS_MAX):
        caller.answers, caller.left, caller.retype = journey.answers, journey.left, journey.retype
        screen = menu[journey.screen]
        try:
            after = _step(screen, journey, caller)
        except Detour as first:
            after = journey.detour(first.to)
        if after is None:
            return journey
        journey = after
    raise RuntimeError(f"the tree loops at {journey.screen}")


def _step(screen: Screen, journey: Journey, caller: Caller) -> Journey | None:
    """On from a screen without words; None from one with them."""
    if isinstance(screen, Fork):
        return journey.skip(screen.to[screen.by(caller)])
    if isinstance(screen, Do):
        try:
            screen.action(caller)
        except tuple(screen.repeats) as refusal:
            return journey.done(_refusal_screen(screen.repeats, refusal))
        except tuple(screen.unless) as refusal:
            return journey.skip(_refusal_screen(screen.unless, refusal))
        caller.acted = True
        done = journey.done(screen.then)
        return done.with_proof(caller.proved) if caller.proved else done
    if isinstance(screen, Pick) and screen.none and not _choices(screen, caller):
        return journey.skip(screen.none)
    return None


def _marked(caller: Caller, text: str) -> str:
    return caller.texts.mark + text


def _words(screen: Screen, name: str, caller: Caller) -> tuple[str, list[str]]:
    """A screen's head and its numbered lines, facts filled in; a consent only in a language that may bind."""
    if isinstance(screen, Menu) and screen.consent:
        with caller.binding():
            return _filled(screen, name, caller)
    return _filled(screen, name, caller)


def _filled(screen: Screen, name: str, caller: Caller) -> tuple[str, list[str]]:
    facts = screen.facts(caller) if not isinstance(screen, Do | Fork) and screen.facts else {}
    words = caller.texts.screen(name, caller.language, {"code": caller.code, **facts})
    if isinstance(screen, Menu):
        labels = [words.options[option] for option in screen.options]
    else:
        labels = [choice.label for choice in _choices(screen, caller)] if isinstance(screen, Pick) else []
    return words.text, [f"{i}. {to_gsm(label)}" for i, label in enumerate(labels, 1)]


def _ways(screen: Screen, journey: Journey, caller: Caller) -> list[str]:
    """The lines of navigation that lead somewhere from here."""
    if isinstance(screen, End) or not journey.trail or journey.screen == RESUME:
        return []
    ways = [caller.line("back")]
    return [*ways, caller.line("home")] if len(journey.trail) > 1 else ways


def _pages(screen: Screen, journey: Journey, caller: Caller) -> list[Page]:
    """A screen without facts and rows is cut once a process: there are a few hundred of them, ways back included."""
    if journey.line or isinstance(screen, Pick | Do | Fork) or screen.facts:
        return _cut(screen, journey, caller)
    key = (journey.screen, caller.language, *_ways(screen, journey, caller))
    if (known := caller.pages.get(key)) is None:
        known = caller.pages[key] = _cut(screen, journey, caller)
    return known


def _cut(screen: Screen, journey: Journey, caller: Caller) -> list[Page]:
    head, options = _words(screen, journey.screen, caller)
    return cut_screen(head, options, _around(screen, journey.line, journey, caller))


def _around(screen: Screen, line: str, journey: Journey, caller: Caller) -> Around:
    return Around(caller.texts.mark, line, _ways(screen, journey, caller), caller.line("more"))


def _show(menu: Tree, journey: Journey, caller: Caller, *, said: bool = False) -> tuple[Journey, Reply]:
    """The screen's words; or, where they are for the person's eyes, the question who is calling."""
    try:
        return _shown(menu, journey, caller, said=said)
    except Detour as first:
        return _shown(menu, _settle(menu, journey.detour(first.to), caller), caller)


def _shown(menu: Tree, journey: Journey, caller: Caller, *, said: bool = False) -> tuple[Journey, Reply]:
    screen = menu[journey.screen]
    if isinstance(screen, Menu) and screen.consent:
        head, _ = _words(screen, journey.screen, caller)
        journey = journey.with_answer(screen.consent, head)
    pages = _pages(screen, journey, caller)
    at = min(journey.page, len(pages) - 1)
    page = pages[at]
    text = page_text(page, _around(screen, journey.line if said else "", journey, caller))
    end = isinstance(screen, End) and not page.more
    shown = Reply(text, end, journey.screen)
    return journey.but(page=at, ended=end, language=caller.language), shown
