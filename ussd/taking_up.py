"""Takes a dropped call up: passes the questions it had answered while their answers hold, and acts on nothing."""

from collections.abc import Sequence

from ussd.caller import Caller
from ussd.journey import Journey
from ussd.screens import Ask, Choice, Fork, Menu, Pick, Refused, Screen, Tree

# What is said above a question that is asked again; the words are in texts/.
ANSWER_AGAIN = "answer_again"


def pass_answered(menu: Tree, journey: Journey, caller: Caller) -> Journey:
    """On along `journey.ahead`, to the first question whose answer holds no more, or to where the call was left.

    An answer that does not hold is asked for again under a line that says so, and the way goes on behind it. Where the
    way itself leads elsewhere now (a mandate ended, an age was crossed) the caller lands there; that screen says why.
    """
    with caller.unseen():
        return _passed(menu, journey, caller)


def _passed(menu: Tree, journey: Journey, caller: Caller) -> Journey:
    while journey.screen in journey.ahead:
        ahead = journey.ahead[journey.ahead.index(journey.screen) + 1 :]
        journey = journey.but(ahead=ahead)
        if not ahead or _agrees(menu[journey.screen]):
            break
        kept = journey.answers
        try:
            on = _answered(menu[journey.screen], menu, journey, ahead[0], caller)
        except Refused as refused:
            return journey.but(line=caller.line(refused.line))
        # Forks look only at what was answered before them: what comes later may belong to a way that is gone.
        on = _through(menu, on.without(_answers_of(menu, ahead)), caller)
        passed = ahead.index(on.screen) if on.screen in ahead else 1
        gone = _answers_of(menu, ahead[:passed]) - _answers_of(menu, ahead[passed:])
        journey = on.but(answers=kept).without(gone)
    return journey


def _agrees(screen: Screen) -> bool:
    """A yes is given in the call that closes it with a PIN: its words are read again, by whoever is calling now."""
    return isinstance(screen, Menu) and bool(screen.consent)


def _answered(screen: Screen, menu: Tree, journey: Journey, expected: str, caller: Caller) -> Journey:
    """One question on by the answer that is kept. Raises Refused where it does not hold."""
    caller.answers = journey.answers
    if isinstance(screen, Menu):
        return journey.go(_option_to(screen, menu, expected))
    if isinstance(screen, Pick):
        return journey.go(_picked_way(screen, journey, expected, caller))
    if not isinstance(screen, Ask) or (kept := journey.answers.get(screen.answer)) is None:
        raise Refused(ANSWER_AGAIN)
    try:
        holds = screen.holds(caller, kept) if screen.holds else screen.read(caller, kept) == kept
    except Refused:
        holds = False
    except tuple(screen.unless) as refusal:
        return journey.go(next(to for kind, to in screen.unless.items() if isinstance(refusal, kind)))
    if not holds:
        raise Refused(ANSWER_AGAIN)
    return journey.go(screen.then)


def _option_to(screen: Menu, menu: Tree, expected: str) -> str:
    """The option that was chosen is the one that leads on."""
    for to in screen.options.values():
        if _may_reach(menu, to, expected):
            return to
    raise Refused(ANSWER_AGAIN)


def _may_reach(menu: Tree, name: str, expected: str) -> bool:
    """Whether `name` is `expected`, or leads there without a word to the caller."""
    screen = menu[name]
    if name == expected:
        return True
    if isinstance(screen, Fork):
        return any(_may_reach(menu, to, expected) for to in screen.to.values())
    return isinstance(screen, Pick) and bool(screen.none) and _may_reach(menu, screen.none, expected)


def _picked_way(screen: Pick, journey: Journey, expected: str, caller: Caller) -> str:
    choices = screen.choices(caller)
    elsewhere = {value for value, to in screen.goes.items() if to == expected}
    if any(choice.value in elsewhere for choice in choices):
        return expected
    kept = journey.answers.get(screen.answer)
    if not any(choice.value == kept and _same_label(screen, journey, choice) for choice in choices):
        raise Refused(ANSWER_AGAIN)
    return screen.then


def _same_label(screen: Pick, journey: Journey, choice: Choice) -> bool:
    return not screen.shown or journey.answers.get(screen.shown) == choice.label


def _answers_of(menu: Tree, names: Sequence[str]) -> set[str]:
    """The names under which these screens keep what was answered."""
    screens = [menu[name] for name in names]
    return {screen.answer for screen in screens if isinstance(screen, Ask | Pick)} | {
        screen.consent for screen in screens if isinstance(screen, Menu)
    }


def _through(menu: Tree, journey: Journey, caller: Caller) -> Journey:
    """Follow forks and lists with nothing to pick from; unlike a turn's own way it never does anything."""
    while True:
        caller.answers = journey.answers
        screen = menu[journey.screen]
        if isinstance(screen, Fork):
            journey = journey.skip(screen.to[screen.by(caller)])
        elif isinstance(screen, Pick) and screen.none and not screen.choices(caller):
            journey = journey.skip(screen.none)
        else:
            return journey
