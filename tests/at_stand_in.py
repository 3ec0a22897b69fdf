"""Africa's Talking on a bad day, on loopback, as its documents describe it: throttles, times out after accepting,
breaks, answers 201 with nobody in it, and reports early, late, twice, in any order or never.

It shares no code with the sandbox's gateway, nor with our client. What it does to a text is drawn from a seed.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs

Report = Mapping[str, str]
Bring = Callable[[Report], None]

FINE, THROTTLED, HANGS, BROKEN, EMPTY, INTERNAL = "fine", "throttled", "hangs", "broken", "empty", "internal"
"""What is done to one request; of these FINE, HANGS and BROKEN have taken the text."""
TAKES: Final = (FINE, HANGS, BROKEN)
HANG_S: Final = 1.0


class BadDay:
    """`taken` counts the texts of each number that reached a phone's network; `bring` is where reports go."""

    def __init__(self, seed: int, weights: Mapping[str, int], bring: Bring) -> None:
        self.taken, self.done = Counter[str](), Counter[str]()
        self._chance, self._weights, self._bring = random.Random(seed), dict(weights), bring
        self._lock = threading.Lock()
        self._reports: list[Report] = []

    def decide(self, number: str) -> tuple[str, str]:
        """What is done to this text, and the id it gets where it is taken."""
        with self._lock:
            what = self._chance.choices(list(self._weights), list(self._weights.values()))[0]
            self.done[what] += 1
            if what not in TAKES:
                return what, ""
            self.taken[number] += 1
            named = f"ATXid_{self.taken.total()}"
            early = self._note(named, number)
        if early:
            # Before its own answer has left, so before any commit of ours.
            self._bring(early)
        return what, named

    def _note(self, named: str, number: str) -> Report | None:
        """Keeps what is to be reported of a text; what is to be reported at once."""
        report = {"id": named, "status": "Success", "phoneNumber": number, "networkCode": "63902"}
        when = self._chance.choice(["early", "late", "twice"])
        if when == "early":
            return report
        self._reports += [report] if when == "late" else [{**report, "status": "Sent"}, report, report]
        return None

    def bring_all(self) -> int:
        """All that are not brought yet, shuffled; how many."""
        with self._lock:
            reports, self._reports = self._reports, []
            self._chance.shuffle(reports)
        for report in reports:
            self._bring(report)
        return len(reports)

    def calm(self) -> None:
        with self._lock:
            self._weights = {FINE: 1}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    day: BadDay

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        number = form["to"][0]
        what, named = self.day.decide(number)
        if what == THROTTLED:
            self._answer(429, b"Too many requests")
        elif what == INTERNAL:
            self._answer(201, _told([{"statusCode": 501, "number": number, "status": "GatewayError", "cost": "0"}]))
        elif what == EMPTY:
            self._answer(201, _told([], "InsufficientBalance"))
        elif what == BROKEN:
            self._answer(502, b"<html>bad gateway</html>")
        else:
            if what == HANGS:
                time.sleep(HANG_S)
            ok = {"statusCode": 101, "number": number, "status": "Success", "cost": "KES 0.8000", "messageId": named}
            self._answer(201, _told([ok]))

    def _answer(self, status: int, body: bytes) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            # In one packet: two of them wait for each other's acknowledgement.
            self.wfile.write(head.encode() + body)
        except OSError:
            # Who waited has hung up.
            self.close_connection = True

    def log_message(self, *given: object) -> None:
        """A log of every text would be of no use."""


def _told(recipients: list[dict[str, object]], message: str = "Sent to 1/1") -> bytes:
    return json.dumps({"SMSMessageData": {"Message": message, "Recipients": recipients}}).encode()


@contextmanager
def bad_day(seed: int, weights: Mapping[str, int], bring: Bring) -> Iterator[tuple[str, BadDay]]:
    """Its address as AT_API_URL wants it, and what it did."""
    day = BadDay(seed, weights, bring)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"day": day}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/version1", day
    finally:
        server.shutdown()
        server.server_close()
