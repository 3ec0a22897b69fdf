"""Answers on their way to an SMSC: no faster than it allows, few at once, and none that nobody awaits any more."""

from collections import deque
from dataclasses import dataclass
from typing import Final

import structlog
from smpplib import consts

from gateways.smpp import Dialog

log = structlog.get_logger()

# How many answers may wait for their acknowledgement; operators allow some tens.
WINDOW_MAX: Final = 20
# A caller's network gives up sooner (gateways.md 2.4: 10 to 15 s): a later screen would meet nobody, or another call.
ANSWER_AGE_MAX_S: Final = 15.0
# How long nothing is sent after the SMSC said that it is too much, doubled each time in a row.
_THROTTLED_S, _THROTTLED_MAX_S = 0.5, 4.0
_TOO_MUCH: Final = frozenset({consts.SMPP_ESME_RTHROTTLED, consts.SMPP_ESME_RMSGQFUL})


@dataclass(frozen=True)
class Answer:
    dialog: Dialog
    text: str
    end: bool
    asked_at: float
    """Monotonic seconds: when its turn came."""

    def __repr__(self) -> str:
        return "Answer(***)"


class Outbox:
    """Times are monotonic seconds and the caller's to give."""

    def __init__(self, rate_per_s: int) -> None:
        self._pause_s = 1.0 / rate_per_s
        self._waiting: deque[Answer] = deque()
        self._sent: dict[int, tuple[Answer, float]] = {}
        self._next_at = 0.0
        self._throttled = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sent)

    def put(self, answer: Answer) -> None:
        self._waiting.append(answer)

    def holds(self, dialog: Dialog) -> bool:
        """Whether an answer to that call has not been sent yet."""
        return any(answer.dialog == dialog for answer in self._waiting)

    def take(self, now: float) -> Answer | None:
        """The next answer, if one may be sent now."""
        while self._waiting and now - self._waiting[0].asked_at > ANSWER_AGE_MAX_S:
            self._waiting.popleft()
            log.warning("smpp_answer_too_late")
        if not self._waiting or now < self._next_at or len(self._sent) >= WINDOW_MAX:
            return None
        self._next_at = now + self._pause_s
        return self._waiting.popleft()

    def due_s(self, now: float) -> float | None:
        """How long until one may be sent; None where an acknowledgement or a new answer must come first."""
        if not self._waiting or len(self._sent) >= WINDOW_MAX:
            return None
        return max(0.0, self._next_at - now)

    def sent(self, sequence: int, answer: Answer, now: float) -> None:
        self._sent[sequence] = (answer, now)

    def acknowledged(self, sequence: int, status: int, now: float) -> bool:
        """Takes the SMSC's word on what was sent; False where nothing of that number was."""
        found = self._sent.pop(sequence, None)
        if found is None:
            return False
        if status in _TOO_MUCH:
            # It was not taken, so sending it once more shows it once.
            self._next_at = now + min(_THROTTLED_S * 2**self._throttled, _THROTTLED_MAX_S)
            self._throttled += 1
            self._waiting.appendleft(found[0])
            log.warning("smpp_throttled", status=status)
            return True
        self._throttled = 0
        if status != consts.SMPP_ESME_ROK:
            log.warning("smpp_answer_refused", status=status)
        return True

    def oldest_s(self, now: float) -> float:
        """How long the oldest unacknowledged answer has been out."""
        return max((now - at for _, at in self._sent.values()), default=0.0)

    def lost(self) -> None:
        """The connection is gone: what was sent may have been shown, and is never sent again. What waits still may."""
        self._sent.clear()
