"""A steady stream against a running stack: callers who browse, members who enrol and authorise, texts. No test."""

import http.client
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from bench.running import Stack, post
from config import SANDBOX_USSD_CODE
from handset.phone import NotAnAnswer, Phone
from tests.people import PIN, SUKAMAJU

PAUSE_S = 0.05
BROUGHT_AGAIN_S = 1.0


@dataclass
class Stream:
    """`took` is how long each answered hop did, `away` the moments of those that nobody answered."""

    stack: Stack
    hops: int = 0
    took: list[float] = field(default_factory=list)
    away: list[float] = field(default_factory=list)
    texts: int = 0
    members: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)
    _serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def phone(self, number: str) -> Phone:
        return Phone(number, self._post, lambda _number: [], code=SANDBOX_USSD_CODE)

    def _post(self, path: str, form: Mapping[str, str]) -> tuple[int, str]:
        """As a gateway would; an SMS is brought again until it was taken."""
        begun = time.monotonic()
        try:
            answer = post(self.stack.port, path, form)
        except (OSError, http.client.HTTPException):
            with self._lock:
                self.away.append(begun)
            raise ConnectionError from None
        took_s = time.monotonic() - begun
        with self._lock:
            self.hops += 1
            if path.startswith("/ussd"):
                self.took.append(took_s)
        return answer

    def start(self) -> None:
        for work in (self._browse, self._browse, self._join, self._text):
            thread = threading.Thread(target=self._again, args=(work,))
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _again(self, work: Callable[[int], None]) -> None:
        while not self._stop.is_set():
            with suppress(ConnectionError, NotAnAnswer):
                work(next(self._serial))
            self._stop.wait(PAUSE_S)

    def _browse(self, serial: int) -> None:
        phone = self.phone(f"+6281{serial:09d}")
        phone.dial()
        phone.press("1", "0", "1", "00")

    def _join(self, serial: int) -> None:
        """A whole enrolment with autodebit; broken off anywhere, nobody takes it up again."""
        phone = self.phone(f"+6285{serial:09d}")
        phone.dial()
        phone.press("1", f"35990117{8 + serial // 9000:02d}90{serial % 9000 + 1:04d}", "Peserta Arus", "4", SUKAMAJU)
        phone.press("1", "1", "2", PIN, PIN)
        phone.read_on()
        if "autodebit" not in phone.press("1").lower():
            return
        phone.press("1", "1", f"114{serial:06d}7", "1", "2")
        phone.read_on()
        phone.press("1", PIN)
        self.members += 1

    def _text(self, serial: int) -> None:
        form = {
            "from": f"+6287{serial:09d}",
            "to": "IURAN",
            "text": "SALDO",
            "date": "2026-11-27",
            "id": f"in-{serial}",
        }
        while not self._stop.is_set():
            with suppress(ConnectionError):
                if self._post("/sms/africastalking/inbound", form)[0] == http.HTTPStatus.OK:
                    self.texts += 1
                    return
            self._stop.wait(BROUGHT_AGAIN_S)
