"""How often somebody may try to log in: by name and address together, and by each alone; counted in Valkey."""

from redis import Redis

_WINDOW_S = 15 * 60
# A person mistypes a few times; one address may be a whole branch behind its router.
PAIR_TRIES_MAX, NAME_TRIES_MAX, ADDRESS_TRIES_MAX = 5, 30, 100


class TooMany(Exception):
    """Nothing is looked at any more before the window is over."""


class Limits:
    """Failed tries alone are counted: who logs in often is nobody to be kept out."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def check(self, name: bytes, address: str) -> None:
        """Raises TooMany. `name` is a blind index: Valkey learns no login names."""
        keys = _keys(name, address)
        counts = self._redis.mget(list(keys))
        if any(int(count or 0) >= most for count, most in zip(counts, keys.values(), strict=True)):
            raise TooMany

    def failed(self, name: bytes, address: str) -> None:
        with self._redis.pipeline(transaction=True) as pipe:
            for key in _keys(name, address):
                pipe.incr(key)
                # From the first try on, and not pushed back by those that follow.
                pipe.expire(key, _WINDOW_S, nx=True)
            pipe.execute()

    def forget(self, name: bytes, address: str) -> None:
        """Whoever was let in starts anew from there; the other counts stay."""
        self._redis.delete(next(iter(_keys(name, address))))


def _keys(name: bytes, address: str) -> dict[str, int]:
    return {
        f"console:tries:{name.hex()}:{address}": PAIR_TRIES_MAX,
        f"console:tries:{name.hex()}": NAME_TRIES_MAX,
        f"console:tries:@{address}": ADDRESS_TRIES_MAX,
    }
