"""What Linux tells of a process and its children: CPU time, memory, command line."""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """`rss_mb` counts shared pages in every process; `pss_mb` shares them out, so only it may be summed."""

    processes: int
    rss_mb: float
    pss_mb: float


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


def memory(root: int) -> Memory:
    pids = tree(root)
    return Memory(len(pids), _rolled_up(pids, "Rss:"), _rolled_up(pids, "Pss:"))


def _rolled_up(pids: list[int], field: str) -> float:
    kb = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(field):
                kb += int(line.split()[1])
    return kb / 1024


def command_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    except OSError:
        return []
