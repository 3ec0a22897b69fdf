"""One bank's lane: how fast it is asked, when it rests; one sick bank never delays another."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import structlog

from banks.base import BankAnswer, BankRefused, BankUnknown, BankUnreachable, LaneRules, Reason
from insurance import runs
from insurance.calendar import is_open
from ports import Ports

log = structlog.get_logger()

# SNAP: HTTP 401 whatever the service and case (programme.md 3.5): signature, client or token. The next request to that
# bank would be refused the same way; any other fault of ours is that of one request.
CREDENTIALS = "401"
# So many unanswered requests in a row make the bank sick: each of them is an unknown that somebody has to ask for.
UNANSWERED_MAX = 3
# "Activity count limit exceeded" may speak of one account alone: it slows the lane down only where others say so too.
_COUNT_LIMIT = ("403", "04")
Failed = BankRefused | BankUnknown | BankUnreachable
_Told = TypeVar("_Told")


def turns_all_away(refusal: BankRefused) -> bool:
    """Whether the next request would be refused the same way: too many at once, the cut-off, our credentials."""
    if refusal.reason is Reason.OURS:
        return refusal.code.startswith(CREDENTIALS)
    return refusal.reason is Reason.NOT_NOW and not counts_out(refusal)


def counts_out(refusal: BankRefused) -> bool:
    return refusal.reason is Reason.NOT_NOW and (refusal.code[:3], refusal.code[-2:]) == _COUNT_LIMIT


def answer_of(bank_code: str, ask: Callable[[], _Told]) -> _Told | Failed:
    """What the bank says to one request, or how that failed."""
    try:
        return ask()
    except (BankRefused, BankUnknown, BankUnreachable) as failure:
        return failure
    except Exception as error:
        # A fault of ours after the request may have left: what became of it has to be asked.
        log.error("adapter_broken", bank=bank_code, kind=type(error).__name__)
        return BankUnknown("adapter")


class Round:
    """Which banks rest for what is left of one round of questions, so that no other waits out their silence."""

    def __init__(self) -> None:
        self.resting = set[str]()
        self._unanswered = Counter[str]()

    def heard(self, bank_code: str, said: BankAnswer | Failed | None) -> None:
        """Out of reach or turning all away, a bank rests at once; silent, it does after UNANSWERED_MAX in a row."""
        if isinstance(said, BankUnknown):
            self._unanswered[bank_code] += 1
        else:
            self._unanswered[bank_code] = 0
        away = isinstance(said, BankUnreachable) or (isinstance(said, BankRefused) and turns_all_away(said))
        if away or self._unanswered[bank_code] >= UNANSWERED_MAX:
            self.resting.add(bank_code)


def may_send(ports: Ports, bank_code: str, rules: LaneRules) -> bool:
    """Not drained, not resting, and outside the bank's cut-off."""
    with ports.transaction() as work:
        return is_open(rules.cut_off, work.now) and runs.is_open(work, bank_code)


class Pace:
    """At most so many requests a second, evenly; shared by the threads of a lane."""

    def __init__(self, per_s: float) -> None:
        self._gap_s, self._next, self._lock = 1 / per_s, 0.0, threading.Lock()

    def wait(self) -> None:
        """Until it is this caller's turn: a real bank's real seconds, which no test's clock moves."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + self._gap_s
        if at > now:
            time.sleep(at - now)


class Health:
    """Counts what a bank leaves unanswered in a row; past the limit nothing more is sent to it in this round."""

    def __init__(self, ports: Ports, bank_code: str) -> None:
        self._ports, self._bank_code, self._lock = ports, bank_code, threading.Lock()
        self._unanswered, self._well = 0, False
        self.sick = ""
        """The code of what made the lane stop, or an empty text."""

    def answered(self) -> None:
        with self._lock:
            self._unanswered, known = 0, self._well
            self._well = True
        if not known:
            with self._ports.transaction() as work:
                runs.answering(work, self._bank_code)

    def unanswered(self, code: str) -> None:
        with self._lock:
            self._unanswered += 1
            too_many = self._unanswered >= UNANSWERED_MAX
        if too_many:
            self.stop(code)

    def stop(self, code: str) -> None:
        """The lane rests from now on, for all processes."""
        with self._lock:
            if self.sick:
                return
            self.sick = code or "stopped"
        with self._ports.transaction() as work:
            runs.failing(work, self._bank_code, code)
