"""The six kinds of screen; a menu is a dict of them, and everything a screen can lead to is named in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from texts import Facts
from ussd.caller import Caller

FactsOf = Callable[[Caller], Facts]


class Refused(ValueError):
    """What was typed cannot be taken; `line` names the one line of text that says what to do."""

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.line = line


@dataclass(frozen=True)
class Menu:
    """A question with fixed answers: option name -> the screen it leads to; its words have the same names in texts/."""

    options: Mapping[str, str]
    facts: FactsOf | None = None
    consent: str = ""
    """Where the very words that were shown are kept, when answering them is a legal yes."""


@dataclass(frozen=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True)
class Pick:
    """A question whose answers come from rows; the picked value is kept under `answer`.

    `goes` leads some values elsewhere; `none` is where to go when there is nothing to pick from.
    """

    choices: Callable[[Caller], Sequence[Choice]]
    answer: str
    then: str
    facts: FactsOf | None = None
    goes: Mapping[str, str] = field(default_factory=dict)
    none: str = ""
    shown: str = ""
    """Where the picked line is kept, when it names a price: at another price a dropped call is asked again."""


@dataclass(frozen=True)
class Ask:
    """A question with a typed answer. `read` returns what is kept under `answer`, or raises Refused.

    Where what was typed stands for several answers it returns them by name.

    A secret's digits are never kept: its `read` returns a hash, or an empty text where checking was all.
    `unless` leads the named refusals to their own screens.
    """

    read: Callable[[Caller, str], str | Mapping[str, str]]
    answer: str
    then: str
    facts: FactsOf | None = None
    secret: bool = False
    unless: Mapping[type[Exception], str] = field(default_factory=dict)
    holds: Callable[[Caller, str], bool] | None = None
    """Whether a kept answer is still good, where `read` cannot take its own result for one."""


@dataclass(frozen=True)
class Do:
    """Does something, once, and goes on; every way it may refuse is named with the screen it ends on.

    `repeats` names those refusals that say that it was done before: as after a success nothing leads back.
    """

    action: Callable[[Caller], None]
    then: str
    unless: Mapping[type[Exception], str] = field(default_factory=dict)
    repeats: Mapping[type[Exception], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fork:
    """Chooses the next screen by what is known, without a word to the caller."""

    by: Callable[[Caller], str]
    to: Mapping[str, str]


@dataclass(frozen=True)
class End:
    """The last words of a call."""

    facts: FactsOf | None = None


Screen = Menu | Pick | Ask | Do | Fork | End
Tree = Mapping[str, Screen]
