"""Keeps one connection to an operator's SMSC bound and answers what comes by it; it never sends an answer twice."""

import select
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, Protocol

import structlog
from smpplib import consts
from smpplib.command_codes import get_command_code

from gateways.base import OVER, Malformed, Phase, Turn
from gateways.smpp import RESPONSE, BadLength, Delivered, Dialog, NotACall, Pdu, read_deliver, read_turn
from gateways.smpp_outbox import Answer, Outbox
from gateways.smpp_wire import Lost, Smsc, Wire

log = structlog.get_logger()

# As many as a web process has threads: each turn may hold a database connection.
ANSWERERS: Final = 8
# Turns that are worked on or wait for it; more would be answered to callers who have gone.
TURNS_MAX: Final = 64
_WAIT_S: Final = 0.5
_WAKES_BYTES: Final = 4096
_DOUBLINGS_MAX: Final = 10


class Words(Protocol):
    @property
    def text(self) -> str: ...
    @property
    def end(self) -> bool: ...


class Callee(Protocol):
    """Answers turns from several threads at once and raises nothing."""

    def hear(self, asked: Turn) -> Words | None: ...
    def unread(self, field: str) -> Words: ...


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


_PATIENT: Final = Patience()


class Link:
    def __init__(self, smsc: Smsc, code: str, rate_per_s: int, callee: Callee, patience: Patience = _PATIENT) -> None:
        self._smsc, self._code, self._callee = smsc, code, callee
        self._patience = patience
        self._outbox = Outbox(rate_per_s)
        self._done: SimpleQueue[tuple[Dialog, Answer | None]] = SimpleQueue()
        self._working: list[Dialog] = []
        """The calls whose turns are worked on or wait for it."""
        # A plain flag: a signal handler that took an event's lock could meet its own thread holding it.
        self._stopping = False
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._does: dict[int, Callable[[Wire, Pdu], None]] = {
            get_command_code("deliver_sm"): self._deliver,
            get_command_code("submit_sm_resp"): self._acknowledge,
            get_command_code("generic_nack"): self._acknowledge,
            get_command_code("enquire_link"): self._enquired,
            get_command_code("unbind"): self._unbound,
        }

    def stop(self) -> None:
        """Take no more turns, answer those that were taken, unbind. A signal handler may call it."""
        self._stopping = True
        self._poke()

    def run(self) -> None:
        """Until stopped, through every loss of the connection."""
        failures = 0
        with ThreadPoolExecutor(ANSWERERS, "smpp") as self._pool:
            while not self._stopping:
                began = time.monotonic()
                try:
                    self._hold()
                except Lost as lost:
                    log.warning("smpp_lost", why=lost.why)
                lasted_s = time.monotonic() - began
                failures = 0 if lasted_s > self._patience.backoff_max_s else min(failures + 1, _DOUBLINGS_MAX)
                self._rest(min(self._patience.backoff_s * 2**failures / 2, self._patience.backoff_max_s))
        self._wake.close()
        self._woken.close()

    def _rest(self, wait_s: float) -> None:
        until = time.monotonic() + wait_s
        while not self._stopping and (left_s := until - time.monotonic()) > 0:
            # Turns that end meanwhile wake it too.
            if select.select([self._woken], [], [], left_s)[0]:
                self._woken.recv(_WAKES_BYTES)

    def _hold(self) -> None:
        """One connection from its bind to its end. Raises Lost."""
        wire = Wire.bound(self._smsc, self._patience.connect_s, self._patience.response_s)
        log.info("smpp_bound")
        try:
            for pdu in wire.early:
                self._take(wire, pdu)
            self._serve(wire)
            with suppress(Lost, BadLength):
                wire.send(wire.make.bare("unbind").raw)
                wire.receive((), self._patience.connect_s)
            log.info("smpp_unbound")
        except BadLength:
            with suppress(Lost):
                wire.send(wire.make.response("generic_nack", 0, consts.SMPP_ESME_RINVCMDLEN))
            raise Lost("length") from None
        finally:
            self._outbox.lost()
            wire.close()

    def _serve(self, wire: Wire) -> None:
        """Until stopped and empty. Raises Lost, BadLength."""
        self._heard_at = self._asked_at = time.monotonic()
        stop_at = 0.0
        while True:
            now = time.monotonic()
            if self._stopping:
                stop_at = stop_at or now + self._patience.stop_s
                if now > stop_at or not (self._working or self._outbox):
                    return
            due_s = self._outbox.due_s(now)
            for pdu in wire.receive((self._woken,), _WAIT_S if due_s is None else min(due_s, _WAIT_S)):
                self._heard_at = time.monotonic()
                self._take(wire, pdu)
            self._collect()
            self._send(wire)
            self._watch(wire)

    def _take(self, wire: Wire, pdu: Pdu) -> None:
        does = self._does.get(pdu.command_id)
        if does is not None:
            does(wire, pdu)
        elif not pdu.command_id & RESPONSE:
            wire.send(wire.make.response("generic_nack", pdu.sequence, consts.SMPP_ESME_RINVCMDID))

    def _deliver(self, wire: Wire, pdu: Pdu) -> None:
        """Acknowledged before it is answered: a turn that dies with this process is redialled, and nothing is lost."""
        try:
            came = read_deliver(pdu)
        except Malformed as error:
            log.warning("smpp_malformed", field=str(error))
            wire.send(wire.make.response("generic_nack", pdu.sequence, consts.SMPP_ESME_RINVCMDLEN))
            return
        except NotACall:
            wire.send(wire.make.response("deliver_sm_resp", pdu.sequence, consts.SMPP_ESME_RX_R_APPN))
            return
        if self._stopping or len(self._working) >= TURNS_MAX:
            wire.send(wire.make.response("deliver_sm_resp", pdu.sequence, consts.SMPP_ESME_RX_T_APPN))
            return
        wire.send(wire.make.response("deliver_sm_resp", pdu.sequence))
        if came.phase is Phase.CONTINUE and (came.dialog in self._working or self._outbox.holds(came.dialog)):
            # Nobody answers a screen that was not sent yet: whatever its number, this is the hop before once more.
            log.warning("smpp_brought_again")
            return
        self._working.append(came.dialog)
        self._pool.submit(self._answer, came, wire.name, time.monotonic())

    def _answer(self, came: Delivered, wire_name: str, asked_at: float) -> None:
        """In a thread of the pool."""
        words: Words | None = None
        try:
            words = self._callee.hear(read_turn(came, self._code, wire_name))
        except Malformed as error:
            log.warning("ussd_malformed", field=str(error))
            words = None if came.phase in OVER else self._callee.unread(str(error))
        except Exception as error:
            # Never its words: they may hold what was typed.
            log.error("smpp_turn_failed", kind=type(error).__name__)
        finally:
            # Whatever happens the turn is counted as done.
            answer = Answer(came.dialog, words.text, words.end, asked_at) if words else None
            self._done.put((came.dialog, answer))
            self._poke()

    def _poke(self) -> None:
        # A full pipe wakes as well; a closed one has nobody to wake.
        with suppress(OSError):
            self._wake.send(b"!")

    def _collect(self) -> None:
        with suppress(Empty):
            while True:
                dialog, answer = self._done.get_nowait()
                self._working.remove(dialog)
                if answer is not None:
                    self._outbox.put(answer)

    def _send(self, wire: Wire) -> None:
        while (answer := self._outbox.take(time.monotonic())) is not None:
            pdu = wire.make.answer(answer.dialog, answer.text, end=answer.end)
            # Noted first: where sending breaks, part of it may have gone.
            self._outbox.sent(pdu.sequence, answer, time.monotonic())
            wire.send(pdu.raw)

    def _acknowledge(self, _wire: Wire, pdu: Pdu) -> None:
        if not self._outbox.acknowledged(pdu.sequence, pdu.status, time.monotonic()):
            log.warning("smpp_nothing_of_that_number", status=pdu.status)

    def _enquired(self, wire: Wire, pdu: Pdu) -> None:
        wire.send(wire.make.response("enquire_link_resp", pdu.sequence))

    def _unbound(self, wire: Wire, pdu: Pdu) -> None:
        wire.send(wire.make.response("unbind_resp", pdu.sequence))
        raise Lost("unbound")

    def _watch(self, wire: Wire) -> None:
        """Asks a silent SMSC whether it is there, and gives up on one that owes an answer for too long. Raises Lost."""
        now = time.monotonic()
        if self._outbox.oldest_s(now) > self._patience.response_s:
            raise Lost("unacknowledged")
        quiet_s = now - self._heard_at
        if quiet_s > self._patience.quiet_s + self._patience.response_s:
            raise Lost("silent")
        if quiet_s > self._patience.quiet_s and self._asked_at <= self._heard_at:
            self._asked_at = now
            wire.send(wire.make.bare("enquire_link").raw)
