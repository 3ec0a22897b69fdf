"""What each part of the running stack holds of the machine's memory, after calls have warmed it."""

from collections.abc import Mapping

from bench.processes import Memory, memory
from bench.running import Stack


def of_stack(stack: Stack) -> Mapping[str, Memory]:
    """Each part, then the supervisor alone, then all together."""
    parts = {name: memory(pid) for name, pid in stack.parts.items()}
    return {**parts, "supervisor": memory(stack.pid, alone=True), "all of `make run`": memory(stack.pid)}
