"""Makes the database engine: every wait has an end, so that a silent server is an error and not a hang."""

import socket
import struct
import time
from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen
from psycopg.types.array import ListBinaryDumper
from sqlalchemy import URL, Engine, create_engine, make_url

# A USSD hop answers within 2 s even when the database is silent: its wait has to end well before.
CALL_ANSWER_TIMEOUT_S = 1.2
JOB_ANSWER_TIMEOUT_S = 60.0
_POOL_TIMEOUT_S = 1.0
_CONNECT_TIMEOUT_S = 2  # libpq's least
_INTERVAL_S = 0.1
_KNOCK_TIMEOUT_S = 0.5
_SHUT_S = 1.0
# PostgreSQL's protocol, SSLRequest: every server answers it with one byte, `S` or `N`, before any login.
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
# The network's own way to notice a peer that went without a word (services.md 3, Procrastinate issue 1334).
NETWORK_OPTIONS: dict[str, Any] = {
    "connect_timeout": _CONNECT_TIMEOUT_S,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def _impatient(answer_timeout_s: float) -> type[psycopg.Connection[Any]]:
    class Impatient(psycopg.Connection[Any]):
        """A connection that is closed when the server does not answer one command in time."""

        def wait(self, gen: PQGen[RV], interval: float = _INTERVAL_S, timeout: float | None = None) -> RV:
            try:
                return super().wait(gen, interval=interval, timeout=timeout or answer_timeout_s)
            except errors._WaitTimeout:
                # Whether the command ran is not known, so nothing may follow on this connection.
                self.pgconn.finish()
                raise psycopg.OperationalError("the database did not answer in time") from None

    return Impatient


class _Door:
    """Whether the server answers at all, asked before libpq's own two seconds of waiting are spent on it.

    After silence nobody knocks again for a while: callers are told at once instead of queueing behind each other.
    """

    def __init__(self, url: URL) -> None:
        self._address = (url.host, url.port or 5432) if url.host else None
        self._shut_until = 0.0

    def knock(self) -> None:
        """Raises psycopg.OperationalError."""
        if self._address is None:
            return
        if time.monotonic() < self._shut_until:
            raise psycopg.OperationalError("the database was silent a moment ago")
        try:
            with socket.create_connection(self._address, _KNOCK_TIMEOUT_S) as knocking:
                knocking.sendall(_SSL_REQUEST)
                if not knocking.recv(1):
                    raise ConnectionError
        except OSError:
            self._shut_until = time.monotonic() + _SHUT_S
            raise psycopg.OperationalError("the database does not answer") from None


def sqlalchemy_url(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+psycopg")


def make_engine(url: str, *, answer_timeout_s: float, connections_max: int) -> Engine:
    """An engine over psycopg 3. `answer_timeout_s` bounds each command, from its sending to its answer."""
    connection = _impatient(answer_timeout_s)
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    door = _Door(make_url(url))

    def connect() -> psycopg.Connection[Any]:
        door.knock()
        opened = connection.connect(conninfo, **NETWORK_OPTIONS)
        # Arrays go in binary: a run hands over its rows in them, and written as text they cost the client twice.
        opened.adapters.register_dumper(list, ListBinaryDumper)
        return opened

    return create_engine(
        sqlalchemy_url(url),
        creator=connect,
        pool_size=connections_max,
        max_overflow=0,
        pool_timeout=_POOL_TIMEOUT_S,
        pool_pre_ping=False,
        # An error names the statement, never what was in it.
        hide_parameters=True,
    )
