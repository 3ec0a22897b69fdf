"""One process of callers: each has one kept-alive connection and calls again and again; every answer is checked.

Raw sockets and one selector, so that the callers cost little of the machine that they share with what they measure.
`python -m bench.load` reads a Spec as JSON and prints a Result as JSON.
"""

import json
import re
import selectors
import socket
import sys
import time
from dataclasses import asdict, dataclass, field
from urllib.parse import quote_plus

from bench.processes import cpu_s

_STALL_S = 5.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Spec:
    port: int
    path: str
    code: str
    callers: int
    warm_s: float
    measured_s: float
    keys: list[str]
    expect: list[str]
    numbers: list[str]
    """One for each caller; empty where every call comes from a number that never called before."""
    first: int
    """Where this run's own numbers and session ids begin."""
    trees: dict[str, int]
    """Whose CPU time is read at both ends of the window: name -> process id."""


@dataclass(frozen=True)
class Result:
    hops: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    last_hops: int
    """Answers to the last key of a call."""
    cpu_s: dict[str, float]
    wrong: str = ""
    """The first answer that was not what it should be; the run ended there."""


class Wrong(Exception):
    """An answer that is none, or not the right one."""


@dataclass
class _Caller:
    sock: socket.socket
    index: int
    number: str = ""
    session: str = ""
    hop: int = 0
    sent_at: float = 0.0
    got: bytes = b""


@dataclass
class Load:
    spec: Spec
    calls: int = 0
    took: list[float] = field(default_factory=list)
    last_hops: int = 0

    def __post_init__(self) -> None:
        spec = self.spec
        self._texts = [quote_plus("*".join(spec.keys[:hop])) for hop in range(len(spec.keys) + 1)]
        self._expect = [words.encode() for words in spec.expect]
        self._last = len(spec.keys)
        self._code = quote_plus(spec.code)
        self._head = (
            f"POST {spec.path} HTTP/1.1\r\nHost: 127.0.0.1:{spec.port}\r\nUser-Agent: at-ussd-api/1.0.0\r\n"
            "Accept: */*\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
        )

    def _dial(self, caller: _Caller) -> None:
        serial, self.calls = self.spec.first + self.calls, self.calls + 1
        caller.number = self.spec.numbers[caller.index] if self.spec.numbers else f"+6285{serial:09d}"
        caller.session, caller.hop = f"ATUid_{serial:032x}", 0

    def _send(self, caller: _Caller) -> None:
        body = (
            f"phoneNumber=%2B{caller.number[1:]}&serviceCode={self._code}&text={self._texts[caller.hop]}"
            f"&sessionId={caller.session}&networkCode=99999"
        )
        caller.got = b""
        caller.sent_at = time.perf_counter()
        caller.sock.sendall(f"{self._head}{len(body)}\r\n\r\n{body}".encode())

    def _read(self, caller: _Caller) -> bool:
        """Whether the whole answer is here, and right. Raises Wrong."""
        part = caller.sock.recv(65536)
        if not part:
            raise Wrong("the server closed the connection")
        got = caller.got = caller.got + part
        end = got.find(b"\r\n\r\n")
        length = _LENGTH.search(got, 0, end) if end > 0 else None
        if length is None or len(got) < end + 4 + int(length[1]):
            return False
        if not got.startswith(b"HTTP/1.1 200") or not got.startswith(self._expect[caller.hop], end + 4):
            raise Wrong(f"hop {caller.hop}: {got[:12]!r} {got[end + 4 :][:80]!r}")
        return True

    def run(self) -> Result:
        """Warm up, measure, let the open turns end."""
        spec, selector = self.spec, selectors.DefaultSelector()
        for index in range(spec.callers):
            sock = socket.create_connection(("127.0.0.1", spec.port), timeout=_STALL_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            caller = _Caller(sock, index)
            selector.register(sock, selectors.EVENT_READ, caller)
            self._dial(caller)
            self._send(caller)
        self._turns(selector, time.perf_counter() + spec.warm_s)
        self.took, self.last_hops = [], 0
        cpu, begun = self._cpu(), time.perf_counter()
        self._turns(selector, begun + spec.measured_s)
        seconds, after = time.perf_counter() - begun, self._cpu()
        took, last_hops = sorted(self.took), self.last_hops
        self._end(selector, spec.callers)
        return Result(
            hops=len(took),
            seconds=seconds,
            p50_ms=_percentile_ms(took, 0.50),
            p99_ms=_percentile_ms(took, 0.99),
            max_ms=_percentile_ms(took, 1.0),
            last_hops=last_hops,
            cpu_s={name: after[name] - cpu[name] for name in cpu},
        )

    def _cpu(self) -> dict[str, float]:
        return {name: cpu_s(root) for name, root in self.spec.trees.items()}

    def _turns(self, selector: selectors.BaseSelector, until: float) -> None:
        while (now := time.perf_counter()) < until:
            for key, _ in selector.select(min(until - now, _STALL_S)):
                caller: _Caller = key.data
                if self._read(caller):
                    self.took.append(time.perf_counter() - caller.sent_at)
                    if caller.hop == self._last:
                        self.last_hops += 1
                        self._dial(caller)
                    else:
                        caller.hop += 1
                    self._send(caller)

    def _end(self, selector: selectors.BaseSelector, open_turns: int) -> None:
        until = time.perf_counter() + _STALL_S
        while open_turns:
            if time.perf_counter() > until:
                raise Wrong(f"{open_turns} turns got no answer within {_STALL_S:.0f} s")
            for key, _ in selector.select(_STALL_S):
                if self._read(key.data):
                    selector.unregister(key.fileobj)
                    key.data.sock.close()
                    open_turns -= 1


def _percentile_ms(ordered: list[float], part: float) -> float:
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1000 if ordered else 0.0


def main() -> int:
    spec = Spec(**json.load(sys.stdin))
    try:
        result = Load(spec).run()
    except (Wrong, OSError) as error:
        result = Result(0, 0.0, 0.0, 0.0, 0.0, 0, {}, wrong=f"{type(error).__name__}: {error}")
    json.dump(asdict(result), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
