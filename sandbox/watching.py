"""A thread that looks again and again whether there is something to do; what breaks is logged and looked at again."""

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger("sandbox.watching")


class Watch:
    """Calls what it is given every `every_s` seconds until it is stopped."""

    def __init__(self, name: str, look: Callable[[], object], every_s: float = 1.0) -> None:
        self._name, self._look, self._every_s = name, look, every_s
        self._stopped, self._looking = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"sandbox-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(10)

    def look(self) -> None:
        with self._looking:
            self._look()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                self.look()
            except Exception as error:
                # A trace could hold a member's data.
                log.error("broke", what=self._name, error=type(error).__name__)
