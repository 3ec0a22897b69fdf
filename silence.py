"""The connector of the background worker: a query that is never answered ends the process, it never waits for ever."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import structlog
from procrastinate import PsycopgConnector

log = structlog.get_logger()

# With the next beat, a new start and jobs.STALLED_AFTER_S below half a minute. TCP's own patience is longer, and ends
# nothing where a proxy still acknowledges.
ANSWER_MAX_S = 8.0
_SECOND_LOOK_S = 1.0
EXIT_CODE = 75  # sysexits.h: EX_TEMPFAIL


class Watched(PsycopgConnector):
    """Each query has an end. Procrastinate gives none: sockets that vanish without RST left its worker waiting (1334).

    The process ends as if it were killed, for to cancel a query waits for the same silent server; whoever started it
    starts it again, and what it had begun is found by lease.
    """

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        with _answered_in_time():
            await super().execute_query_async(query, **arguments)

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        with _answered_in_time():
            found: dict[str, Any] = await super().execute_query_one_async(query, **arguments)
        return found

    async def execute_query_all_async(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        with _answered_in_time():
            found: list[dict[str, Any]] = await super().execute_query_all_async(query, **arguments)
        return found


@contextmanager
def _answered_in_time() -> Iterator[None]:
    """Two looks: a loop that was itself held up hears an answer that is there between the first and the second."""
    loop = asyncio.get_running_loop()
    ends = list[asyncio.TimerHandle]()

    def look() -> None:
        ends.append(loop.call_later(_SECOND_LOOK_S, _give_up))

    ends.append(loop.call_later(ANSWER_MAX_S - _SECOND_LOOK_S, look))
    try:
        yield
    finally:
        for end in ends:
            end.cancel()


def _give_up() -> None:
    log.error("worker_database_silent", seconds=ANSWER_MAX_S)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_CODE)
