"""What each part of the running stack holds of the machine's memory, after calls have warmed it."""

from collections.abc import Mapping

from bench.processes import Memory, memory, tree
from bench.running import Stack


def of_stack(stack: Stack) -> Mapping[str, Memory]:
    """Each part, then the supervisor alone, then the sum of all."""
    parts = {name: memory(pid) for name, pid in stack.parts.items()}
    whole = memory(stack.pid)
    others = [parts[name] for name in parts]
    supervisor = Memory(
        len(tree(stack.pid)) - sum(part.processes for part in others),
        whole.rss_mb - sum(part.rss_mb for part in others),
        whole.pss_mb - sum(part.pss_mb for part in others),
    )
    return {**parts, "supervisor": supervisor, "all of `make run`": whole}
