"""Dials a transcript against a running sandbox and says where it answers otherwise; acts by its calls alone."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from handset.phone import NotAnAnswer, Phone
from handset.transcript import DIALLED, Kind, Step, alike, filled

# Texts are sent by a worker that looks every few seconds, banks and insurer answer in the background.
SMS_WAIT_S = 60.0
_SMS_STEP_S = 0.5


@dataclass(frozen=True)
class Difference:
    line: int
    what: str
    expected: str
    came: str


class Stuck(Exception):
    """The rest cannot be dialled: it types what nobody was told, or names no phone."""


class AnotherDay(Exception):
    """The rest is of a later day, and a running sandbox has only today."""


@dataclass
class Replay:
    """One transcript on its way. `make_phone` gives the phone of a number."""

    make_phone: Callable[[str], Phone]
    known: dict[str, str] = field(default_factory=dict)
    sms_wait_s: float = SMS_WAIT_S
    _phones: dict[str, Phone] = field(default_factory=dict)
    _read: dict[str, set[int]] = field(default_factory=dict)
    """Which texts of each number's inbox were there before, or were told already."""
    _who: str = ""
    _day_known: bool = False

    def run(self, steps: list[Step]) -> Iterator[Difference]:
        """Every difference as it is seen. Raises Stuck or AnotherDay."""
        for step in steps:
            if step.kind is Kind.PHONE:
                self._take_up(step.who, step.words)
        for step in steps:
            found = self._do(step)
            if found is not None:
                yield found

    def _take_up(self, who: str, number: str) -> None:
        if who not in self._phones:
            self._phones[who] = self.make_phone(number)
            self._read[who] = set(range(len(self._phones[who].received())))

    def _do(self, step: Step) -> Difference | None:
        match step.kind:
            case Kind.DAY:
                if self._day_known:
                    raise AnotherDay(f"line {step.line}: the rest is of a later day")
                self._day_known = True
            case Kind.PHONE:
                self._who = step.who
            case Kind.PRESS:
                return self._press(step)
            case Kind.DROP:
                self._phone(step).drop()
            case Kind.SEND:
                self._phone(step).text(self._typed(step))
            case Kind.ARRIVES:
                return self._wait_for(step)
            case Kind.REMARK | Kind.ELSEWHERE:
                pass
        return None

    def _phone(self, step: Step) -> Phone:
        if self._who not in self._phones:
            raise Stuck(f"line {step.line}: no phone was named before it")
        return self._phones[self._who]

    def _typed(self, step: Step) -> str:
        try:
            return filled(step.words, self.known)
        except KeyError as error:
            place = error.args[0]
            raise Stuck(f"line {step.line}: nobody was told {place}; --with {place}=... says it") from None

    def _press(self, step: Step) -> Difference | None:
        phone, typed = self._phone(step), self._typed(step)
        try:
            if DIALLED.fullmatch(typed):
                phone.code = typed
                came = phone.dial()
            else:
                came = phone.press(typed)
        except NotAnAnswer as error:
            return Difference(step.line, f"> {step.words}", step.screen, f"no answer: {error}")
        found = alike(step.screen, came)
        if found is None:
            return Difference(step.line, f"> {step.words}", step.screen, came)
        self._learn(found)
        return None

    def _wait_for(self, step: Step) -> Difference | None:
        if step.who not in self._phones:
            raise Stuck(f"line {step.line}: {step.who} has no phone")
        until = time.monotonic() + self.sms_wait_s
        while True:
            for position, came in self._unread(step.who).items():
                found = alike(step.words, came)
                if found is not None:
                    self._read[step.who].add(position)
                    self._learn(found)
                    return None
            if time.monotonic() > until:
                others = "\n".join(self._unread(step.who).values())
                return Difference(step.line, f"SMS {step.who}", step.words, others or "no SMS")
            time.sleep(_SMS_STEP_S)

    def _unread(self, who: str) -> Mapping[int, str]:
        texts = enumerate(self._phones[who].received())
        return {position: text for position, text in texts if position not in self._read[who]}

    def _learn(self, found: Mapping[str, str]) -> None:
        self.known.update(found)
