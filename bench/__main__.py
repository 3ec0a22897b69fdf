"""`python -m bench` measures everything on real servers in one run; `--quick` only shows that it works."""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from bench import memory, pins, report
from bench.calls import balance_call, enrolling_call, floor_call, menu_call
from bench.errors import BenchError
from bench.running import PROJECT, Stack, own_folder, running_floor, running_stack
from bench.windows import Field, Size, Window, hop_windows
from local.process import LocalError
from texts import load_texts

FULL, QUICK = Size(rounds=3, warm_s=0.5, measured_s=3.0), Size(rounds=1, warm_s=0.3, measured_s=1.0)
_ALL_WITHIN_S = 240
_RESULTS = PROJECT / "var" / "bench" / "results.json"


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _count_reads(stack: Stack) -> dict[str, list[list[Any]]]:
    command = [sys.executable, "-m", "bench.reads"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, env=dict(stack.environ), timeout=60)
    if done.returncode:
        raise BenchError(f"bench.reads failed: {done.stderr.strip()[-500:]}")
    found: dict[str, list[list[Any]]] = json.loads(done.stdout)
    return found


def _hops(field: Field) -> list[Window]:
    texts = load_texts(sandbox=True)
    menu, enrolling = menu_call(texts), enrolling_call(texts)
    windows = []
    for window in hop_windows(field, {"floor": floor_call(enrolling), menu.name: menu, enrolling.name: enrolling}):
        windows.append(window)
        _progress(
            f"round {window.round + 1}, {window.callers:2} callers, {window.what:9}: "
            f"{window.hops_a_second:6,.0f} hops/s, "
            f"p99 {window.result.p99_ms:6.1f} ms, web CPU {window.web_cpu_ms:.3f} ms/hop"
        )
    return windows


def measure(size: Size, folder: Path) -> report.Measured:
    texts, load_before = load_texts(sandbox=True), os.getloadavg()[0]
    _progress("starting everything, the first time")
    with running_stack(folder) as stack:
        first_start_s = stack.started_s
    _progress("starting everything again")
    with running_stack(folder) as stack:
        reads = _count_reads(stack)
        with running_floor(folder, stack) as floor:
            field = Field(stack, floor, size)
            windows = _hops(field)
            _progress("PIN checks")
            members = pins.enrol_members(stack, f"CON {texts.mark}{texts.screen('enrol.done', 'id', {}).text}")
            pin_rounds = pins.rounds(field, menu_call(texts), balance_call(texts), members)
        held, second_start_s = memory.of_stack(stack), stack.started_s
    cost = pins.cost()
    return report.Measured(size, windows, reads, cost, pin_rounds, held, first_start_s, second_start_s, load_before)


def _out_of_time(_signal: int, _frame: FrameType | None) -> None:
    raise BenchError(f"not done within {_ALL_WITHIN_S} s")


def _asked_to_stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: numbers are not to be believed")
    parser.add_argument("--out", type=Path, default=_RESULTS, help="where the numbers are kept as JSON")
    given = parser.parse_args()
    if sys.platform != "linux":
        print("The bench reads /proc: it runs on Linux only.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.signal(signal.SIGTERM, _asked_to_stop)
    signal.alarm(_ALL_WITHIN_S)
    try:
        with own_folder() as folder:
            measured = measure(QUICK if given.quick else FULL, folder)
    except (BenchError, LocalError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        signal.alarm(0)
    report.show(measured, report.console())
    report.write(measured, given.out)
    print(f"All numbers: {given.out}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
