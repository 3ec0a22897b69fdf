"""Keeps one connection to an operator's SMSC bound, through every loss of it; it knows neither calls nor texts."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from smpplib import consts
from smpplib.command_codes import get_command_code

from gateways.smpp import RESPONSE, BadLength, Pdu
from gateways.smpp_wire import Lost, Smsc, Wire

log = structlog.get_logger()

_WAIT_S: Final = 0.5
_WAKES_BYTES: Final = 4096
_DOUBLINGS_MAX: Final = 10


@dataclass(frozen=True)
class Patience:
    """Seconds. Of our own choosing: SMPP 3.4 (7.2) names the timers and leaves their length to the two sides."""

    connect_s: float = 5.0
    response_s: float = 10.0
    quiet_s: float = 30.0
    """After so long without a word the SMSC is asked whether it is there."""
    backoff_s: float = 1.0
    backoff_max_s: float = 60.0
    stop_s: float = 10.0
    """How long a stop waits for the turns that were taken."""


PATIENT: Final = Patience()


class Keeper:
    """Who builds on this says what each PDU does (`_does`), and what is done before more is waited for (`_between`)."""

    def __init__(self, smsc: Smsc, patience: Patience) -> None:
        self._smsc, self._patience = smsc, patience
        # A plain flag: a signal handler that took an event's lock could meet its own thread holding it.
        self._stopping = False
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._heard_at = self._asked_at = 0.0
        self._does: dict[int, Callable[[Wire, Pdu], None]] = {
            get_command_code("enquire_link"): self._enquired,
            get_command_code("unbind"): self._unbound,
        }

    def stop(self) -> None:
        """Take no more, end what was taken, unbind. A signal handler may call it."""
        self._stopping = True
        self._poke()

    def run(self) -> None:
        """Until stopped."""
        failures = 0
        while not self._stopping:
            began = time.monotonic()
            try:
                self._hold()
            except Lost as lost:
                log.warning("smpp_lost", why=lost.why, bound_as=self._smsc.bind)
            lasted_s = time.monotonic() - began
            failures = 0 if lasted_s > self._patience.backoff_max_s else min(failures + 1, _DOUBLINGS_MAX)
            self._rest(min(self._patience.backoff_s * 2**failures / 2, self._patience.backoff_max_s))

    def _between(self, wire: Wire) -> float | None:
        """After what came was taken: how long to wait for more at most; None when stopped and done. Raises Lost."""
        return None if self._stopping else _WAIT_S

    def _ended(self) -> None:
        """The connection is gone."""

    def _close(self) -> None:
        self._wake.close()
        self._woken.close()

    def _poke(self) -> None:
        # A full pipe wakes as well; a closed one has nobody to wake.
        with suppress(OSError):
            self._wake.send(b"!")

    def _rest(self, wait_s: float) -> None:
        until = time.monotonic() + wait_s
        while not self._stopping and (left_s := until - time.monotonic()) > 0:
            # Turns that end meanwhile wake it too.
            if select.select([self._woken], [], [], left_s)[0]:
                self._woken.recv(_WAKES_BYTES)

    def _hold(self) -> None:
        """One connection from its bind to its end. Raises Lost."""
        wire = Wire.bound(self._smsc, self._patience.connect_s, self._patience.response_s)
        log.info("smpp_bound", bound_as=self._smsc.bind)
        try:
            for pdu in wire.early:
                self._take(wire, pdu)
            self._serve(wire)
            with suppress(Lost, BadLength):
                wire.send(wire.make.bare("unbind").raw)
                wire.receive((), self._patience.connect_s)
            log.info("smpp_unbound", bound_as=self._smsc.bind)
        except BadLength:
            with suppress(Lost):
                wire.send(wire.make.response("generic_nack", 0, consts.SMPP_ESME_RINVCMDLEN))
            raise Lost("length") from None
        finally:
            self._ended()
            wire.close()

    def _serve(self, wire: Wire) -> None:
        """Until stopped and done. Raises Lost, BadLength."""
        self._heard_at = self._asked_at = time.monotonic()
        while (wait_s := self._between(wire)) is not None:
            for pdu in wire.receive((self._woken,), min(wait_s, _WAIT_S)):
                self._heard_at = time.monotonic()
                self._take(wire, pdu)
            self._watch(wire)

    def _take(self, wire: Wire, pdu: Pdu) -> None:
        does = self._does.get(pdu.command_id)
        if does is not None:
            does(wire, pdu)
        elif not pdu.command_id & RESPONSE:
            wire.send(wire.make.response("generic_nack", pdu.sequence, consts.SMPP_ESME_RINVCMDID))

    def _enquired(self, wire: Wire, pdu: Pdu) -> None:
        wire.send(wire.make.response("enquire_link_resp", pdu.sequence))

    def _unbound(self, wire: Wire, pdu: Pdu) -> None:
        wire.send(wire.make.response("unbind_resp", pdu.sequence))
        raise Lost("unbound")

    def _watch(self, wire: Wire) -> None:
        """Asks a silent SMSC whether it is there, and gives up on one that stays silent. Raises Lost."""
        now = time.monotonic()
        quiet_s = now - self._heard_at
        if quiet_s > self._patience.quiet_s + self._patience.response_s:
            raise Lost("silent")
        if quiet_s > self._patience.quiet_s and self._asked_at <= self._heard_at:
            self._asked_at = now
            wire.send(wire.make.bare("enquire_link").raw)
