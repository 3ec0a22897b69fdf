"""The calls that are made: what is pressed, and how every answer has to begin."""

from collections import defaultdict
from dataclasses import dataclass

from texts import FIRST_LANGUAGE, Texts

# Born 05-03-1985, in a district that does not exist but has the sandbox's villages.
NIK = "3599014503850007"
NAME, PIN = "SITI CONTOH", "274913"


@dataclass(frozen=True)
class Call:
    """`expect[i]` is how the answer begins to the dial and then to `keys[i - 1]`; `screens` names them for people."""

    name: str
    keys: tuple[str, ...]
    screens: tuple[str, ...]
    expect: tuple[str, ...]


def _call(name: str, texts: Texts, *steps: tuple[str, str]) -> Call:
    """`steps` are (what is pressed, the screen it leads to), the dial first."""
    heads = [_head(texts, screen) for _, screen in steps]
    return Call(name, tuple(key for key, _ in steps[1:]), tuple(screen for _, screen in steps), tuple(heads))


def _head(texts: Texts, screen: str) -> str:
    """The screen's own words, up to the first that is a fact."""
    words = texts.screen(screen, FIRST_LANGUAGE, defaultdict(lambda: "\0")).text
    return f"CON {texts.mark}{words.partition(chr(0))[0]}"


def menu_call(texts: Texts) -> Call:
    """Five hops that open no database transaction: what the floor does, with a menu."""
    steps = [("", "main"), ("1", "enrol.nik"), ("0", "main"), ("1", "enrol.nik"), ("00", "main")]
    return _call("menu only", texts, *steps)


def enrolling_call(texts: Texts) -> Call:
    """The first five hops of an enrolment; the last two read the villages of the NIK's district."""
    steps = [("", "main"), ("1", "enrol.nik"), (NIK, "enrol.name"), (NAME, "enrol.village_pick"), ("1", "enrol.sector")]
    return _call("enrolling", texts, *steps)


def floor_call(like: Call) -> Call:
    """The same keys to the floor, which counts the hops of a call."""
    hops = range(len(like.expect))
    return Call("floor", like.keys, tuple("" for _ in hops), tuple(f"CON hop {hop} " for hop in hops))


def balance_call(texts: Texts) -> Call:
    """A member's look at the amounts; the third hop is a PIN check."""
    steps = [("", "main"), ("3", "cover.show"), (PIN, "cover.amounts")]
    return _call("balance", texts, *steps)
