"""How fast the SMS desk drains what is owed, beside a bare loop of the same HTTP calls, and by how many lanes.

`python -m bench.desk` starts a PostgreSQL, a Valkey and a gateway of its own that answers at once. Both sides send by
the same client; the desk claims, opens, marks and records besides. Databases keep what they were told (fsync is on).
"""

import argparse
import dataclasses
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.callers import running
from bench.errors import BenchError
from bench.running import PROJECT, own_folder
from database import JOB_ANSWER_TIMEOUT_S, make_engine
from gateways.africastalking import AfricasTalkingSms
from insurance.receipts import Owed, owe_all, recipient
from local.process import LocalError
from ports import Ports
from sms.sender import drain

_ROUNDS, _TEXTS = 3, 3_000
_LANES = (1, 2, 4, 10)
# Of a gateway that takes a while, as real ones do: what lanes are for.
_SLOW_S, _SLOW_TEXTS = 0.02, 400
_WORDS = "Iuran Nov 2026 Rp28.400 diterima 26-11-2026. Terlindungi s.d. 30-11-2026. Ref 8F3K2M7Q1R4T. Info BPJS 175"
_RESULTS = PROJECT / "var" / "bench" / "desk.json"


@dataclasses.dataclass(frozen=True)
class Drained:
    lanes: int
    """0: the bare loop."""
    after_s: float
    """How long the gateway takes for each."""
    texts: int
    clock_s: float
    cpu_s: float
    """Of this process: the server's and the gateway's are their own."""

    @property
    def per_s(self) -> float:
        return self.texts / self.clock_s


@contextmanager
def _gateway(after_s: float) -> Iterator[str]:
    """Its address as AT_API_URL wants it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.sms_gateway", str(after_s)], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    try:
        assert process.stdout
        port = process.stdout.readline().strip()
        if not port:
            raise BenchError("the gateway did not start")
        yield f"http://127.0.0.1:{port}/version1"
    finally:
        process.terminate()
        process.wait(10)


def _client(url: str) -> AfricasTalkingSms:
    return AfricasTalkingSms("iuran", "key", sender_id="IURAN", url=url)


def _number(serial: int) -> str:
    return f"+62857{serial:08d}"


@dataclasses.dataclass(frozen=True)
class Gateway:
    url: str
    after_s: float


def _bare(there: Gateway, count: int) -> Drained:
    gateway = _client(there.url)
    gateway.send(_number(0), _WORDS)
    clock, cpu = time.perf_counter(), time.process_time()
    for serial in range(count):
        gateway.send(_number(serial), _WORDS)
    return Drained(0, there.after_s, count, time.perf_counter() - clock, time.process_time() - cpu)


def _owe(ports: Ports, count: int, kind: str) -> None:
    with ports.transaction() as work:
        owe_all(
            work, [Owed(recipient(work, _number(n), "id"), "help_unknown", f"{kind}:{n}", {}) for n in range(count)]
        )


def _drained(ports: Ports, there: Gateway, lanes: int, count: int, kind: str) -> Drained:
    settings = ports.settings.model_copy(update={"SMS_LANES": lanes, "SMS_RATE_PER_S": 10_000, "SMS_DAY_MAX": 1_000})
    ports = dataclasses.replace(ports, settings=settings, sms={"africastalking": _client(there.url)})
    _owe(ports, count, kind)
    with ports.database.connect() as db:
        db.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE messages"))
    taken = [0] * lanes
    barrier = threading.Barrier(lanes + 1)

    def lane(number: int) -> None:
        barrier.wait()
        taken[number] = drain(ports, number)

    threads = [threading.Thread(target=lane, args=(number,)) for number in range(lanes)]
    for thread in threads:
        thread.start()
    barrier.wait()
    clock, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.join()
    spent = Drained(lanes, there.after_s, count, time.perf_counter() - clock, time.process_time() - cpu)
    if sum(taken) != count:
        raise BenchError(f"{sum(taken)} of {count} texts were sent")
    return spent


def measure(ports: Ports, there: Gateway, rounds: int, count: int) -> list[Drained]:
    found = list[Drained]()
    for number in range(rounds):
        found.append(_bare(there, count))
        kind = f"{there.after_s}:{number}"
        found += [_drained(ports, there, lanes, count, f"{kind}:{lanes}") for lanes in _LANES]
        speeds = ", ".join(f"{one.per_s:,.0f}/s" for one in found[-len(_LANES) - 1 :])
        print(f"{1e3 * there.after_s:.0f} ms a text, round {number + 1}: {speeds}", file=sys.stderr, flush=True)
    return found


def show(found: Sequence[Drained]) -> None:
    after_s = found[0].after_s
    table = Table(title=f"Texts drained, of which each takes the gateway {1e3 * after_s:.0f} ms; medians of the rounds")
    for column in ("lanes", "texts/s", "of the bare loop", "CPU ms a text", "of a core"):
        table.add_column(column, justify="right")
    each = {lanes: [one for one in found if one.lanes == lanes] for lanes in (0, *_LANES)}
    for lanes, ones in each.items():
        # Within a round, so that what else the machine did falls on both.
        ratios = [one.per_s / bare.per_s for one, bare in zip(ones, each[0], strict=True)]
        table.add_row(
            str(lanes) if lanes else "bare loop",
            f"{median(one.per_s for one in ones):,.0f}",
            f"{median(ratios):.2f}",
            f"{median(1e3 * one.cpu_s / one.texts for one in ones):.2f}",
            f"{median(one.cpu_s / one.clock_s for one in ones):.2f}",
        )
    Console(width=100).print(table)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.desk", description=__doc__)
    parser.add_argument("--texts", type=int, default=_TEXTS)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--out", type=Path, default=_RESULTS)
    given = parser.parse_args()
    try:
        with own_folder() as folder, running(folder, durable=True) as ports:
            engine = make_engine(
                ports.settings.DATABASE_URL.get_secret_value(),
                answer_timeout_s=JOB_ANSWER_TIMEOUT_S,
                connections_max=max(_LANES) + 1,
            )
            ports = dataclasses.replace(ports, database=engine)
            found = list[list[Drained]]()
            for after_s, count in ((0.0, given.texts), (_SLOW_S, _SLOW_TEXTS)):
                with _gateway(after_s) as url:
                    found.append(measure(ports, Gateway(url, after_s), given.rounds, count))
    except (BenchError, LocalError) as error:
        print(error, file=sys.stderr)
        return 1
    for part in found:
        show(part)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps([dataclasses.asdict(one) for part in found for one in part], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
