"""Journeys in Redis: one round trip to take a caller's place and lock it, one to put it back; all of it sealed."""

import hashlib
import itertools
import json
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
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
# A call without a hop for so long is over: none lasts longer (gateways.md 2.4: 180 s), and its place still stands.
SILENT_S = 300
# The gateway's notice of a call's end is early by the time in which most who mean to will have dialled again.
NOTICED_S = 60
# Calls in flight are looked after every few seconds; what nobody looked after is forgotten with its journey.
WATCHED_TTL_S = JOURNEY_TTL_S
# Longer than a database may be away; counts are written to it every minute.
COUNTS_TTL_S = 7 * 24 * 3600
# A caller's keys and those of all callers of the same share live on one node of a Redis Cluster: the braces say so.
SHARES = "0123456789abcdef"
# As long as one caller waits for an answer: more callers than threads would otherwise wait for each other's waiting.
_SHUT_S = 0.5

_HOLD = """
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then
  local turns = redis.call('INCR', KEYS[5])
  if turns == 1 then redis.call('EXPIRE', KEYS[5], 60) end
  if turns > tonumber(ARGV[3]) then redis.call('DEL', KEYS[2]) return {2} end
  return {1, redis.call('GET', KEYS[1]) or '', redis.call('GET', KEYS[3]) or '', redis.call('GET', KEYS[4]) or ''}
end
return {0}
"""
_TOO_MANY = 2
# What never changes stands in the scripts themselves: each word that is sent costs a hop.
_COUNT = f"""
local function count(name)
  if redis.call('HINCRBY', KEYS[1], name, 1) == 1 then redis.call('EXPIRE', KEYS[1], {COUNTS_TTL_S}) end
end
local function watch(key, due)
  if redis.call('ZADD', key, due, ARGV[1]) == 1 then redis.call('EXPIRE', key, {WATCHED_TTL_S}) end
end
"""
# KEYS: counts, calls in flight, invitations, journey, lock, secrets. ARGV: caller, token, place, its seconds, secrets,
# when the call is looked after, the count of a call before that was dropped; then what else is counted.
_SAVE = (
    _COUNT
    + f"""
if redis.call('GET', KEYS[5]) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[4], ARGV[3], 'EX', ARGV[4])
if ARGV[5] ~= '' then redis.call('SET', KEYS[6], ARGV[5], 'EX', {SECRETS_TTL_S}) end
redis.call('DEL', KEYS[5])
if ARGV[7] ~= '' then
  if redis.call('ZSCORE', KEYS[2], ARGV[1]) then count(ARGV[7]) end
  redis.call('ZREM', KEYS[3], ARGV[1])
end
if ARGV[6] == '' then redis.call('ZREM', KEYS[2], ARGV[1]) else watch(KEYS[2], ARGV[6]) end
for n = 8, #ARGV do count(ARGV[n]) end
return 1
"""
)
# A call that ended without us: counted once, whoever finds it first, and only if it is still the call that was seen.
# KEYS: counts, calls in flight, invitations. ARGV: caller, when it was due, its count, when to invite.
_DROP = (
    _COUNT
    + """
if redis.call('ZSCORE', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
if ARGV[3] ~= '' then count(ARGV[3]) end
if ARGV[4] ~= '' then watch(KEYS[3], ARGV[4]) end
return 1
"""
)
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
# Redis names a script by the SHA-1 of its text; that is its protocol, not our choice of a hash.
_SHA = {
    script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
    for script in (_HOLD, _SAVE, _RELEASE, _DROP)
}


class TooOften(Exception):
    """This number has had as many turns in this minute as it may."""


class LostHold(Exception):
    """The lock ran out while the turn was worked on; another turn may have gone on from the old place."""


@dataclass(frozen=True)
class Held:
    """A caller's place, ours alone until saved, released or LOCK_MS later."""

    caller: str
    token: str
    journey: Journey | None
    language: str
    kept_language: str = ""
    """What Redis has; `language` may come from the rows."""


@dataclass(frozen=True)
class Left:
    """What a hop leaves behind besides the caller's place."""

    day: date
    """Whose counts it belongs to."""
    due_s: int | None
    """When the call is looked after, if nothing more is heard of it; None where we ended it."""
    counts: Sequence[str] = ()
    dropped: str = ""
    """The count of the call before, if that ended without us and nobody noticed it yet."""


@dataclass(frozen=True)
class Watched:
    """A caller whose time has come, and when it had come, by which it is known to be the same call still."""

    caller: str
    due: bytes
    journey: Journey | None


class Journeys:
    def __init__(self, redis: Redis, keys: Keyring, turns_a_minute: int = 60) -> None:
        self._turns_a_minute = turns_a_minute
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
        name = f"{{{caller[0]}}}{caller}"
        return (f"j:{name}", f"k:{name}", f"l:{name}", f"p:{name}")

    @staticmethod
    def _shared(share: str, day: date) -> tuple[str, str, str]:
        """Counts of a day, calls in flight, invitations: each of all callers of a share."""
        return (f"f:{{{share}}}:{day.isoformat()}", f"c:{{{share}}}", f"i:{{{share}}}")

    def hold(self, caller: str) -> Held | None:
        """Take the place of `caller` (a blind index in hex); None while another turn of the same phone holds it.

        A journey of another menu version or key is as good as none. Raises TooOften, and redis' TimeoutError at once
        for a while after a silence; only here, since a turn that has begun had better try to keep its place.
        """
        if time.monotonic() < self._shut_until:
            raise TimeoutError("silent a moment ago")
        token = f"{self._us}:{os.getpid()}:{next(self._holds)}"
        keys = (*self._keys(caller), f"n:{{{caller[0]}}}{caller}")
        found = self._run(_HOLD, keys, token, LOCK_MS, self._turns_a_minute)
        if found[0] == _TOO_MANY:
            raise TooOften
        if not found[0]:
            return None
        language = found[2].decode()
        return Held(caller, token, self._open(caller, found[1], found[3]), language, language)

    def _open(self, caller: str, sealed: bytes, secrets_sealed: bytes) -> Journey | None:
        if not sealed:
            return None
        try:
            journey = Journey.loads(self._box.open(sealed, caller))
            if journey.menu != MENU_VERSION:
                return None
            if not journey.secrets:
                return journey
            kept = json.loads(self._box.open(secrets_sealed, f"{caller} secrets")) if secrets_sealed else {}
        except (Unreadable, ValueError, TypeError):
            return None
        return journey.with_answers(kept) if kept else journey.dropped()

    def save(self, held: Held, journey: Journey, left: Left) -> None:
        """Put the place back, let the next turn in, and count the hop. Raises LostHold where the lock had run out."""
        journey_key, lock_key, language_key, secrets_key = self._keys(held.caller)
        if journey.language != held.kept_language and (held.kept_language or held.language or journey.language != "id"):
            # Indonesian is kept too, where the rows were asked: the next call need not ask them again.
            self._redis.set(language_key, journey.language, ex=LANGUAGE_TTL_S)
        hidden = {name: journey.answers[name] for name in journey.secrets if name in journey.answers}
        kept = journey.without(hidden) if hidden else journey
        sealed = self._box.seal(kept.dumps(), held.caller)
        secret = self._box.seal(json.dumps(hidden), f"{held.caller} secrets") if hidden else b""
        ttl_s = JOURNEY_TTL_S if journey.worth_resuming else CALL_TTL_S
        keys = (*self._shared(held.caller[0], left.day), journey_key, lock_key, secrets_key)
        place = (held.caller, held.token, sealed, ttl_s, secret)
        if not self._run(_SAVE, keys, *place, left.due_s or "", left.dropped, *left.counts):
            raise LostHold

    def release(self, held: Held) -> None:
        """Let the next turn in with the place as it was."""
        self._run(_RELEASE, self._keys(held.caller)[1:2], held.token)

    def owns_session(self, session: str, caller: str) -> bool:
        """Whether a gateway's session began with this caller: another phone on it is turned away."""
        key = f"s:{session}"
        first = self._redis.set(key, caller, nx=True, get=True, ex=SESSION_TTL_S)
        return first is None or first == caller.encode()

    def silent(self, now_s: int, at_most: int) -> list[Watched]:
        """Calls that ended without us, some of them."""
        return self._due("c", now_s, at_most)

    def to_invite(self, now_s: int, at_most: int) -> list[Watched]:
        return self._due("i", now_s, at_most)

    def _due(self, kind: str, now_s: int, at_most: int) -> list[Watched]:
        found = list[Watched]()
        for share in SHARES:
            # Typed loosely: what redis-py returns depends on options that its types do not follow.
            rows: Any = self._redis.zrange(
                f"{kind}:{{{share}}}", "-inf", now_s, byscore=True, offset=0, num=at_most, withscores=True
            )
            for name, score in rows:
                caller = name.decode()
                found.append(Watched(caller, f"{score:.0f}".encode(), self._seen(caller)))
        return found

    def _seen(self, caller: str) -> Journey | None:
        """The place of `caller` as it was kept, without secrets and without taking it."""
        sealed: Any = self._redis.get(self._keys(caller)[0])
        try:
            return Journey.loads(self._box.open(sealed, caller)) if sealed else None
        except (Unreadable, ValueError, TypeError):
            return None

    def drop(self, call: Watched, day: date, count: str, invite_s: int | None) -> bool:
        """Count `call` as dropped, to be invited at `invite_s`; False where it went on or was counted meanwhile."""
        keys, invite = self._shared(call.caller[0], day), "" if invite_s is None else invite_s
        return bool(self._run(_DROP, keys, call.caller, call.due, count, invite))

    def invited(self, call: Watched, again_s: int | None = None) -> None:
        """Done with this invitation, or not before `again_s`."""
        key = f"i:{{{call.caller[0]}}}"
        if again_s is None:
            self._redis.zrem(key, call.caller)
        else:
            self._redis.zadd(key, {call.caller: again_s}, xx=True)

    def counts(self, day: date) -> list[dict[str, int]]:
        """The counts of `day`, share by share."""
        pipe = self._redis.pipeline(transaction=False)
        for share in SHARES:
            pipe.hgetall(self._shared(share, day)[0])
        return [{name.decode(): int(count) for name, count in found.items()} for found in pipe.execute()]
