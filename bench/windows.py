"""Runs the callers' processes, one window of time after the other, and gives back what they measured."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from redis import Redis

from bench.calls import Call
from bench.errors import BenchError
from bench.load import Result, Spec
from bench.running import PROJECT, TURN, Floor, Stack
from config import SANDBOX_USSD_CODE

CALLERS = (1, 16, 64)
_ENDS_WITHIN_S = 20.0
_NUMBERS_A_WINDOW = 1_000_000


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int
    warm_s: float
    measured_s: float


@dataclass(frozen=True)
class Window:
    round: int
    callers: int
    what: str
    result: Result

    @property
    def hops_a_second(self) -> float:
        return self.result.hops / self.result.seconds

    @property
    def web_cpu_ms(self) -> float:
        """CPU of the web server's processes for one hop."""
        return self.result.cpu_s["web"] / self.result.hops * 1000

    @property
    def stores_cpu_ms(self) -> float:
        """CPU of Valkey and PostgreSQL for one hop."""
        return (self.result.cpu_s["valkey"] + self.result.cpu_s["postgres"]) / self.result.hops * 1000


class Callers:
    """One process of callers that runs; ended by `result` or by leaving the context."""

    def __init__(self, spec: Spec) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(spec)))
        self._process.stdin.close()
        self._process.stdin = None
        self._within_s = spec.warm_s + spec.measured_s + _ENDS_WITHIN_S

    def __enter__(self) -> "Callers":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def result(self) -> Result:
        """Raises BenchError when an answer was wrong or did not come."""
        try:
            out, _ = self._process.communicate(timeout=self._within_s)
            result = Result(**json.loads(out))
        except (subprocess.TimeoutExpired, ValueError, TypeError) as error:
            raise BenchError(f"the callers' process failed: {type(error).__name__}") from None
        if result.wrong or not result.hops:
            raise BenchError(f"a wrong answer: {result.wrong or 'none at all'}")
        return result


class Field:
    """Where windows are run: the stack, the floor, and numbers that no window shares with another."""

    def __init__(self, stack: Stack, floor: Floor, size: Size) -> None:
        self.stack, self.floor, self.size = stack, floor, size
        self._redis = Redis.from_url(stack.environ["REDIS_URL"])
        self._windows = random.SystemRandom().randrange(100, 500)

    def spec(self, call: Call, callers: int, measured_s: float, numbers: tuple[str, ...] = ()) -> Spec:
        self._windows += 1
        web = (self.floor.pid, self.floor.port) if call.name == "floor" else (self.stack.parts["web"], self.stack.port)
        return Spec(
            port=web[1],
            path=TURN,
            code=SANDBOX_USSD_CODE,
            callers=callers,
            warm_s=self.size.warm_s,
            measured_s=measured_s,
            keys=list(call.keys),
            expect=list(call.expect),
            numbers=list(numbers),
            first=self._windows * _NUMBERS_A_WINDOW,
            trees={"web": web[0], "valkey": self.stack.parts["valkey"], "postgres": self.stack.parts["postgres"]},
        )

    def forget_calls(self) -> None:
        """Every window begins with an empty Valkey: 24 h of kept journeys do not fit into a few minutes."""
        self._redis.flushdb()


def hop_windows(field: Field, calls: Mapping[str, Call]) -> Iterator[Window]:
    """Floor, product, floor, product ...: each round has every number of callers and every call."""
    for number in range(field.size.rounds):
        for callers in CALLERS:
            for what, call in calls.items():
                field.forget_calls()
                with Callers(field.spec(call, callers, field.size.measured_s)) as running:
                    yield Window(number, callers, what, running.result())
