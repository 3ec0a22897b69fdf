"""What a PIN check costs by itself, and what plain hops wait for while four callers check PINs without a pause."""

import base64
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from bench.calls import NAME, PIN, Call
from bench.errors import BenchError
from bench.load import Result
from bench.running import Stack, post
from bench.windows import Callers, Field
from config import SANDBOX_SECRETS
from handset.phone import Phone
from sealing import Keyring

PLAIN_CALLERS, PIN_CALLERS = 16, 4
_CHECKS = 60


@dataclass(frozen=True)
class PinCost:
    median_ms: float
    worst_ms: float
    cpu_ms: float
    """The median again without the waiting for a core that other work has: what is steady on a shared machine."""


@dataclass(frozen=True)
class PinRound:
    """One round: plain hops alone, plain hops beside PIN callers, and those PIN callers."""

    alone: Result
    beside: Result
    pins: Result

    @property
    def checks_a_second(self) -> float:
        return self.pins.last_hops / self.pins.seconds


def cost() -> PinCost:
    """Of one check, in a process that does nothing else."""
    data, index, pepper = (base64.b64decode(SANDBOX_SECRETS[name]) for name in ("DATA_KEY", "INDEX_KEY", "PIN_PEPPER"))
    keys = Keyring(data, index, pepper)
    kept, took, cpu = keys.hash_pin(PIN), [], []
    for _ in range(_CHECKS):
        begun, cpu_begun = time.perf_counter(), time.process_time()
        if not keys.is_pin(PIN, kept):
            raise BenchError("a right PIN was refused")
        took.append((time.perf_counter() - begun) * 1000)
        cpu.append((time.process_time() - cpu_begun) * 1000)
    return PinCost(statistics.median(took), max(took), statistics.median(cpu))


def enrol_members(stack: Stack, done: str) -> tuple[str, ...]:
    """As many members as there are PIN callers, enrolled as anybody is; `done` is how their last screen begins."""
    numbers = []
    for index in range(PIN_CALLERS):

        def send(path: str, form: Mapping[str, str]) -> tuple[int, str]:
            return post(stack.port, path, form)

        phone = Phone(f"+628570000000{index}", send, lambda _number: [])
        phone.dial()
        phone.press("1", f"359901450385100{index}", NAME, "1", "1", "1", "2", PIN, PIN)
        phone.read_on()
        if not f"CON {phone.press('1')}".startswith(done):
            raise BenchError(f"the enrolment of a member for the PIN checks ended at: {phone.screen[:60]!r}")
        numbers.append(phone.number)
    return tuple(numbers)


def rounds(field: Field, plain: Call, balance: Call, members: tuple[str, ...]) -> list[PinRound]:
    found = []
    measured_s, warm_s = field.size.measured_s, field.size.warm_s
    plain_spec = partial(field.spec, plain, PLAIN_CALLERS, measured_s)
    for _ in range(field.size.rounds):
        field.forget_calls()
        with Callers(plain_spec()) as running:
            alone = running.result()
        field.forget_calls()
        # The PIN callers' window covers that of the plain ones, whose process starts a little later.
        with (
            Callers(field.spec(balance, PIN_CALLERS, measured_s + warm_s + 1.0, members)) as pin_callers,
            Callers(plain_spec()) as running,
        ):
            found.append(PinRound(alone, running.result(), pin_callers.result()))
    return found
