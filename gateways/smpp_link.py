"""Answers the calls of an operator's SMSC by one connection; it never sends an answer twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final, Protocol

import structlog
from smpplib import consts
from smpplib.command_codes import get_command_code

from gateways.base import OVER, Malformed, Phase, Turn
from gateways.smpp import Delivered, Dialog, NotACall, Pdu, read_deliver, read_turn
from gateways.smpp_keep import PATIENT, Keeper, Patience
from gateways.smpp_outbox import Answer, Outbox
from gateways.smpp_wire import Lost, Smsc, Wire

log = structlog.get_logger()

# As many as a web process has threads: each turn may hold a database connection.
ANSWERERS: Final = 8
# Turns that are worked on or wait for it; more would be answered to callers who have gone.
TURNS_MAX: Final = 64


class Words(Protocol):
    @property
    def text(self) -> str: ...
    @property
    def end(self) -> bool: ...


class Callee(Protocol):
    """Answers turns from several threads at once and raises nothing."""

    def hear(self, asked: Turn) -> Words | None: ...
    def unread(self, field: str) -> Words: ...


class Link(Keeper):
    def __init__(self, smsc: Smsc, code: str, rate_per_s: int, callee: Callee, patience: Patience = PATIENT) -> None:
        super().__init__(smsc, patience)
        self._code, self._callee = code, callee
        self._outbox = Outbox(rate_per_s)
        self._done: SimpleQueue[tuple[Dialog, Answer | None]] = SimpleQueue()
        self._working: list[Dialog] = []
        """The calls whose turns are worked on or wait for it."""
        self._stop_at = 0.0
        self._does |= {
            get_command_code("deliver_sm"): self._deliver,
            get_command_code("submit_sm_resp"): self._acknowledge,
            get_command_code("generic_nack"): self._acknowledge,
        }

    def run(self) -> None:
        """Until stopped, through every loss of the connection."""
        with ThreadPoolExecutor(ANSWERERS, "smpp") as self._pool:
            super().run()
        self._close()

    def _between(self, wire: Wire) -> float | None:
        """Answers that are ready go out; when stopped, until those that were taken have gone, or stop_s later."""
        self._collect()
        self._send(wire)
        now = time.monotonic()
        if self._outbox.oldest_s(now) > self._patience.response_s:
            raise Lost("unacknowledged")
        if self._stopping:
            self._stop_at = self._stop_at or now + self._patience.stop_s
            if now > self._stop_at or not (self._working or self._outbox):
                return None
        due_s = self._outbox.due_s(now)
        return self._patience.quiet_s if due_s is None else due_s

    def _ended(self) -> None:
        self._outbox.lost()

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
