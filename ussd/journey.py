"""A caller's place in the menu: the screen, the answers, the way back; plain data that fits into one sealed text."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

START, RESUME = "main", "resume"
# Where the caller shows, by the PIN, to be who was picked; after it the screen that waits is taken up.
PROVE_PIN = "prove.pin"
PROVED = "proved"
RESUMED_FLOWS = ("enrol", "mandate", "officer")
INVITED_FLOW = "enrol"
TRAIL_MAX = 30
# Raised whenever a screen is renamed or its question changes: an older journey starts anew instead of guessing.
MENU_VERSION = 7


@dataclass(frozen=True)
class Journey:
    session: str = ""
    screen: str = START
    answers: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    """Names of answers that must not outlive the call."""
    secret_from: str = ""
    """The screen that asked for the first of them."""
    trail: tuple[str, ...] = ()
    page: int = 0
    wrong: int = 0
    line: str = ""
    """What was said to be wrong on this screen: its pages stay cut as they were with it."""
    ended: bool = False
    language: str = ""
    turn_key: str = ""
    """Keyed hash of what the last turn brought as text (it may hold a PIN), and how far the call was by it."""
    typed: int = 0
    wire: str = ""
    """The gateway's connection that the last turn came by, where hops are counted by connection."""
    reply: str = ""
    reply_end: bool = False
    left: str = ""
    """The screen a dropped call was on, while its caller is asked whether to go on."""
    retype: bool = False
    """Whether a secret that was typed before the drop has to be typed again."""
    ahead: tuple[str, ...] = ()
    """Screens that were passed before the drop: passed again while their answers hold, and last where it was left."""
    phone: str = ""
    """Only while an enrolment may be invited to go on."""
    gateway: str = ""
    after: str = ""
    """The screen that waits until the caller has shown who is calling."""
    menu: int = MENU_VERSION

    def but(self, **changes: Any) -> "Journey":
        """A copy with these fields changed; dataclasses.replace is ten times as slow, and a hop makes several."""
        copy = object.__new__(Journey)
        copy.__dict__.update(self.__dict__)
        copy.__dict__.update(changes)
        return copy

    def go(self, screen: str, answers: dict[str, str] | None = None) -> "Journey":
        """On to `screen`, with the way back kept."""
        trail = (*self.trail, self.screen)[-TRAIL_MAX:]
        kept = {**self.answers, **answers} if answers else self.answers
        return self.but(screen=screen, answers=kept, trail=trail, page=0, wrong=0, line="")

    def skip(self, screen: str) -> "Journey":
        """On to `screen` from one without words, which no way leads back to."""
        return self.but(screen=screen, page=0, line="")

    def back(self) -> "Journey":
        return self.but(
            screen=self.trail[-1], trail=self.trail[:-1], left="", ahead=(), after="", page=0, wrong=0, line=""
        )

    def done(self, screen: str) -> "Journey":
        """After something was done, neither its answers nor the way back to its questions are kept."""
        kept = {name: value for name, value in self.answers.items() if name in ("worker", PROVED)}
        secrets = (PROVED,) if PROVED in kept else ()
        return self.but(
            screen=screen, trail=(), answers=kept, secrets=secrets, secret_from="", ahead=(), page=0, line="", after=""
        )

    def with_answer(self, name: str, value: str) -> "Journey":
        return self.but(answers={**self.answers, name: value})

    def with_answers(self, answers: dict[str, str]) -> "Journey":
        return self.but(answers={**self.answers, **answers})

    def without(self, answers: Collection[str]) -> "Journey":
        return self.but(answers={name: value for name, value in self.answers.items() if name not in answers})

    def with_secret(self, answer: str, asked_at: str) -> "Journey":
        """`answer` dies with the call; whoever takes the call up is asked again from `asked_at`."""
        secrets = self.secrets if answer in self.secrets else (*self.secrets, answer)
        return self.but(secrets=secrets, secret_from=self.secret_from or asked_at)

    def detour(self, screen: str) -> "Journey":
        """To what has to come first; where the caller was waits, and is not on the way back."""
        return self.but(screen=screen, after=self.after or self.screen, page=0, wrong=0, line="")

    def with_proof(self, worker: str) -> "Journey":
        """Whose PIN was typed right, for the rest of this call; a call that takes up shows it anew where it must."""
        secrets = self.secrets if PROVED in self.secrets else (*self.secrets, PROVED)
        return self.but(answers={**self.answers, PROVED: worker}, secrets=secrets)

    def proved(self) -> "Journey":
        """On to the screen that waited."""
        return self.but(screen=self.after or START, after="", page=0, wrong=0, line="")

    def dropped(self) -> "Journey":
        """As it is kept when its call ended: without secrets, and back before the first of them was asked."""
        kept = self.without(self.secrets).answers
        screen, trail, retype = self._place, self.trail, self.retype
        if self.secret_from and self.secret_from in trail:
            cut = trail.index(self.secret_from)
            if screen in trail[:cut]:
                # An earlier answer was being changed; the secrets are asked for after it in any case.
                trail = trail[: trail.index(screen)]
            else:
                screen, trail, retype = self.secret_from, trail[:cut], True
        return self.but(
            screen=screen,
            trail=trail,
            answers=kept,
            secrets=(),
            secret_from="",
            page=0,
            wrong=0,
            line="",
            left="",
            retype=retype,
            after="",
        )

    def asked_to_go_on(self) -> "Journey":
        kept = self.dropped()
        return kept.but(left=kept.screen, screen=RESUME)

    def taken_up(self) -> "Journey":
        """From the first screen on again: the engine passes what was answered, as long as it holds."""
        way = (*self.trail, self.left, *self.ahead)
        return self.but(screen=way[0], trail=(), ahead=way, left="", retype=False)

    @property
    def flow(self) -> str:
        return self._place.split(".")[0]

    @property
    def _place(self) -> str:
        """The screen that a redial takes up: never the question who is calling, but what waited for its answer."""
        return self.left or self.after or self.screen

    @property
    def worth_resuming(self) -> bool:
        """Only where something was typed that would be lost, in a flow that changes something."""
        return not self.ended and bool(self.answers.keys() - {PROVED, "worker"}) and self.flow in RESUMED_FLOWS

    @property
    def worth_inviting(self) -> bool:
        """Whether its caller may be invited by SMS to go on: an enrolment of which something was typed."""
        return self.worth_resuming and self.flow == INVITED_FLOW

    def at_start(self) -> "Journey":
        return self.but(
            screen=START,
            answers={},
            secrets=(),
            secret_from="",
            trail=(),
            page=0,
            wrong=0,
            line="",
            left="",
            retype=False,
            ahead=(),
            after="",
        )

    def dumps(self) -> str:
        return json.dumps({key: value for key, value in vars(self).items() if value})

    @classmethod
    def loads(cls, text: str) -> "Journey":
        values: dict[str, Any] = json.loads(text)
        values["trail"] = tuple(values.get("trail", ()))
        values["secrets"] = tuple(values.get("secrets", ()))
        values["ahead"] = tuple(values.get("ahead", ()))
        return cls(**values)
