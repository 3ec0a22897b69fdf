"""Keeps children running until told to stop, then stops them in reverse; knows nothing of Iuran."""

import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType

from local.process import Child, LocalError, Spec, ended, last_line, say

EXITS_MAX = 5
EXITS_WITHIN_S = 60.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody asked us to stop: Ctrl-C, SIGTERM, or the terminal was closed."""


@dataclass
class _Watched:
    child: Child
    exits: deque[float] = field(default_factory=deque)
    start_at: float | None = None


class Supervisor:
    """Use as a context: on the way out every child is stopped, the last started first.

    Signals only set a flag and wake `wait`, so that nothing is ever interrupted half done.
    """

    def __init__(
        self, *, backoff_s: float = 0.5, within_s: float = EXITS_WITHIN_S, shown_from: Path | None = None
    ) -> None:
        self._backoff_s = backoff_s
        self._within_s = within_s
        self._shown_from = shown_from
        self._watched: list[_Watched] = []
        self._asked = False
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> "Supervisor":
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._ask)
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The signals stay ours until the last child is gone: an impatient second Ctrl-C must not leave half of them.
        for watched in reversed(self._watched):
            watched.child.stop()
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def adopt(self, child: Child) -> None:
        """Watch a child that runs already."""
        self._watched.append(_Watched(child))

    def start(self, spec: Spec) -> Child:
        child = Child(spec)
        child.start()
        self.adopt(child)
        return child

    def run_once(self, spec: Spec) -> None:
        """Run a command to its end. Raises LocalError with its last line when it fails, Stopped when asked to."""
        child = Child(spec)
        child.start()
        try:
            while child.alive():
                self.wait(1.0)
                self.check()
        finally:
            child.stop()
        code = child.exit_code
        if code:
            raise LocalError(f"`{spec.name}` {ended(code)}: {last_line(spec.log)} (log: {self._shown(spec.log)})")

    def run(self) -> None:
        """Until somebody asks us to stop (raises Stopped) or a child cannot be kept running (LocalError)."""
        while True:
            self.check()
            due = [watched.start_at - time.monotonic() for watched in self._watched if watched.start_at is not None]
            self.wait(max(0.0, min([60.0, *due])))

    def wait(self, at_most_s: float) -> None:
        """Sleep until a signal (a child's end is one too) or for so long."""
        if not self._asked:
            select.select([self._read], [], [], at_most_s)
            with suppress(BlockingIOError):
                os.read(self._read, 4096)

    def check(self) -> None:
        """Start again what has ended. Raises Stopped, or LocalError when a child ends too often."""
        if self._asked:
            raise Stopped
        for watched in self._watched:
            if watched.start_at is not None:
                if time.monotonic() >= watched.start_at:
                    watched.start_at = None
                    watched.child.start()
            elif not watched.child.alive():
                self._note_exit(watched)

    def _note_exit(self, watched: _Watched) -> None:
        child, now = watched.child, time.monotonic()
        child.sweep()
        code = child.exit_code
        assert code is not None
        how, log = ended(code), self._shown(child.spec.log)
        watched.exits.append(now)
        while now - watched.exits[0] > self._within_s:
            watched.exits.popleft()
        count = len(watched.exits)
        if count > EXITS_MAX:
            raise LocalError(
                f"{child.spec.name} {how}, the {count}th time within {self._within_s:.0f} s: "
                f"everything is stopped. Its log: {log}"
            )
        # Code 0 is an end like any other: Procrastinate's worker ends so when PostgreSQL goes away.
        watched.start_at = now + self._backoff_s * 2 ** (count - 1)
        say(f"{child.spec.name} {how}; it is started again (log: {log})")

    def _shown(self, path: Path) -> Path:
        if self._shown_from is not None and path.is_relative_to(self._shown_from):
            return path.relative_to(self._shown_from)
        return path

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
