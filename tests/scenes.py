"""A scene of people with phones, written down as a transcript while it is played; holds no test."""

import re
from collections.abc import Callable

from handset.phone import Phone
from handset.transcript import DIALLED, Kind, Step
from tests.world import World
from units.clock import JAKARTA

# Any six digits of a text are a one-time code; a reference is as long as ours are.
_CODE = re.compile(r"(?<![\d.*])\d{6}(?!\d)")
_REF = re.compile(r"Ref \w{12}")
_EXAMPLE = "123456"


class Scene:
    """What people press and read, in order; texts that arrive stand behind what caused them."""

    def __init__(self, world: World, remark: str) -> None:
        self.world = world
        self.steps = [Step(Kind.REMARK, line) for line in remark.split("\n")]
        self._phones: dict[str, Phone] = {}
        self._heard: dict[str, int] = {}
        self._named: dict[str, str] = {}
        self._speaks = ""
        self._day()

    def phone(self, who: str, number: str) -> "Scene":
        """From here on it is this phone that is pressed."""
        if who not in self._phones:
            self._phones[who], self._heard[who] = self.world.phone(number), 0
        if self._speaks != who:
            self.steps.append(Step(Kind.PHONE, number, who))
            self._speaks = who
        return self

    def press(self, *keys: str) -> "Scene":
        """Each as one answer; what looks like a service code is dialled."""
        phone = self._phones[self._speaks]
        for key in keys:
            if DIALLED.fullmatch(key):
                phone.code = key
                screen = phone.dial()
            else:
                screen = phone.press(key)
            self._saw(key, screen)
        return self

    def read_on(self) -> "Scene":
        phone = self._phones[self._speaks]
        before = len(phone.calls)
        phone.read_on()
        for key, screen in phone.calls[before:]:
            self._saw(key, screen)
        return self

    def drop(self) -> "Scene":
        self._phones[self._speaks].drop()
        self.steps.append(Step(Kind.DROP))
        return self

    def text(self, words: str) -> "Scene":
        self.steps.append(Step(Kind.SEND, self._named_in(words)))
        self._phones[self._speaks].text(words)
        self._hear()
        return self

    def elsewhere(self, words: str, *acts: Callable[[], object]) -> "Scene":
        self.steps.append(Step(Kind.ELSEWHERE, words))
        for act in acts:
            act()
        self._hear()
        return self

    def later(self, **delta: int) -> "Scene":
        self.world.clock.forward(**delta)
        self._day()
        return self

    def code(self) -> str:
        """The one-time code that arrived last, to be typed."""
        return next(value for value, name in reversed(self._named.items()) if name == "code")

    def name(self, value: str, name: str) -> str:
        """`value` is another one in every run: it stands as {name}."""
        self._named[value] = name
        return value

    def skip_texts(self) -> None:
        """What arrived before the scene is none of it."""
        self._heard = {who: len(phone.received()) for who, phone in self._phones.items()}

    def _day(self) -> None:
        self.steps.append(Step(Kind.DAY, f"{self.world.clock.now.astimezone(JAKARTA):%d-%m-%Y %H.%M}"))

    def _saw(self, key: str, screen: str) -> None:
        self.steps.append(Step(Kind.PRESS, self._named_in(key), screen=_REF.sub("Ref {ref}", screen)))
        self._hear()

    def _named_in(self, words: str) -> str:
        for value, name in self._named.items():
            words = words.replace(value, f"{{{name}}}")
        return words

    def _hear(self) -> None:
        for who, phone in self._phones.items():
            texts = phone.received()
            for words in texts[self._heard[who] :]:
                for code in _CODE.findall(words):
                    if code != _EXAMPLE:
                        self._named.pop(code, None)
                        self.name(code, "code")
                shown = self._named_in(_REF.sub("Ref {ref}", words))
                self.steps.append(Step(Kind.ARRIVES, shown, who))
            self._heard[who] = len(texts)
