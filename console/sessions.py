"""Sessions of the console, kept in Valkey: the browser holds a random name alone; they end by idleness and by age."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Request, Response
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SessionInterface, SessionMixin
from redis import Redis
from redis.exceptions import RedisError

from config import Settings
from units.clock import Clock

_PREFIX = "console:session:"
_JSON = TaggedJSONSerializer()


class ConsoleSession(SecureCookieSession):
    """What one browser is known by, since `born`; at the login it gets another name, so that none can be planted."""

    def __init__(self, name: str, born: datetime, initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(initial)
        self.name, self.born, self.old_names = name, born, set[str]()
        self.away = False

    def rotate(self, now: datetime) -> None:
        """Another name from here on, and all the time there is; what was shown in a form before is no good any more."""
        self.pop("csrf_token", None)
        if self.name:
            self.old_names.add(self.name)
        self.name, self.born, self.modified = "", now, True

    def end(self, now: datetime) -> None:
        self.clear()
        self.rotate(now)


class Sessions(SessionInterface):
    """Where Valkey is away nobody is logged in, and nobody can be: the session says so, and no view may run."""

    def __init__(self, redis: Redis, clock: Clock, settings: Settings) -> None:
        self._redis, self._clock = redis, clock
        self._idle = timedelta(minutes=settings.CONSOLE_IDLE_MINUTES)
        self._life = timedelta(hours=settings.CONSOLE_HOURS)
        self._secure = not settings.sandbox
        # A browser takes a name with this prefix over TLS only, for this host and every path of it.
        self._cookie = "__Host-iuran" if self._secure else "iuran"

    def open_session(self, app: Flask, request: Request) -> ConsoleSession:
        name, now = request.cookies.get(self._cookie, ""), self._clock()
        try:
            kept = self._redis.get(_key(name)) if name else None
        except RedisError:
            nobody = ConsoleSession("", now)
            nobody.away = True
            return nobody
        if kept is not None:
            fields = _JSON.loads(kept.decode() if isinstance(kept, bytes) else str(kept))
            born, seen = (datetime.fromisoformat(fields[what]) for what in ("born", "seen"))
            if now - seen <= self._idle and now - born <= self._life:
                return ConsoleSession(name, born, fields["held"])
            self._redis.delete(_key(name))
        return ConsoleSession("", now)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        assert isinstance(session, ConsoleSession)
        if session.away:
            return
        for name in session.old_names:
            self._redis.delete(_key(name))
        if not session:
            if session.name:
                self._redis.delete(_key(session.name))
            if session.name or session.old_names:
                response.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="Lax")
            return
        named = bool(session.name)
        session.name = session.name or secrets.token_urlsafe(32)
        held = {"born": session.born.isoformat(), "seen": self._clock().isoformat(), "held": dict(session)}
        self._redis.set(_key(session.name), _JSON.dumps(held), ex=self._idle)
        if not named:
            # Lax, not Strict: a page that is opened from a link elsewhere finds its operator logged in; what changes
            # anything is a POST with a token of the session.
            response.set_cookie(
                self._cookie, session.name, path="/", secure=self._secure, httponly=True, samesite="Lax"
            )
        response.vary.add("Cookie")


def _key(name: str) -> str:
    """By its hash: who reads Valkey can take over no session."""
    return _PREFIX + hashlib.sha256(name.encode()).hexdigest()
