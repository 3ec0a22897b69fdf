"""What every gateway is to us: the words for a turn, a text in and a text out, and three ways to fail."""

from dataclasses import dataclass
from typing import Protocol


class Malformed(ValueError):
    """A callback's form lacks a field, repeats it or carries rubbish; the message names the field, never its value."""


class SendRefused(Exception):
    """The gateway said no to this text or number, for good: 403, 404, 406, 407, 409, 502."""

    def __init__(self, code: str) -> None:
        super().__init__(f"gateway refused: {code}")
        self.code = code


class GatewayStopped(SendRefused):
    """The gateway says no to our whole account (401, 402, 405, an empty answer): hold the lane, raise an alarm."""


class SendUnreachable(Exception):
    """Nothing was sent (no connection, 429, 500, 501): the same text may be sent again."""


class SendUnknown(Exception):
    """It may have been sent (time-out after the bytes left, a broken answer): never resend a receipt by itself."""


@dataclass(frozen=True)
class Turn:
    """One USSD hop as it came; `text` is all that was typed since the dial and may hold a PIN."""

    session_id: str
    phone: str
    service_code: str
    network_code: str
    text: str
    gateway: str = "africastalking"
    """Who carries the call, as counts name it."""

    def __repr__(self) -> str:
        return "Turn(***)"


@dataclass(frozen=True)
class SmsIn:
    gateway_id: str
    sender: str
    to: str
    text: str
    network_code: str

    def __repr__(self) -> str:
        return "SmsIn(***)"


@dataclass(frozen=True)
class DeliveryReport:
    gateway_id: str
    status: str
    failure: str


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
