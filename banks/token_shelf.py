"""One B2B token of a bank for all our processes: sealed in Valkey, fetched by one of them while the others wait.

Valkey away or full costs nothing but tokens: each process then fetches its own, as if there were no shelf.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from redis import Redis
from redis.exceptions import LockError, RedisError

from sealing import Box, Unreadable

log = structlog.get_logger()

# Above what a token call takes with the usual time-outs (banks/settings.py). Who has waited so long fetches a token of
# its own, and a fetcher that died keeps nobody longer.
TURN_S: Final = 25.0
_LOOK_S: Final = 0.05


@dataclass(frozen=True)
class Token:
    text: str = field(repr=False)
    until: datetime


class TokenShelf:
    """Shared by threads and processes. Raises what `fetch` raises, and nothing else."""

    def __init__(self, redis: Redis, box: Box) -> None:
        self._redis, self._box = redis, box

    def token(self, bank: str, owner: str, stale: str | None, now: datetime, fetch: Callable[[], Token]) -> Token:
        """The token on the shelf of `bank`, unless it is `stale` or over; else a fetched one, which is left there.

        `owner` is who the bank gave it to and where; under another one it is not read.
        """
        held = self._held(bank, owner, stale, now)
        if held is not None:
            return held
        with self._turn(bank):
            # Who had the turn before us may have fetched it.
            held = self._held(bank, owner, stale, now)
            if held is not None:
                return held
            fetched = fetch()
            self._put(bank, owner, fetched, now)
            return fetched

    def _held(self, bank: str, owner: str, stale: str | None, now: datetime) -> Token | None:
        try:
            sealed = self._redis.get(_key(bank))
            if not isinstance(sealed, bytes):
                return None
            text, until = json.loads(self._box.open(sealed, _about(bank, owner)))
        except (RedisError, Unreadable):
            return None
        token = Token(text, datetime.fromisoformat(until))
        return token if token.text != stale and now < token.until else None

    def _put(self, bank: str, owner: str, token: Token, now: datetime) -> None:
        life_ms = int((token.until - now).total_seconds() * 1000)
        if life_ms > 0:
            sealed = self._box.seal(json.dumps([token.text, token.until.isoformat()]), _about(bank, owner))
            with suppress(RedisError):
                self._redis.set(_key(bank), sealed, px=life_ms)

    @contextmanager
    def _turn(self, bank: str) -> Iterator[None]:
        lock = self._redis.lock(f"{_key(bank)}:turn", timeout=TURN_S, sleep=_LOOK_S, blocking_timeout=TURN_S)
        try:
            mine = lock.acquire()
        except RedisError as error:
            log.warning("bank_token_not_shared", bank=bank, kind=type(error).__name__)
            mine = False
        try:
            yield
        finally:
            if mine:
                with suppress(RedisError, LockError):
                    lock.release()


def _key(bank: str) -> str:
    return f"bank:token:{bank}"


def _about(bank: str, owner: str) -> str:
    return f"bank.token:{bank}:{owner}"
