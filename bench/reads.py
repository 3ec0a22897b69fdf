"""Counts, in this process and through the product's own code, what each hop of a call asks of the two stores.

`python -m bench.reads` runs with a stack's environment and prints JSON: call -> one list a hop of [what was pressed,
screen, SQL statements, transactions, Redis round trips].
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import event

from app import create_app
from bench.calls import Call, enrolling_call, menu_call
from handset.phone import Phone
from ports import Ports

_NUMBERS = ("+6285000000001", "+6285000000002")


class Counting:
    """Listens at the database engine and at the Redis client."""

    def __init__(self, ports: Ports) -> None:
        self.seen: Counter[str] = Counter()
        event.listen(ports.database, "after_cursor_execute", lambda *_: self._saw("statements"))
        event.listen(ports.database, "begin", lambda *_: self._saw("transactions"))
        redis: Any = ports.redis
        execute = redis.execute_command

        def counted(*words: Any, **options: Any) -> Any:
            self._saw("redis")
            return execute(*words, **options)

        redis.execute_command = counted

    def _saw(self, what: str) -> None:
        self.seen[what] += 1


def count(call: Call, counting: Counting, phone: Phone) -> list[list[Any]]:
    rows = []
    for i, screen in enumerate(call.screens):
        counting.seen.clear()
        words = phone.press(call.keys[i - 1]) if i else phone.dial()
        assert f"CON {words}".startswith(call.expect[i]), words
        seen = counting.seen
        rows.append(
            [call.keys[i - 1] if i else "dial", screen, seen["statements"], seen["transactions"], seen["redis"]]
        )
    return rows


def main() -> int:
    app = create_app()
    ports: Ports = app.extensions["ports"]
    client, counting = app.test_client(), Counting(ports)

    def post(path: str, form: Mapping[str, str]) -> tuple[int, str]:
        answer = client.post(path, data=dict(form))
        return answer.status_code, answer.get_data(as_text=True)

    found = {}
    for make in (menu_call, enrolling_call):
        call = make(ports.texts)
        # Twice, from two numbers: the first connects, loads scripts and fills caches.
        for number in _NUMBERS:
            phone = Phone(number, post, lambda _number: [], code=ports.settings.USSD_CODE)
            found[call.name] = count(call, counting, phone)
        ports.redis.flushdb()
    json.dump(found, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
