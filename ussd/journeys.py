"""Journeys in Redis: one round trip to take a caller's place and lock it, one to put it back; all of it sealed."""

import hashlib
import itertools
import json
import os
import secrets
import time
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError, TimeoutError

from sealing import Keyring, Unreadable
from ussd.journey import MENU_VERSION, Journey

JOURNEY_TTL_S = 24 * 3600
# A call with nothing to take up is remembered as long as it may last and a gateway may repeat its last turn.
CALL_TTL_S = 600
# No call lasts longer (gateways.md 2.4: 180 s); a PIN's hash is kept apart and dies with it.
SECRETS_TTL_S = 300
LANGUAGE_TTL_S = 400 * 24 * 3600
SESSION_TTL_S = 600
# Longer than any hop may take; then a dead process's lock is gone and the caller's next key goes through.
LOCK_MS = 3000
# As long as one caller waits for an answer: more callers than threads would otherwise wait for each other's waiting.
_SHUT_S = 0.5

_HOLD = """
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return {1, redis.call('GET', KEYS[1]) or '', redis.call('GET', KEYS[3]) or '', redis.call('GET', KEYS[4]) or ''}
end
return {0}
"""
_SAVE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
if ARGV[4] ~= '' then redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[5]) end
redis.call('DEL', KEYS[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
# Redis names a script by the SHA-1 of its text; that is its protocol, not our choice of a hash.
_SHA = {script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest() for script in (_HOLD, _SAVE, _RELEASE)}


class LostHold(Exception):
    """The lock ran out while the turn was worked on; another turn may have gone on from the old place."""


@dataclass(frozen=True)
class Held:
    """A caller's place, ours alone until saved, released or LOCK_MS later."""

    caller: str
    token: str
    journey: Journey | None
    language: str


class Journeys:
    def __init__(self, redis: Redis, keys: Keyring) -> None:
        self._box = keys.shared
        self._redis = redis
        self._shut_until = 0.0
        # A hold's token has to be its own in all processes, not secret: a random one each time would let go of the GIL.
        self._us, self._holds = secrets.token_hex(8), itertools.count()

    def _run(self, script: str, keys: tuple[str, ...], *values: str | bytes | int) -> Any:
        """A script by its hash; sent whole where the server does not know it yet (or any more)."""
        try:
            return self._redis.evalsha(_SHA[script], len(keys), *keys, *values)
        except NoScriptError:
            return self._redis.eval(script, len(keys), *keys, *values)
        except TimeoutError:
            self._shut_until = time.monotonic() + _SHUT_S
            raise

    @staticmethod
    def _keys(caller: str) -> tuple[str, str, str, str]:
        # The braces keep one caller's four keys on one node of a Redis Cluster.
        return (f"j:{{{caller}}}", f"k:{{{caller}}}", f"l:{{{caller}}}", f"p:{{{caller}}}")

    def hold(self, caller: str) -> Held | None:
        """Take the place of `caller` (a blind index in hex); None while another turn of the same phone holds it.

        A journey of another menu version or key is as good as none. Raises redis' TimeoutError at once for a while
        after a silence; only here, since a turn that has begun had better try to keep its place.
        """
        if time.monotonic() < self._shut_until:
            raise TimeoutError("silent a moment ago")
        token = f"{self._us}:{os.getpid()}:{next(self._holds)}"
        found = self._run(_HOLD, self._keys(caller), token, LOCK_MS)
        if not found[0]:
            return None
        return Held(caller, token, self._open(caller, found[1], found[3]), found[2].decode())

    def _open(self, caller: str, sealed: bytes, secrets_sealed: bytes) -> Journey | None:
        if not sealed:
            return None
        try:
            journey = Journey.loads(self._box.open(sealed, caller))
            if not journey.secrets:
                return journey if journey.menu == MENU_VERSION else None
            kept = json.loads(self._box.open(secrets_sealed, f"{caller} secrets")) if secrets_sealed else {}
        except (Unreadable, ValueError, TypeError):
            return None
        return journey.with_answers(kept) if kept else journey.dropped()

    def save(self, held: Held, journey: Journey) -> None:
        """Put the place back and let the next turn in. Raises LostHold where the lock had run out."""
        journey_key, lock_key, language_key, secrets_key = self._keys(held.caller)
        if journey.language != held.language and (held.language or journey.language != "id"):
            self._redis.set(language_key, journey.language, ex=LANGUAGE_TTL_S)
        hidden = {name: journey.answers[name] for name in journey.secrets if name in journey.answers}
        kept = journey.without(hidden) if hidden else journey
        sealed = self._box.seal(kept.dumps(), held.caller)
        secret = self._box.seal(json.dumps(hidden), f"{held.caller} secrets") if hidden else b""
        ttl_s = JOURNEY_TTL_S if journey.worth_resuming else CALL_TTL_S
        keys = (journey_key, lock_key, secrets_key)
        if not self._run(_SAVE, keys, held.token, sealed, ttl_s, secret, SECRETS_TTL_S):
            raise LostHold

    def release(self, held: Held) -> None:
        """Let the next turn in with the place as it was."""
        self._run(_RELEASE, self._keys(held.caller)[1:2], held.token)

    def owns_session(self, session: str, caller: str) -> bool:
        """Whether a gateway's session began with this caller: another phone on it is turned away."""
        key = f"s:{session}"
        first = self._redis.set(key, caller, nx=True, get=True, ex=SESSION_TTL_S)
        return first is None or first == caller.encode()
