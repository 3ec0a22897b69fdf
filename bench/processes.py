"""What Linux tells of a process and its children: CPU time, memory, command line."""

import os
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """`rss_mb` counts shared pages in every process; `pss_mb` shares them out, so only it may be summed."""

    processes: int
    rss_mb: float
    pss_mb: float
    largest_mb: float
    """RSS of the biggest of the processes."""


def _stat(pid: int) -> list[str]:
    """The fields behind the name, from the state on; empty where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def children_of(pid: int) -> list[int]:
    return _by_parent()[pid]


def _by_parent() -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := _stat(int(name))):
            found[int(stat[1])].append(int(name))
    return found


def tree(root: int) -> list[int]:
    """`root` and all that descends from it."""
    by_parent, pids = _by_parent(), [root]
    for pid in pids:
        pids.extend(by_parent[pid])
    return pids


def cpu_s(root: int) -> float:
    """User and system seconds of the whole tree so far, its ended children included; steps of 10 ms."""
    return sum(int(ticks) for pid in tree(root) if (stat := _stat(pid)) for ticks in stat[11:15]) / _TICKS


def memory(root: int, *, alone: bool = False) -> Memory:
    """Of the tree, or of `root` without its children."""
    pids = [root] if alone else tree(root)
    rss = [_rolled_up(pid, "Rss:") for pid in pids]
    return Memory(len(pids), sum(rss), sum(_rolled_up(pid, "Pss:") for pid in pids), max(rss))


def _rolled_up(pid: int, field: str) -> float:
    """Megabytes; 0 where the process ended meanwhile."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    return 0.0


def command_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    except OSError:
        return []
