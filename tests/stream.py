"""Callers and texts without a pause, who try again as people and gateways do; they keep what was answered, how late."""

import http.client
import itertools
import threading
import time
from dataclasses import dataclass, field
from functools import partial

from bench.running import post
from handset.phone import NotAnAnswer, Phone
from tests.people import SITI

TROUBLE = ("gangguan", "Coba lagi", "coba lagi", "sibuk")
ANSWER_S = 2.0
LOST = (OSError, http.client.HTTPException, NotAnAnswer)


def is_trouble(screen: str) -> bool:
    return any(word in screen for word in TROUBLE)


@dataclass
class Stream:
    """From `begin` to `end` each port has a caller, and the first that answers takes the texts."""

    ports: tuple[int, ...]
    took_s: list[tuple[float, float]] = field(default_factory=list)
    """(when, how long) of each hop that was answered."""
    unanswered: int = 0
    """No process listened: it had been killed."""
    troubled: int = 0
    left: list[str] = field(default_factory=list)
    """Numbers whose name was taken, and whose call was dropped then."""
    texts: dict[str, str] = field(default_factory=dict)
    """Gateway id of each text that was answered 200, and who sent it."""
    _over: threading.Event = field(default_factory=threading.Event)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        works = [(self._call, (port,)) for port in self.ports]
        self._threads = [threading.Thread(target=run, args=given) for run, given in works]
        self._threads.append(threading.Thread(target=self._text))
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _call(self, port: int) -> None:
        while not self._over.wait(0.1):
            n = next(self._numbers)
            phone = Phone(f"+62813{n:08d}", lambda path, form: self._timed(port, path, form), lambda _number: [])
            try:
                phone.dial()
                for key in ("1", f"359901{1 + n % 28:02d}0885{n:04d}", SITI):
                    if not phone.live:
                        break
                    phone.press(key)
            except LOST:
                self.unanswered += 1
                continue
            if phone.live:
                self.left.append(phone.number)
            elif is_trouble(phone.screen):
                self.troubled += 1

    def _timed(self, port: int, path: str, form: object) -> tuple[int, str]:
        begun = time.monotonic()
        answer = post(port, path, form)  # type: ignore[arg-type]
        self.took_s.append((begun, time.monotonic() - begun))
        return answer

    def _text(self) -> None:
        while not self._over.wait(0.3):
            n = next(self._numbers)
            gateway_id, number = f"chaos-{n}", f"+62815{n:08d}"
            # A gateway repeats until it hears 200.
            while not self._over.is_set():
                for port in self.ports:
                    phone = Phone(number, partial(post, port), lambda _number: [])
                    try:
                        taken = phone.text("BANTUAN", gateway_id) == http.HTTPStatus.OK
                    except LOST:
                        taken = False
                    if taken:
                        self.texts[gateway_id] = number
                        break
                if gateway_id in self.texts or self._over.wait(0.5):
                    break
