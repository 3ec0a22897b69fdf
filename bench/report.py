"""Turns what was measured into tables for a person and one JSON file; judges nothing but the issue's own limits."""

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.pins import PIN_CALLERS, PLAIN_CALLERS, PinCost, PinRound
from bench.processes import Memory
from bench.windows import CALLERS, Size, Window

_WIDTH = 118
# Issue 2, "Speed".
_LIMITS_MB = {"web": 130, "worker": 150, "all of `make run`": 700}
_CPU_RATIO_MAX, _PIN_MS_MAX, _START_S_MAX = 1.5, 25, 10


@dataclass(frozen=True)
class Measured:
    size: Size
    windows: Sequence[Window]
    reads: Mapping[str, list[list[Any]]]
    pin_cost: PinCost
    pin_rounds: Sequence[PinRound]
    memory: Mapping[str, Memory]
    first_start_s: float
    second_start_s: float
    load_before: float


def _table(title: str, *columns: str, left: int = 1) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i < left else "right")
    return table


def _of(windows: Sequence[Window], callers: int, what: str) -> list[Window]:
    return [window for window in windows if window.callers == callers and window.what == what]


def ratios(windows: Sequence[Window], callers: int, what: str, value: Callable[[Window], float]) -> list[float]:
    """`what` by the floor, round by round: a machine that slows down slows both."""
    pairs = zip(_of(windows, callers, what), _of(windows, callers, "floor"), strict=True)
    return [value(product) / value(floor) for product, floor in pairs]


def _hops_table(measured: Measured) -> Table:
    rounds = measured.size.rounds
    table = _table(
        f"Hops of 5-hop calls, medians of {rounds} round(s); x = times the floor in the same round",
        *(
            "callers",
            "call",
            "hops/s",
            "x",
            "p50 ms",
            "p99 ms",
            "web CPU ms/hop",
            "x (least-most)",
            "stores CPU ms/hop",
        ),
        left=2,
    )
    for callers in CALLERS:
        for what in dict.fromkeys(window.what for window in measured.windows):
            found = _of(measured.windows, callers, what)
            cpu = ratios(measured.windows, callers, what, lambda window: window.web_cpu_ms)
            speed = ratios(measured.windows, callers, what, lambda window: window.hops_a_second)
            table.add_row(
                str(callers),
                what,
                f"{median(window.hops_a_second for window in found):,.0f}",
                f"{median(speed):.2f}",
                f"{median(window.result.p50_ms for window in found):.2f}",
                f"{median(window.result.p99_ms for window in found):.2f}",
                f"{median(window.web_cpu_ms for window in found):.3f}",
                f"{median(cpu):.2f} ({min(cpu):.2f}-{max(cpu):.2f})",
                f"{median(window.stores_cpu_ms for window in found):.3f}",
                end_section=what != "floor" and what == measured.windows[-1].what,
            )
    table.caption = f"The issue's aim: web CPU of a hop at most {_CPU_RATIO_MAX} times the floor's."
    return table


def _reads_table(measured: Measured) -> Table:
    columns = ("call", "hop", "pressed", "screen", "SQL statements", "transactions", "Redis round trips")
    table = _table("What each hop asks of the stores, counted (the floor: 2 Redis round trips)", *columns, left=4)
    for call, hops in measured.reads.items():
        for number, hop in enumerate(hops, 1):
            table.add_row(call, str(number), *(str(value) for value in hop), end_section=number == len(hops))
    return table


def _pin_table(measured: Measured) -> Table:
    rounds, cost = measured.pin_rounds, measured.pin_cost
    table = _table(f"PIN checks (medians of {len(rounds)} round(s))", "what", "value")
    table.add_row(f"one check alone, CPU time (limit {_PIN_MS_MAX} ms)", f"{cost.cpu_ms:.1f} ms")
    table.add_row("the same by the clock, median / worst", _ms(cost.median_ms, cost.worst_ms))
    alone, beside = [r.alone for r in rounds], [r.beside for r in rounds]
    for words, found in (("alone", alone), (f"beside {PIN_CALLERS} callers who check PINs", beside)):
        p50, p99 = median(r.p50_ms for r in found), median(r.p99_ms for r in found)
        speed = median(r.hops / r.seconds for r in found)
        table.add_row(
            f"plain hops of {PLAIN_CALLERS} callers {words}: p50 / p99 ({speed:,.0f} hops/s)", f"{_ms(p50, p99)}"
        )
    table.add_row("PIN checks a second meanwhile", f"{median(r.checks_a_second for r in rounds):.1f}")
    return table


def _ms(*values: float) -> str:
    return " / ".join(f"{value:.1f}" for value in values) + " ms"


def _memory_table(measured: Measured) -> Table:
    table = _table("Memory after calls (MB)", "part", "processes", "RSS", "PSS", "RSS of the largest", "limit")
    for name, held in measured.memory.items():
        limit = str(_LIMITS_MB.get(name, ""))
        table.add_row(
            name, str(held.processes), f"{held.rss_mb:.0f}", f"{held.pss_mb:.0f}", f"{held.largest_mb:.0f}", limit
        )
    table.caption = "Limits: a web process, the worker, all. Shared pages count in every RSS, once in PSS."
    return table


def machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown")
    names = ("flask", "granian", "redis", "hiredis", "sqlalchemy", "psycopg", "argon2-cffi")
    return {
        "cores": os.cpu_count(),
        "cpu": model,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in names},
    }


def show(measured: Measured, console: Console) -> None:
    on = machine()
    packages = ", ".join(f"{name} {number}" for name, number in on["packages"].items())
    console.print(
        f"{datetime.now(UTC):%Y-%m-%d}, {on['cores']} cores ({on['cpu']}), Python {on['python']}, {packages}. "
        f"Load of the machine before: {measured.load_before:.2f}. Callers, web and stores share the cores."
    )
    for table in (_hops_table, _reads_table, _pin_table, _memory_table):
        console.print(table(measured), "")
    console.print(
        f"From `python -m local` to the first answered dial: {measured.second_start_s:.1f} s with data present "
        f"(limit {_START_S_MAX} s), {measured.first_start_s:.1f} s the very first time."
    )


def console() -> Console:
    return Console(width=_WIDTH)


def write(measured: Measured, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), **asdict(measured)}
    path.write_text(json.dumps(found, indent=1) + "\n")
