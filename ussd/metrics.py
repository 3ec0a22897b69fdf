"""The funnel as Prometheus reads it, from the counts that all processes share; nothing of it is about a person."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from ports import Ports
from units.clock import jakarta_day
from ussd.funnel import EVENTS, counted
from ussd.journeys import Journeys

NAME = "iuran_ussd_screen"


class _Today(Collector):
    """Counters that start at midnight in Jakarta; Prometheus knows a counter that starts anew."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def collect(self) -> Iterator[CounterMetricFamily]:
        ports = self._ports
        family = CounterMetricFamily(
            NAME, "What callers did on each screen today.", labels=("event", "screen", "language", "gateway")
        )
        day = jakarta_day(ports.clock())
        for place, counts in sorted(counted(Journeys(ports.redis, ports.keys), day).items()):
            for event in EVENTS:
                family.add_metric((event, *place), counts[event])
        yield family


def exposition(ports: Ports) -> bytes:
    """Prometheus' text format. Raises RedisError."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Today(ports))
    return generate_latest(registry)
