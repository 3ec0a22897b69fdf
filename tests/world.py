"""Fixtures: a database for each xdist worker, emptied before each test; the product on ports beside a sandbox."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import requests
from flask import Flask
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

import migrations
from app import create_app
from autodebit.collect import Collected, collect
from autodebit.exchange import exchange
from autodebit.mandates import ask_banks
from autodebit.plan import plan
from banks.connect import connect_banks
from banks.settings import load_banks
from config import SANDBOX_USSD_CODE, Settings, load
from data import load_reference, load_village
from database import sqlalchemy_url
from gateways.base import Accepted
from handset.phone import Phone
from models import Base, Message, Worker
from models.partitions import ensure_partitions
from ports import Ports
from sms.sender import drain, tidy
from tests.sandboxed import Sandbox, wait_for
from units.clock import JAKARTA

# A Monday morning, 09.00 in Jakarta, while PP 50/2025's discount runs.
START = datetime(2026, 11, 23, 9, 0, tzinfo=JAKARTA).astimezone(UTC)
SPARED = ("banks", "brackets", "tariffs", "alembic_version")


class Clock:
    """Time as a port: it stands still until a test moves it, and the sandbox's clock with it."""

    def __init__(self, sandbox_url: str = "") -> None:
        self._sandbox_url = sandbox_url
        self.now = START

    @property
    def now(self) -> datetime:
        return self._now

    @now.setter
    def now(self, moment: datetime) -> None:
        self._now = moment
        if self._sandbox_url:
            put = requests.put(f"{self._sandbox_url}/clock", json={"now": moment.isoformat()}, timeout=5)
            put.raise_for_status()

    def let_outside_go(self) -> None:
        """The sandbox has the machine's time, for a test whose product runs in a process of its own."""
        requests.put(f"{self._sandbox_url}/clock", json={"now": None}, timeout=5).raise_for_status()

    def __call__(self) -> datetime:
        return self._now

    def forward(self, **delta: int) -> None:
        self.now += timedelta(**delta)


@pytest.fixture(scope="session")
def worker_name() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "gw0")


@pytest.fixture(scope="session")
def database_url(pg_server_url: str, worker_name: str) -> Iterator[str]:
    """An own database for this xdist worker, migrated and with reference data."""
    name = f"test_{worker_name}"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name}")
    url = make_url(pg_server_url).set(database=name).render_as_string(hide_password=False)
    engine = create_engine(sqlalchemy_url(url))
    migrations.upgrade(engine)
    with Session(engine) as db, db.begin():
        ensure_partitions(db.connection(), START.date())
    engine.dispose()
    yield url
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def redis_url(redis_server_url: str, worker_name: str) -> str:
    """A numbered database of the one server for this xdist worker."""
    number = int(worker_name.removeprefix("gw") or 0) + 1
    return make_url(redis_server_url).set(database=str(number)).render_as_string(hide_password=False)


@dataclass
class World:
    """The product on real servers, with everything a test may ask of it."""

    app: Flask
    ports: Ports
    clock: Clock
    sandbox: Sandbox

    def reset(self) -> None:
        """The first morning again: nobody is enrolled, and the bank and the insurer know nobody."""
        self.clock.now = START
        for folder in ("out", "in", "batch"):
            for path in (self.sandbox.folder / folder).rglob("*.csv"):
                path.unlink()
        self.ports.reference.clear()
        empty(self.ports.database)
        with self.ports.transaction() as work:
            load_village(work)
        self.ports.redis.flushdb()

    def phone(self, number: str = "+6281234567890", code: str = SANDBOX_USSD_CODE) -> Phone:
        client = self.app.test_client()

        def post(path: str, form: Mapping[str, str]) -> tuple[int, str]:
            answer = client.post(path, data=dict(form))
            return answer.status_code, answer.get_data(as_text=True)

        return Phone(number, post, self.owed_to, code)

    def owed_to(self, number: str) -> list[str]:
        """Every text that is owed or was sent to `number`, oldest first, as it would arrive."""
        index = self.ports.keys.index("phone", number)
        with self.ports.transaction() as work:
            query = (
                work.db.query(Message, Worker)
                .outerjoin(Worker, Worker.id == Message.worker_id)
                .filter(Message.phone_index == index)
                .order_by(Message.created_at, Message.id)
            )
            found = []
            for message, worker in query:
                box = work.box(worker) if worker else work.keys.shared
                found.append(box.open(message.text_sealed, "message.text"))
            return found

    def last_sms(self, number: str = "+6281234567890") -> str:
        return self.owed_to(number)[-1]

    def send_sms(self) -> int:
        tidy(self.ports)
        return drain(self.ports)

    def exchange(self) -> None:
        """A whole day with the insurer: hand over, let the sandbox answer, take it."""
        exchange(self.ports)
        self.sandbox.look()
        exchange(self.ports)

    def ask_banks(self) -> int:
        return ask_banks(self.ports)

    def plan(self, month: Any) -> Any:
        return plan(self.ports, month)

    def collect(self) -> Collected:
        return collect(self.ports)

    def rows(self, sql: str, **parameters: Any) -> list[Any]:
        with self.ports.database.connect() as connection:
            return list(connection.execute(text(sql), parameters))

    def until_one_waits(self) -> None:
        """Until some transaction waits for what another one holds."""
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        wait_for(lambda: bool(self.rows(waits)), "a transaction that waits")

    def one(self, sql: str, **parameters: Any) -> Any:
        rows = self.rows(sql, **parameters)
        assert len(rows) == 1, f"{len(rows)} rows"
        return rows[0][0]


def empty(engine: Engine) -> None:
    """All rows away but the reference data; superuser only, for the ledger refuses it to everyone else."""
    with engine.begin() as connection:
        others = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'sandbox'"
        # The token our client holds stays good, by the clock that both share, or is asked for anew; everything else the
        # outside knew is forgotten.
        outside = [f"sandbox.{name}" for name in connection.scalars(text(others)) if "token" not in name]
        ours = [name for name in Base.metadata.tables if name not in SPARED]
        emptied = [*ours, "procrastinate_events", "procrastinate_jobs", *outside]
        # In one go: of some sixty tables, the way there and back was most of it.
        deletes = "; ".join(f"DELETE FROM {name}" for name in emptied)
        connection.exec_driver_sql(f"SET LOCAL session_replication_role = replica; {deletes}")


@pytest.fixture(scope="session")
def settings(database_url: str, redis_url: str, sandbox: Sandbox) -> Settings:
    return load(
        {
            "IURAN_MODE": "sandbox",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SANDBOX_URL": sandbox.url,
            "BANKS_FILE": str(sandbox.folder / "banks.toml"),
            "INSURER_OUT_DIR": str(sandbox.folder / "out"),
            "INSURER_IN_DIR": str(sandbox.folder / "in"),
            "LOG_LEVEL": "info",
        }
    )


@pytest.fixture(scope="session")
def shared_app(settings: Settings, sandbox: Sandbox) -> tuple[Flask, Clock]:
    assert settings.BANKS_FILE
    clock = Clock(sandbox.url)
    app = create_app(settings, clock=clock, banks=connect_banks(load_banks(settings.BANKS_FILE), clock))
    ports: Ports = app.extensions["ports"]
    with ports.transaction() as work:
        load_reference(work.db, connected=settings.BANKS_FILE)
    return app, clock


@pytest.fixture
def world(shared_app: tuple[Flask, Clock], sandbox: Sandbox) -> World:
    app, clock = shared_app
    world = World(app, app.extensions["ports"], clock, sandbox)
    world.reset()
    return world


class Deaf:
    """A gateway that takes every text and sends it nowhere, for tests of other things."""

    name = "deaf"

    def send(self, phone: str, text: str) -> Accepted:
        return Accepted("", "")

    def rest(self) -> None:
        """Nothing is held."""
