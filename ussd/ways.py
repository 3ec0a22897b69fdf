"""How many screens and keys the shortest ways through the menu take, counted from the tree and the texts alone."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from heapq import heappop, heappush

from insurance.invitations import CODE_DIGITS
from insurance.pin import PIN_DIGITS
from texts import FIRST_LANGUAGE, Texts
from ussd.engine import MORE
from ussd.journey import START
from ussd.menu import MENU
from ussd.screens import Ask, Do, End, Fork, Menu, Pick, Screen
from ussd.sheet import frames

# Digits of what is typed, by the answer it is kept under; a number of a list is one.
_DIGITS = {"pin": PIN_DIGITS, "pin_again": PIN_DIGITS, "checked": PIN_DIGITS, "nik": CODE_DIGITS}
_NUMBER_DIGITS = 1
# The key that sends an answer.
_SEND = 1


@dataclass(frozen=True)
class Way:
    """From one screen to another, by what the forks on it know of the caller; a fork it does not name leads nowhere."""

    title: str
    to: str
    screens_max: int
    start: str = START
    keys_max: int | None = None
    forks: Mapping[str, str] = field(default_factory=dict)
    aside: Set[str] = frozenset()
    """Screens that are not counted, nor what is typed on them."""


# Issue 4 set the limits; that NIK and name stand beside the count, it says too.
_NIK_AND_NAME = frozenset({"enrol.nik", "enrol.name"})
WAYS = (
    Way(
        "Enrolment, beside name and NIK",
        "enrol.done",
        screens_max=9,
        keys_max=45,
        forks={"enrol.who": "no", "enrol.village": "no"},
        aside=_NIK_AND_NAME,
    ),
    Way(
        "The same, dialled with the village's code",
        "enrol.done",
        screens_max=8,
        keys_max=45,
        forks={"enrol.who": "no", "enrol.village": "yes"},
        aside=_NIK_AND_NAME,
    ),
    Way("Balance", "cover.amounts", screens_max=3, forks={"cover": "one"}),
    Way(
        "A roster's own yes, dialled as its slip says",
        "enrol.done",
        screens_max=5,
        start="enrol.nik",
        forks={"enrol.who": "priced"},
    ),
)


@dataclass(frozen=True, order=True)
class Count:
    """Ordered as ways are chosen: by screens, then by keys."""

    screens: int = 0
    keys: int = 0
    pages: int = 0


class NoWay(Exception):
    """The menu leads from the one screen to the other no more."""


def counted(texts: Texts, way: Way) -> Count:
    """The shortest way, its last screen counted. Raises NoWay."""
    waiting, done = [(_seen(texts, way, way.start), way.start)], set[str]()
    while waiting:
        count, name = heappop(waiting)
        if name == way.to:
            return count
        if name in done:
            continue
        done.add(name)
        keys = 0 if name in way.aside else _keys(texts, name)
        for to in _on(MENU[name], way.forks.get(name, "")):
            seen = _seen(texts, way, to)
            sum_ = Count(count.screens + seen.screens, count.keys + keys, count.pages + seen.pages)
            heappush(waiting, (sum_, to))
    raise NoWay(f"from {way.start} to {way.to}")


def _on(screen: Screen, by: str) -> Iterator[str]:
    """Where a caller may come next who is refused nothing."""
    match screen:
        case Menu():
            yield from screen.options.values()
        case Pick():
            yield from (screen.then, *screen.goes.values())
        case Ask() | Do():
            yield screen.then
        case Fork():
            yield from (to for value, to in screen.to.items() if value == by)


def _seen(texts: Texts, way: Way, name: str) -> Count:
    if name in way.aside or isinstance(MENU[name], Do | Fork):
        return Count()
    return Count(1, 0, _pages(texts, name))


def _pages(texts: Texts, name: str) -> int:
    return len(frames(texts, name, FIRST_LANGUAGE))


def _keys(texts: Texts, name: str) -> int:
    """What has to be pressed to leave a screen; a consent is read to its end, and so is all else here."""
    screen = MENU[name]
    if isinstance(screen, Do | Fork | End):
        return 0
    digits = _DIGITS.get(screen.answer, _NUMBER_DIGITS) if isinstance(screen, Ask) else _NUMBER_DIGITS
    return digits + _SEND + (_pages(texts, name) - 1) * (len(MORE) + _SEND)
