"""The database's shape: models and migrations say the same, history cannot be changed, every month has its place."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

import migrations
from database import sqlalchemy_url
from insurance import waking
from models import Base
from models.partitions import MONTHS_AHEAD, MONTHS_BACK, PARTITIONED, ensure_partitions
from tests.people import enrol
from tests.world import START, World
from units.month import add_months, month_of

FOLDER = Path(migrations.__file__).parent
FROZEN = ("events", "transfers", "consents")
TODAY = START.date()
THIS = month_of(TODAY)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(sqlalchemy_url(database_url))
    yield engine
    engine.dispose()


@pytest.fixture
def made_by_the_models(pg_server_url: str, worker_name: str) -> Iterator[Engine]:
    """An empty database with the tables as the models alone would make them."""
    name = f"models_{worker_name}"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name}")
        engine = create_engine(make_url(sqlalchemy_url(pg_server_url)).set(database=name))
        Base.metadata.create_all(engine)
        yield engine
        engine.dispose()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


# What a table is made of: columns, constraints and indexes, as the database itself spells them.
SHAPE = """
SELECT c.relname, 'column', a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.attidentity, pg_get_expr(d.adbin, d.adrelid), pg_get_partkeydef(c.oid))
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(:tables)
UNION ALL
SELECT c.relname, 'constraint', o.conname, pg_get_constraintdef(o.oid)
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(:tables) AND o.conparentid = 0
UNION ALL
SELECT tablename, 'index', indexname, indexdef FROM pg_indexes
 WHERE schemaname = 'public' AND tablename = ANY(:tables)
"""


def shape(engine: Engine, tables: list[str] | None = None) -> set[tuple[str, ...]]:
    with engine.connect() as connection:
        rows = connection.execute(text(SHAPE), {"tables": tables or list(Base.metadata.tables)})
        return {tuple(map(str, row)) for row in rows}


def test_alembic_finds_nothing_to_add_to_the_migrations(engine: Engine) -> None:
    """By migrations/env.py's own rules of what is ours. `check` raises with what differs."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.check(config)


def test_the_migrations_make_what_the_models_would(engine: Engine, made_by_the_models: Engine) -> None:
    """Checks and partial indexes too, which Alembic does not compare."""
    made, wanted = shape(engine), shape(made_by_the_models)
    assert sorted(made - wanted) == []
    assert sorted(wanted - made) == []
    assert len(made) > 200


def test_the_numbered_steps_are_one_line_without_a_fork() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert steps == [f"{number:04}" for number in range(len(steps), 0, -1)]
    assert sorted(path.name[:4] for path in (FOLDER / "versions").glob("*.py")) == steps[::-1]


def test_upgrading_again_is_harmless(world: World, engine: Engine) -> None:
    enrol(world.phone())
    before, workers = shape(engine), world.rows("SELECT * FROM workers")
    migrations.upgrade(engine)
    migrations.upgrade(engine)
    assert shape(engine) == before
    assert world.rows("SELECT * FROM workers") == workers != []


# What happened cannot be changed

TRANSFER = (
    "INSERT INTO transfers (month, at, worker_id, reference, kind, programme, debit_account, credit_account, amount_rp)"
    " VALUES (:month, now(), 1, 'REF', 'collected', 'JKK', 'bank:114', 'worker:1', 5000)"
)


@pytest.fixture
def history(world: World) -> Iterator[Connection]:
    """A connection that sees an event, a transfer and a consent; nothing done on it is kept."""
    enrol(world.phone())
    with world.ports.database.connect() as connection:
        connection.execute(text(TRANSFER), {"month": THIS})
        for table in FROZEN:
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")), table
        yield connection
        connection.rollback()


def refused(connection: Connection, sql: str, why: str) -> None:
    with pytest.raises(DBAPIError, match=why), connection.begin_nested():
        connection.execute(text(sql))


@pytest.mark.parametrize("table", FROZEN)
def test_the_database_refuses_to_change_or_delete_history(history: Connection, table: str) -> None:
    refused(history, f"UPDATE {table} SET at = now()", f"{table}.* is append-only")
    refused(history, f"DELETE FROM {table}", f"{table}.* is append-only")


@pytest.mark.parametrize("table", [table for table in FROZEN if table in PARTITIONED])
def test_a_partition_cannot_be_changed_behind_its_tables_back(history: Connection, table: str) -> None:
    refused(history, f"UPDATE {table}_{THIS:%Y_%m} SET at = now()", "append-only")
    refused(history, f"DELETE FROM {table}_{THIS:%Y_%m}", "append-only")


def test_a_partition_made_later_is_frozen_too(history: Connection) -> None:
    later = add_months(THIS, 30)
    ensure_partitions(history, later)
    history.execute(text(TRANSFER), {"month": later})
    refused(history, f"DELETE FROM transfers WHERE month = '{later}'", "append-only")


@pytest.mark.parametrize("table", FROZEN)
def test_the_database_refuses_to_empty_history_at_one_stroke(history: Connection, table: str) -> None:
    refused(history, f"TRUNCATE {table} CASCADE", "append-only")


def test_one_fact_is_posted_once(history: Connection) -> None:
    with pytest.raises(IntegrityError, match="reference_kind_programme"), history.begin_nested():
        history.execute(text(TRANSFER), {"month": THIS})


# Every month has its place


def partitions(connection: Connection) -> set[str]:
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent::regclass::text = ANY(:tables)"
    return set(connection.scalars(text(query), {"tables": list(PARTITIONED)}).all())


def wanted(today: date) -> set[str]:
    months = [add_months(month_of(today), ahead) for ahead in range(-MONTHS_BACK, MONTHS_AHEAD + 1)]
    return {f"{table}_{month:%Y_%m}" for table in PARTITIONED for month in months}


def test_every_big_table_has_partitions_for_fourteen_months_ahead(engine: Engine) -> None:
    assert MONTHS_AHEAD == 14
    with engine.connect() as connection:
        assert wanted(TODAY) <= partitions(connection)
        in_database = "SELECT relname FROM pg_class WHERE relkind = 'p' AND relnamespace = 'public'::regnamespace"
        assert set(connection.scalars(text(in_database)).all()) == set(PARTITIONED)


def test_making_partitions_again_is_harmless_and_a_month_later_adds_one_each(engine: Engine) -> None:
    with engine.connect() as connection:
        before = partitions(connection)
        ensure_partitions(connection, TODAY)
        assert partitions(connection) == before
        ensure_partitions(connection, add_months(THIS, 1))
        added = partitions(connection) - before
        assert added == wanted(add_months(THIS, 1)) - wanted(TODAY)
        assert len(added) == len(PARTITIONED)
        connection.rollback()


def test_the_first_and_the_last_month_take_rows_and_a_month_outside_fails_loudly(engine: Engine) -> None:
    with engine.connect() as connection:
        for ahead in (-MONTHS_BACK, MONTHS_AHEAD):
            connection.execute(text(TRANSFER), {"month": add_months(THIS, ahead)})
        for ahead in (-MONTHS_BACK - 1, MONTHS_AHEAD + 1):
            with pytest.raises(IntegrityError, match="no partition of relation"), connection.begin_nested():
                connection.execute(text(TRANSFER), {"month": add_months(THIS, ahead)})
        connection.rollback()


# The background engine's own tables

DEFER_FIELDS = ["queue_name", "task_name", "priority", "lock", "queueing_lock", "args", "scheduled_at"]


def test_waking_gives_the_fields_in_the_order_the_engine_reads_them(engine: Engine) -> None:
    fields = (
        "SELECT attname FROM pg_attribute JOIN pg_type ON typrelid = attrelid"
        " WHERE typname = 'procrastinate_job_to_defer_v1' AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    with engine.connect() as connection:
        assert connection.scalars(text(fields)).all() == DEFER_FIELDS
    given = re.search(r"ROW\((.*)\)::", str(waking._DEFER))
    assert given is not None
    values = [value.strip() for value in given[1].split(",")]
    assert values == [*("'default'", ":task", "0", "CAST(:lock AS text)", "CAST(:lock AS text)", "'{}'::jsonb", "NULL")]


def test_a_woken_task_is_one_job_however_many_wake_it_and_none_if_nothing_is_committed(world: World) -> None:
    jobs = (
        "SELECT queue_name, task_name, priority, lock, queueing_lock, args::text, scheduled_at FROM procrastinate_jobs"
    )
    with Session(world.ports.database) as db:
        waking.wake(db, waking.HEAR)
        db.rollback()
    assert world.rows(jobs) == []
    for _ in range(3):
        with Session(world.ports.database) as db, db.begin():
            waking.wake(db, waking.HEAR)
            waking.wake(db, waking.HEAR)
    expected = ("default", f"iuran:{waking.HEAR}", 0, waking.HEAR, waking.HEAR, "{}", None)
    assert [tuple(row) for row in world.rows(jobs)] == [expected]
