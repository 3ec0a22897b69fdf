"""One phone a gateway, all of the same small language: what is pressed travels by the gateway's own wire."""

import json
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gateways.smpp_keep import Patience
from gateways.smpp_link import Link
from gateways.smpp_wire import Smsc as Operator
from handset.phone import NotAnAnswer, Phone
from tests.smsc import ABORTED, ANSWERED, DELIVER_SM, DIALLED, LAST_WORDS, MENU, Smsc, message, pdu
from tests.world import World
from units.gsm import SMS_SEPTETS_MAX, septets
from ussd.calls import Calls

CODE = "*500*73#"
QUICK = Patience(connect_s=2.0, response_s=2.0, quiet_s=0.4, backoff_s=0.05, backoff_max_s=0.2, stop_s=5.0)


@dataclass
class Handset(Phone, ABC):
    """A phone whose hops can be brought again as they were: the last one, or one of long ago."""

    hops: list[Any] = field(default_factory=list)

    @abstractmethod
    def dial(self, dialled: str = CODE) -> str: ...

    @abstractmethod
    def again(self, hop: int = -1) -> str:
        """What the gateway is told when it brings a hop of this call once more."""

    def repeat(self) -> str:
        return self.again()

    def hang_up(self) -> bool:
        """The caller hangs up and the gateway says so, where it can; whether it could."""
        self.live = False
        return False

    @abstractmethod
    def as_other(self, number: str) -> "Handset":
        """Another number on this very session."""

    def _shown(self, pressed: str, text: str, end: bool) -> str:
        if septets(text) > SMS_SEPTETS_MAX:
            raise NotAnAnswer(f"a screen of {septets(text)} septets")
        self.live, self.screen = not end, text
        self.calls.append((pressed, text))
        return text


@dataclass
class AtHandset(Handset):
    def dial(self, dialled: str = CODE) -> str:
        self.session, self.hops = f"ATUid_{secrets.token_hex(16)}", []
        beyond = "" if dialled in (CODE, self.code) else dialled.removeprefix("*500*73*").removesuffix("#")
        self.typed = beyond
        return self._hop(dialled)

    def press(self, *keys: str) -> str:
        for key in keys:
            self.typed = f"{self.typed}*{key}" if self.typed else key
            self._hop(key)
        return self.screen

    def again(self, hop: int = -1) -> str:
        now, self.typed = self.typed, self.hops[hop]
        screen = Phone._hop(self, "")
        self.typed = now
        return screen

    def as_other(self, number: str) -> "AtHandset":
        return AtHandset(number, self.post, self.inbox, typed=self.typed, session=self.session)

    def _hop(self, pressed: str) -> str:
        self.hops.append(self.typed)
        return super()._hop(pressed)


@dataclass
class HubtelHandset(Handset):
    state: str = ""

    def dial(self, dialled: str = CODE) -> str:
        self.session, self.hops, self.state = secrets.token_hex(16), [], ""
        return self._send("Initiation", dialled)

    def press(self, *keys: str) -> str:
        for key in keys:
            self._send("Response", key)
        return self.screen

    def hang_up(self) -> bool:
        self.live = False
        body = self.body("Release", "")
        assert self.post("/ussd/hubtel", body)[1] == '{"ClientState":"","Message":"","Type":"Release"}\n'
        return True

    def again(self, hop: int = -1) -> str:
        return self._hop_of("", self.hops[hop])

    def as_other(self, number: str) -> "HubtelHandset":
        return HubtelHandset(
            number, self.post, self.inbox, session=self.session, hops=list(self.hops), state=self.state
        )

    def body(self, kind: str, typed: str) -> dict[str, Any]:
        return {
            "Mobile": self.number.removeprefix("+"),
            "SessionId": self.session,
            "ServiceCode": self.code.strip("*#"),
            "Type": kind,
            "Message": typed,
            "Operator": "telkomsel",
            "Sequence": len(self.hops) + 1,
            "ClientState": self.state,
        }

    def _send(self, kind: str, typed: str) -> str:
        body = self.body(kind, typed)
        self.hops.append(body)
        return self._hop_of(typed, body)

    def _hop_of(self, pressed: str, body: Mapping[str, Any]) -> str:
        status, answer = self.post("/ussd/hubtel", body)
        fields = json.loads(answer)
        if status != 200 or set(fields) != {"Type", "Message", "ClientState"}:
            raise NotAnAnswer(f"{status}")
        self.state = fields["ClientState"]
        return self._shown(pressed, fields["Message"], {"Release": True, "Response": False}[fields["Type"]])


@dataclass
class SmppHandset(Handset):
    smsc: Smsc = field(kw_only=True)
    dialogs: list[int] = field(default_factory=lambda: [0])

    @property
    def info(self) -> int:
        return self.dialogs[-1] << 1

    def dial(self, dialled: str = CODE) -> str:
        self.dialogs.append(self.dialogs[-1] + 1)
        self.hops = []
        return self._send(DIALLED, dialled)

    def press(self, *keys: str) -> str:
        for key in keys:
            self._send(ANSWERED, key)
        return self.screen

    def hang_up(self) -> bool:
        self.live = False
        self.smsc.send(self.pdu(ABORTED, ""))
        return True

    def again(self, hop: int = -1) -> str:
        return self._hop_of("", self.hops[hop])

    def as_other(self, number: str) -> "SmppHandset":
        return SmppHandset(
            number, self.post, self.inbox, smsc=self.smsc, dialogs=list(self.dialogs), hops=list(self.hops)
        )

    def pdu(self, op: int, typed: str) -> bytes:
        octets = typed.encode("latin-1") if typed.isascii() else typed.encode("utf-16-be")
        number, coding = self.number.removeprefix("+"), 0 if typed.isascii() else 8
        body = message(number, self.code.strip("*#"), octets, op, self.info, coding)
        return pdu(DELIVER_SM, self.smsc.next_sequence(), body)

    def _send(self, op: int, typed: str) -> str:
        raw = self.pdu(op, typed)
        self.hops.append(raw)
        return self._hop_of(typed, raw)

    def _hop_of(self, pressed: str, raw: bytes) -> str:
        to = self.number.removeprefix("+")
        before = self.smsc.count(to)
        self.smsc.send(raw)
        self.smsc.wait(lambda: self.smsc.count(to) > before, "an answer")
        came = self.smsc.answers(to)[before]
        if came.info is None or came.info >> 1 != self.dialogs[-1] or (came.op == LAST_WORDS) != (came.info & 1):
            raise NotAnAnswer("the session's own number, and its end bit at the end")
        return self._shown(pressed, came.text, {MENU: False, LAST_WORDS: True}[came.op or 0])


@contextmanager
def linked(world: World, smsc: Smsc, patience: Patience = QUICK, rate_per_s: int = 1000) -> Iterator[Link]:
    """Our end of the SMPP connection, in a thread; stopped and empty afterwards."""
    operator = Operator("127.0.0.1", smsc.port, "iuran", "hush")
    link = Link(operator, world.ports.settings.USSD_CODE, rate_per_s, Calls(world.ports), patience)
    thread = threading.Thread(target=link.run, daemon=True)
    thread.start()
    try:
        yield link
    finally:
        link.stop()
        thread.join(10)
        assert not thread.is_alive()


def handset(world: World, gateway: str, number: str, smsc: Smsc | None) -> Handset:
    client = world.app.test_client()

    def form(path: str, fields: Mapping[str, str]) -> tuple[int, str]:
        answer = client.post(path, data=dict(fields))
        return answer.status_code, answer.get_data(as_text=True)

    def as_json(path: str, fields: Mapping[str, Any]) -> tuple[int, str]:
        answer = client.post(path, json=dict(fields))
        return answer.status_code, answer.get_data(as_text=True)

    if gateway == "hubtel":
        return HubtelHandset(number, as_json, world.owed_to)
    if smsc is not None:
        return SmppHandset(number, form, world.owed_to, smsc=smsc)
    return AtHandset(number, form, world.owed_to)
