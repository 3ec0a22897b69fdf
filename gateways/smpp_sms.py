"""SMS over an operator's SMSC, SMPP 3.4: texts out by one connection a thread, reports and texts in by another.

Source: SMPP 3.4 (12-10-1999), submit_sm 4.4, command_status 5.1.3, message_state 5.2.28, receipts in appendix B.
"""

import re
import threading
import time
from dataclasses import replace
from typing import Final

from smpplib import consts
from smpplib.command_codes import get_command_code

from gateways.base import (
    Accepted,
    DeliveryReport,
    GatewayStopped,
    Malformed,
    Outcome,
    SendRefused,
    SendUnknown,
    SendUnreachable,
    SmsIn,
)
from gateways.latest import caller_number, typed_text
from gateways.smpp import BadLength, Pdu, decoded, read_fields
from gateways.smpp_wire import Lost, Smsc, Wire

_SUBMITTED: Final = get_command_code("submit_sm_resp")
_NACK: Final = get_command_code("generic_nack")
_ENQUIRY: Final = get_command_code("enquire_link")
_UNBIND: Final = get_command_code("unbind")
_CONNECT_S, _RESPONSE_S = 3.05, 9.05
# Idle for longer than this the SMSC may have let go without our hearing of it: a text would be in doubt for nothing.
_IDLE_S: Final = 20.0

# The whole account: password, system id, no right to this sender or service.
_STOPPED: Final = frozenset({0x0D, 0x0E, 0x0F, 0x0A, 0x15, 0x53})
# It did not take the text and says that it may later: throttled, queue full, submit failed, no such bind.
_NOT_SENT: Final = frozenset({0x58, 0x14, 0x45, 0x04})
_NO_SUCH_NUMBER: Final = frozenset({0x0B, 0x33, 0x34})
"""Invalid destination address, or one of its kinds."""
_UNSURE: Final = frozenset({0x08, 0xFF})
"""A fault in the SMSC: what became of the text it does not say."""

# What SMPP calls undeliverable or expired is not said to be so for good: it is tried again, and by another gateway.
_OUTCOMES: Final = {
    "ENROUTE": Outcome.ON_THE_WAY,
    "ACCEPTD": Outcome.ON_THE_WAY,
    "DELIVRD": Outcome.DELIVERED,
    "EXPIRED": Outcome.UNREACHED,
    "DELETED": Outcome.UNREACHED,
    "UNDELIV": Outcome.UNREACHED,
    "REJECTD": Outcome.UNREACHED,
}
_STATES: Final = ("", "ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD")
_RECEIPT: Final = 0x04
_IN_PARTS: Final = 0x40
"""One part of a longer text: its header stands where words are read, and no command of ours is so long."""
_FIELD: Final = re.compile(r"\b(id|stat|err):([^\s]{1,64})")


def gateway_id(named: str, *, decimal: bool = False) -> str:
    """As we keep it. Some SMSCs name a text in hexadecimal when they take it and in decimal when they report on it."""
    name = named.strip().lower()
    if decimal and name.isascii() and name.isdigit():
        name = f"{int(name):x}"
    return f"smpp:{name.lstrip('0') or 0}" if name else ""


class SmppSms:
    """An SmsGateway. Each thread that sends holds a connection of its own, bound when it is needed."""

    name = "smpp"

    def __init__(
        self, smsc: Smsc, sender_id: str, *, connect_s: float = _CONNECT_S, response_s: float = _RESPONSE_S
    ) -> None:
        self._smsc, self._sender_id = replace(smsc, bind="bind_transmitter"), sender_id
        self._connect_s, self._response_s = connect_s, response_s
        self._held = threading.local()

    def send(self, phone: str, text: str) -> Accepted:
        """`phone` is canonical. SMPP has no key by which a repeat could be told, so SendUnknown is never sent again."""
        failed: SendRefused | SendUnreachable | SendUnknown
        wire = self._bound()
        try:
            return self._submit(wire, phone, text)
        except (SendRefused, SendUnreachable) as error:
            failed = error
        except (Lost, BadLength, SendUnknown) as error:
            # Whatever is said on it later would be taken for an answer to the next text.
            self._drop()
            failed = SendUnknown(error.why if isinstance(error, Lost) else "broken")
        raise failed

    def rest(self) -> None:
        wire: Wire | None = getattr(self._held, "wire", None)
        if wire is None:
            return
        try:
            wire.send(wire.make.bare("unbind").raw)
            wire.receive((), self._connect_s)
        except (Lost, BadLength):
            pass
        self._drop()

    def _bound(self) -> Wire:
        """Raises SendUnreachable or GatewayStopped."""
        wire: Wire | None = getattr(self._held, "wire", None)
        if wire is not None and time.monotonic() - self._held.used_at > _IDLE_S:
            self.rest()
            wire = None
        if wire is not None:
            return wire
        failed: SendUnreachable | GatewayStopped
        try:
            wire = Wire.bound(self._smsc, self._connect_s, self._response_s)
        except Lost as lost:
            refused = lost.why.removeprefix("bind-")
            is_ours = refused.isdigit() and int(refused) in _STOPPED
            failed = GatewayStopped(lost.why) if is_ours else SendUnreachable(lost.why)
        else:
            self._held.wire, self._held.used_at = wire, time.monotonic()
            return wire
        raise failed

    def _drop(self) -> None:
        self._held.wire.close()
        self._held.wire = None

    def _submit(self, wire: Wire, phone: str, text: str) -> Accepted:
        asked = wire.make.sms(self._sender_id, phone, text)
        until = time.monotonic() + self._response_s
        wire.send(asked.raw)
        while (left_s := until - time.monotonic()) > 0:
            for pdu in wire.receive((), left_s):
                if pdu.command_id == _ENQUIRY:
                    wire.send(wire.make.response("enquire_link_resp", pdu.sequence))
                elif pdu.command_id == _UNBIND:
                    raise Lost("unbound")
                elif pdu.command_id in (_SUBMITTED, _NACK) and pdu.sequence == asked.sequence:
                    self._held.used_at = time.monotonic()
                    return _accepted(pdu)
        raise Lost("timeout")


def _accepted(pdu: Pdu) -> Accepted:
    code = f"{pdu.status:#04x}"
    if pdu.status == consts.SMPP_ESME_ROK and pdu.command_id == _SUBMITTED:
        named, _, _ = pdu.raw[16:].partition(b"\0")
        fits = len(named) <= 64 and named.isascii() and named.decode().isprintable()
        return Accepted(gateway_id(named.decode()) if fits else "", "")
    if pdu.status in _STOPPED:
        raise GatewayStopped(code)
    if pdu.status in _NOT_SENT:
        raise SendUnreachable(code)
    if pdu.status in _NO_SUCH_NUMBER:
        raise SendRefused(code, Outcome.LOST)
    if pdu.status in _UNSURE or pdu.command_id == _NACK:
        raise SendUnknown(code)
    raise SendRefused(code)


def read_text(pdu: Pdu, wire: str, *, decimal_ids: bool) -> SmsIn | DeliveryReport:
    """A deliver_sm of a receiver: a text from a phone, or the report of one of ours. Raises Malformed.

    SMPP gives a text that comes in no name: connection and number name it, and its words tell a repeat (sms/taking.py).
    """
    fields = read_fields(pdu)
    if fields.esm_class & _IN_PARTS:
        raise Malformed("esm_class")
    words = decoded(fields.data_coding, fields.short_message or b"")
    if "\0" in words or "\0" in (fields.receipted_message_id or ""):
        # No column takes it, now or later.
        raise Malformed("short_message")
    if fields.esm_class & _RECEIPT:
        said = dict(_FIELD.findall(words))
        named = fields.receipted_message_id or said.get("id", "")
        state = fields.message_state or 0
        status = _STATES[state] if 0 < state < len(_STATES) else said.get("stat", "").upper()[:10]
        if not named or not status:
            raise Malformed("receipt")
        outcome = _OUTCOMES.get(status, Outcome.UNKNOWN)
        detail = f"err {said['err']}"[:40] if said.get("err", "").isalnum() else ""
        return DeliveryReport(
            gateway_id(named, decimal=decimal_ids)[:110], status, detail, outcome, _phone(fields.source_addr)
        )
    text = typed_text(words, "short_message")
    return SmsIn(f"smpp:{wire}:{pdu.sequence}", caller_number(fields.source_addr), fields.destination_addr, text, "")


def _phone(address: str) -> str:
    try:
        return caller_number(address)
    except Malformed:
        return ""
