"""Virtual callers who want to enrol: their profiles, what is drawn for them, and how they press and give up.

All that happens to a caller is drawn from a seed and the caller's number, never from what the product does: with resume
and without it the same hops of the same calls are cut off.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

SEED = 20261126
# MomConnect lost 26 % of the registrations that were started (2016), redials included; rulings 20 fixes the rest.
FINISHED_WITHOUT_RESUME = 0.74
REDIAL, REDIALS_MAX = 0.5, 2
# A session's end by the network's clock (gateways.md 2.4), and what a hop takes besides the keys: network and reading.
SESSION_S, HOP_S = 180.0, 5.0
# Slower or faster fingers; a letter takes two presses, a digit one.
USUAL_S_A_PRESS, SLOW_S_A_PRESS = (0.4, 0.9), (1.0, 2.5)
WEAK_DROPS = (0.05, 0.20)
WRONG_KEYS, USUAL_WRONG_KEYS = 0.20, 0.02
# A gateway delivers a turn again in so many hops.
REPEATS = 0.03
BUSY = "line.busy"
_SHARES = (("steady", 60), ("weak signal", 10), ("slow typist", 10), ("wrong keys", 10), ("shared phone", 10))
PROFILES = tuple(name for name, _ in _SHARES)
CYCLE = 20

DONE = ("enrol.done", "enrol.here")
WRONG = "x"


@dataclass(frozen=True)
class Shown:
    screen: str
    text: str
    end: bool


class Line(Protocol):
    """One call: `press` sends all that is typed so far and one answer more; None is the dial."""

    def press(self, key: str | None) -> Shown: ...

    def repeat(self) -> Shown: ...


@dataclass
class Person:
    """One caller; `drops` is the chance of a hop to be cut off."""

    index: int
    profile: str
    drops: float
    wrong_keys: float
    press_s: float
    redials: Sequence[float]
    """For each redial the draw that has to lie below the chance of redialling."""
    nik: str = "3599014503850007"
    phone: str = ""
    name: str = ""
    calls: int = 0
    finished: bool = False
    over: bool = False
    hops: int = 0


def people(count: int, base_drops: float) -> list[Person]:
    """The first `count` callers, profile by profile in every twenty; two in a row share a phone."""
    return [_person(index, base_drops) for index in range(count)]


def _person(index: int, base_drops: float) -> Person:
    draw = random.Random(f"{SEED}/{index}")
    profile = _profile(index)
    drops = draw.uniform(*WEAK_DROPS) if profile == "weak signal" else base_drops
    press_s = draw.uniform(*(SLOW_S_A_PRESS if profile == "slow typist" else USUAL_S_A_PRESS))
    wrong_keys = WRONG_KEYS if profile == "wrong keys" else USUAL_WRONG_KEYS
    redials = [draw.random() for _ in range(REDIALS_MAX)]
    # Two in a row, who may share a phone, have two names.
    name = ("SITI CONTOH", "BUDI CONTOH")[index % 2]
    return Person(index, profile, drops, wrong_keys, press_s, redials, name=name)


def _profile(index: int) -> str:
    place = index % CYCLE * 100 / CYCLE
    for name, share in _SHARES:
        if place < share:
            return name
        place -= share
    raise AssertionError("the shares are a hundred")


def call(person: Person, line: Line, redial: float) -> None:
    """One call to its end, and whether there will be another one."""
    draw = random.Random(f"{SEED}/{person.index}/{person.calls}")
    person.calls += 1
    _talk(person, line, draw)
    redials = person.calls - 1
    person.over = person.finished or redials >= REDIALS_MAX or person.redials[redials] >= redial


def _talk(person: Person, line: Line, draw: random.Random) -> None:
    key, clock_s = None, 0.0
    while True:
        # Always the same four draws a hop, whatever comes of them.
        cut, unseen, slips, repeats = (draw.random() for _ in range(4))
        clock_s += HOP_S + _presses(key) * person.press_s
        drops = cut < person.drops or clock_s > SESSION_S
        if drops and unseen < 0.5:
            return
        person.hops += 1
        shown = line.press(key)
        # Where too many PINs are checked at once nothing was taken, and the same key may be taken the next time.
        if repeats < REPEATS and shown.screen != BUSY and line.repeat() != shown:
            raise AssertionError(f"a turn that came again was answered otherwise on {shown.screen}")
        person.finished = person.finished or shown.screen in DONE
        # The product took the answer, and its caller saw nothing of what it said.
        if drops or shown.end or person.finished:
            return
        key = WRONG if slips < person.wrong_keys and shown.screen != "main" else _answer(person, shown)


def _presses(key: str | None) -> int:
    return 0 if key is None else sum(2 if letter.isalpha() else 1 for letter in key) + 1


def _answer(person: Person, shown: Shown) -> str:
    """What is pressed on a screen by one who can read and means well."""
    if shown.text.rsplit("\n", 1)[-1].endswith("98 Lanjut"):
        return "98"
    if shown.screen == "resume":
        return "1" if _is_mine(person, shown.text) else "3"
    answers = {"enrol.nik": person.nik, "enrol.name": person.name, "enrol.pin": PIN, "enrol.pin_again": PIN}
    if shown.screen not in {*answers, *PICKED}:
        raise AssertionError(f"no caller knows what to press on {shown.screen}")
    return answers.get(shown.screen, "1")


def _is_mine(person: Person, text: str) -> bool:
    return person.name.split()[0].capitalize() in text or person.nik[-4:] in text


PIN = "274913"
PICKED = ("main", "enrol.village_pick", "enrol.sector", "enrol.income", "enrol.programmes", "enrol.confirm")
# The way as it is answered, for a call on paper.
WAY = (
    "main",
    "enrol.nik",
    "enrol.name",
    *PICKED[1:5],
    "enrol.pin",
    "enrol.pin_again",
    "enrol.confirm 1",
    "enrol.confirm",
    "enrol.done",
)


class OnPaper:
    """A call as the menu would take it, without resume: only to find the chance of a drop from what is lost."""

    def __init__(self) -> None:
        self._at, self._wrong, self._shown = 0, 0, Shown("", "", end=False)

    def press(self, key: str | None) -> Shown:
        if key == WRONG:
            self._wrong += 1
        elif key is not None:
            self._at, self._wrong = self._at + 1, 0
        screen = WAY[self._at]
        more = "98 Lanjut" if screen.endswith(" 1") else ""
        self._shown = Shown(screen.split()[0], more, end=self._wrong >= 3)
        return self._shown

    def repeat(self) -> Shown:
        return self._shown


def drops_that_lose(count: int) -> float:
    """The chance of a drop in a hop at which FINISHED_WITHOUT_RESUME of `count` callers finish without resume.

    The only number that is fitted, and to the side without resume alone.
    """
    low, high = 0.0, 0.2
    for _ in range(20):
        middle = (low + high) / 2
        if _finished_on_paper(count, middle) > FINISHED_WITHOUT_RESUME:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _finished_on_paper(count: int, base_drops: float) -> float:
    finished = 0
    for person in people(count, base_drops):
        while not person.over:
            call(person, OnPaper(), REDIAL)
        finished += person.finished
    return finished / count
