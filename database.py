"""Makes the database engine: every wait has an end, so that a silent server is an error and not a hang."""

from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen
from sqlalchemy import URL, Engine, create_engine, make_url

# A USSD hop answers within 2 s even when the database is silent: its wait has to end well before.
CALL_ANSWER_TIMEOUT_S = 1.2
JOB_ANSWER_TIMEOUT_S = 60.0
_POOL_TIMEOUT_S = 1.0
_CONNECT_TIMEOUT_S = 2  # libpq's least
_INTERVAL_S = 0.1
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


def sqlalchemy_url(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+psycopg")


def make_engine(url: str, *, answer_timeout_s: float, connections_max: int) -> Engine:
    """An engine over psycopg 3. `answer_timeout_s` bounds each command, from its sending to its answer."""
    connection = _impatient(answer_timeout_s)
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    def connect() -> psycopg.Connection[Any]:
        return connection.connect(conninfo, **NETWORK_OPTIONS)

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
