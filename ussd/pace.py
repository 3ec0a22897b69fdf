"""A limit for a whole web process: what comes beyond it is answered without asking Redis or the database."""

import threading


class Pace:
    """As many turns in each second as `per_s` says, 0 for all."""

    def __init__(self, per_s: int) -> None:
        self._per_s, self._second, self._taken = per_s, 0, 0
        self._lock = threading.Lock()

    def admits(self, now_s: float) -> bool:
        if not self._per_s:
            return True
        with self._lock:
            if int(now_s) != self._second:
                self._second, self._taken = int(now_s), 0
            self._taken += 1
            return self._taken <= self._per_s
