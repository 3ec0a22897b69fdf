"""Keeps one connection to an operator's SMSC by which texts and reports come; each is acknowledged once it is kept."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

import structlog
from smpplib import consts
from smpplib.command_codes import get_command_code

from gateways.base import DeliveryReport, Malformed, SmsIn
from gateways.smpp import RESPONSE, BadLength, Pdu
from gateways.smpp_link import Patience
from gateways.smpp_sms import read_text
from gateways.smpp_wire import Lost, Smsc, Wire

log = structlog.get_logger()

_WAIT_S: Final = 0.5
_DOUBLINGS_MAX: Final = 10
_DELIVER: Final = get_command_code("deliver_sm")
_ENQUIRY: Final = get_command_code("enquire_link")
_UNBIND: Final = get_command_code("unbind")
_PATIENT: Final = Patience()

Keep = Callable[[SmsIn | DeliveryReport], bool]
"""Stores and answers; False where it could not be stored now, and is to be brought again."""


class Inbox:
    def __init__(self, smsc: Smsc, keep: Keep, *, decimal_ids: bool, patience: Patience = _PATIENT) -> None:
        self._smsc, self._keep, self._decimal_ids = replace(smsc, bind="bind_receiver"), keep, decimal_ids
        self._patience = patience
        # A plain flag: a signal handler that took an event's lock could meet its own thread holding it.
        self._stopping = False
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)

    def stop(self) -> None:
        """Take no more, keep what was taken, unbind. A signal handler may call it."""
        self._stopping = True
        with suppress(OSError):
            self._wake.send(b"!")

    def run(self) -> None:
        """Until stopped, through every loss of the connection."""
        failures = 0
        while not self._stopping:
            began = time.monotonic()
            try:
                self._hold()
            except Lost as lost:
                log.warning("smpp_sms_lost", why=lost.why)
            lasted_s = time.monotonic() - began
            failures = 0 if lasted_s > self._patience.backoff_max_s else min(failures + 1, _DOUBLINGS_MAX)
            if not self._stopping:
                self._woken.settimeout(min(self._patience.backoff_s * 2**failures / 2, self._patience.backoff_max_s))
                with suppress(TimeoutError):
                    self._woken.recv(1)
        self._wake.close()
        self._woken.close()

    def _hold(self) -> None:
        """One connection from its bind to its end. Raises Lost."""
        wire = Wire.bound(self._smsc, self._patience.connect_s, self._patience.response_s)
        log.info("smpp_sms_bound")
        try:
            for pdu in wire.early:
                self._take(wire, pdu)
            self._serve(wire)
            with suppress(Lost, BadLength):
                wire.send(wire.make.bare("unbind").raw)
                wire.receive((), self._patience.connect_s)
        except BadLength:
            with suppress(Lost):
                wire.send(wire.make.response("generic_nack", 0, consts.SMPP_ESME_RINVCMDLEN))
            raise Lost("length") from None
        finally:
            wire.close()

    def _serve(self, wire: Wire) -> None:
        """Until stopped. Raises Lost, BadLength."""
        heard_at = asked_at = time.monotonic()
        while not self._stopping:
            for pdu in wire.receive((self._woken,), _WAIT_S):
                heard_at = time.monotonic()
                self._take(wire, pdu)
            quiet_s = time.monotonic() - heard_at
            if quiet_s > self._patience.quiet_s + self._patience.response_s:
                raise Lost("silent")
            if quiet_s > self._patience.quiet_s and asked_at <= heard_at:
                asked_at = time.monotonic()
                wire.send(wire.make.bare("enquire_link").raw)

    def _take(self, wire: Wire, pdu: Pdu) -> None:
        if pdu.command_id == _DELIVER:
            wire.send(wire.make.response("deliver_sm_resp", pdu.sequence, self._status(wire, pdu)))
        elif pdu.command_id == _ENQUIRY:
            wire.send(wire.make.response("enquire_link_resp", pdu.sequence))
        elif pdu.command_id == _UNBIND:
            wire.send(wire.make.response("unbind_resp", pdu.sequence))
            raise Lost("unbound")
        elif not pdu.command_id & RESPONSE:
            wire.send(wire.make.response("generic_nack", pdu.sequence, consts.SMPP_ESME_RINVCMDID))

    def _status(self, wire: Wire, pdu: Pdu) -> int:
        """What it is answered with: kept, never to be kept, or to be brought again."""
        try:
            came = read_text(pdu, wire.name, decimal_ids=self._decimal_ids)
        except Malformed as error:
            log.warning("smpp_sms_malformed", field=str(error))
            # Rejected for good: the same again would be as unreadable.
            return int(consts.SMPP_ESME_RX_R_APPN)
        return int(consts.SMPP_ESME_ROK if self._keep(came) else consts.SMPP_ESME_RX_T_APPN)
