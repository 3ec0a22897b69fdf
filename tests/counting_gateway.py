"""Africa's Talking's messaging on loopback, as its documents describe it: counts what each number was sent.

It shares no code with the sandbox's gateway, nor with our client.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


class CountingGateway:
    """`by_number` are the texts that each number was sent; `ids` the gateway's id of each."""

    def __init__(self) -> None:
        self.by_number = Counter[str]()
        self.ids: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def texts(self) -> int:
        with self._lock:
            return self.by_number.total()

    def take(self, number: str) -> str:
        with self._lock:
            self.by_number[number] += 1
            self.ids[number] = f"ATXid_{len(self.ids)}"
            return self.ids[number]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gateway: CountingGateway

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        number = form["to"][0]
        recipient = {"statusCode": 101, "number": number, "status": "Success", "cost": "KES 0.8000"}
        told = {"Message": "Sent to 1/1", "Recipients": [{**recipient, "messageId": self.gateway.take(number)}]}
        body = json.dumps({"SMSMessageData": told}).encode()
        head = f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        # In one packet: two of them wait for each other's acknowledgement.
        self.wfile.write(head.encode() + body)

    def log_message(self, *given: object) -> None:
        """A log of every text would be of no use."""


@contextmanager
def counting_gateway() -> Iterator[tuple[str, CountingGateway]]:
    """Its address as AT_API_URL wants it, and what it counted."""
    gateway = CountingGateway()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"gateway": gateway}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/version1", gateway
    finally:
        server.shutdown()
        server.server_close()
