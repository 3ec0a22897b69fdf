"""What every gateway is to us: the words for a turn, a text in and a text out, and three ways to fail."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol


class Malformed(ValueError):
    """A callback's form lacks a field, repeats it or carries rubbish; the message names the field, never its value."""


class SendRefused(Exception):
    """The gateway said no to this text or number, for good: 403, 404, 406, 407, 409, 502.

    `of` is what that says of the number, where it says anything: LOST or REFUSED.
    """

    def __init__(self, code: str, of: "Outcome | None" = None) -> None:
        super().__init__(f"gateway refused: {code}")
        self.code, self.of = code, of


class GatewayStopped(SendRefused):
    """The gateway says no to our whole account (401, 402, 405, an empty answer): hold the lane, raise an alarm."""


class SendUnreachable(Exception):
    """Nothing was sent (no connection, 429, 500, 501): the same text may be sent again."""


class SendUnknown(Exception):
    """It may have been sent (time-out after the bytes left, a broken answer): never resend a receipt by itself."""


class Phase(StrEnum):
    BEGIN = "begin"
    CONTINUE = "continue"
    CANCEL = "cancel"
    """The caller, or another who may, ended the call."""
    TIMEOUT = "timeout"


# How a number that is none, or not Indonesian, is named by every gateway's Malformed.
PHONE_FIELD: Final = "phoneNumber"
OVER: Final = frozenset({Phase.CANCEL, Phase.TIMEOUT})


@dataclass(frozen=True)
class Turn:
    """One USSD hop as it came, whichever gateway brought it; `text` may hold a PIN.

    Cumulative input is all that was typed since the dial, joined by stars, and tells a repeat by itself. The latest
    input alone does not: there `sequence` and `wire` tell the hops apart, and `answers` names the screen.
    """

    session_id: str
    """Unique among all gateways; Africa's Talking's is as it came, another gateway's begins with its name."""
    phone: str
    service_code: str
    network_code: str
    text: str
    """At a begin with the latest input: what was dialled beyond the code, joined by stars."""
    phase: Phase = Phase.CONTINUE
    cumulative: bool = True
    sequence: int = 0
    """The gateway's count of hops, which only grows along one `wire`; 0 where input is cumulative."""
    wire: str = ""
    """The connection that counts, where a new one counts anew."""
    answers: str = ""
    """`screen_token` of the screen that was answered, where the gateway hands it back."""
    gateway: str = "africastalking"
    """Who carries the call, as counts name it."""

    def __repr__(self) -> str:
        return "Turn(***)"

    @property
    def reach(self) -> int:
        """How far the call is: characters typed so far, or the gateway's count."""
        return len(self.text) if self.cumulative else self.sequence


def screen_token(text: str) -> str:
    """Names a screen by its words, for a gateway that hands it back with the answer to it."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class SmsIn:
    gateway_id: str
    sender: str
    to: str
    text: str
    network_code: str

    def __repr__(self) -> str:
        return "SmsIn(***)"


class Outcome(StrEnum):
    """What a gateway's report of a text means, whatever its words are."""

    ON_THE_WAY = "on_the_way"
    DELIVERED = "delivered"
    UNREACHED = "unreached"
    """Not now: the phone is off or away, and the same text may be sent again."""
    LOST = "lost"
    """Not by this number, ever."""
    REFUSED = "refused"
    """Its holder, or the network for them, wants no texts from us."""
    UNKNOWN = "unknown"
    """Words we do not know; nothing is decided by them."""


@dataclass(frozen=True)
class DeliveryReport:
    """`phone` is canonical, or empty where the report names none that could be one."""

    gateway_id: str
    status: str
    failure: str
    outcome: Outcome
    phone: str

    def __repr__(self) -> str:
        return f"DeliveryReport({self.outcome})"


@dataclass(frozen=True)
class Accepted:
    """The gateway took the text; delivered is another matter."""

    gateway_id: str
    cost: str


class SmsGateway(Protocol):
    """Sends one text of at most 160 septets to one number.

    Raises SendRefused, GatewayStopped, SendUnreachable or SendUnknown; nothing else.
    """

    name: str

    def send(self, phone: str, text: str) -> Accepted: ...

    def rest(self) -> None:
        """Nothing is to be sent for now: let go of what should not be held for nothing. It raises nothing."""
