"""A feature phone as a small language: dial, press, text, read; it knows the gateway's wire and nothing of ours."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from units.gsm import SMS_SEPTETS_MAX, septets

# Answers a form POST to a path with (status, body): a test client, or an HTTP session over loopback.
Post = Callable[[str, Mapping[str, str]], tuple[int, str]]
Inbox = Callable[[str], Sequence[str]]


class NotAnAnswer(AssertionError):
    """The product broke the gateway's contract: not 200, neither CON nor END in front, or more than fits a screen."""


@dataclass
class Phone:
    """One number at one gateway account. `screen` is what the caller reads, without CON or END."""

    number: str
    post: Post
    inbox: Inbox
    code: str = "*500*73#"
    prefix: str = ""
    screen: str = ""
    live: bool = False
    typed: str = ""
    session: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    """(what was pressed, what was shown), for a transcript."""

    def dial(self) -> str:
        self.session, self.typed = f"ATUid_{secrets.token_hex(16)}", ""
        return self._hop(self.code)

    def press(self, *keys: str) -> str:
        """Type each of `keys` as one answer; the screen after the last."""
        for key in keys:
            # Africa's Talking sends all that was typed since the dial, joined by stars (gateways.md 2.3).
            self.typed = f"{self.typed}*{key}" if self.typed else key
            self._hop(key)
        return self.screen

    def read_on(self) -> str:
        """Press for more until the last page, as one must before agreeing; all pages' words together."""
        words = self.screen
        while self.live and "98 " in self.screen.rsplit("\n", 1)[-1]:
            words += "\n" + self.press("98")
        return words

    def repeat(self) -> str:
        """The gateway delivers the last turn once more."""
        return self._hop("")

    def drop(self) -> None:
        """The network ends the call; the product hears nothing of it."""
        self.live = False

    def _hop(self, pressed: str) -> str:
        # Field order and encoding as captured from the real gateway (gateways.md 2.1).
        form = {
            "phoneNumber": self.number,
            "serviceCode": self.code,
            "text": self.typed,
            "sessionId": self.session,
            "networkCode": "99999",
        }
        status, body = self.post(f"{self.prefix}/ussd/africastalking", form)
        if status != 200 or body[:4] not in ("CON ", "END "):
            raise NotAnAnswer(f"{status}: {body[:40]!r}")
        if septets(body[4:]) > SMS_SEPTETS_MAX:
            raise NotAnAnswer(f"a screen of {septets(body[4:])} septets")
        self.live, self.screen = body.startswith("CON "), body[4:]
        self.calls.append((pressed, self.screen))
        return self.screen

    def text(self, words: str, gateway_id: str = "") -> int:
        """Send an SMS to the product; the callback's status."""
        form = {
            "date": "2026-11-23 02:00:00",
            "from": self.number,
            "id": gateway_id or secrets.token_hex(16),
            "linkId": "",
            "text": words,
            "to": "IURAN",
            "cost": "0",
            "networkCode": "99999",
        }
        return self.post(f"{self.prefix}/sms/africastalking/inbound", form)[0]

    def received(self) -> list[str]:
        """Every SMS that reached this number, oldest first."""
        return list(self.inbox(self.number))

    @property
    def transcript(self) -> str:
        return "\n".join(f"> {pressed}\n{screen}\n" for pressed, screen in self.calls)
