"""The processes' own role: the whole way goes with it, and history, tables and others' rights are out of its reach."""

import dataclasses
from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError

from app import create_app
from database import make_engine
from jobs import carry_out_erasures, count_standings, keep_no_longer, make_partitions, seal_ledger, tell_cover_steps
from migrations.rights import APPEND_ONLY, NoSuchRole, grant
from models import Base
from models.partitions import ensure_partitions
from tests.people import SITI_PHONE
from tests.test_erasures import erase
from tests.test_whole_way import walk
from tests.world import World


@pytest.fixture
def app_role(world: World, worker_name: str) -> Iterator[Engine]:
    """An engine of a role that owns nothing, with the rights that `flask migrate --app-role` gives."""
    role = f"app_{worker_name}"
    owner = world.ports.database
    with owner.begin() as db:
        db.execute(text(f"DROP ROLE IF EXISTS {role}"))
        db.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'kereta'"))
        grant(db, role)
    url = make_url(world.ports.settings.DATABASE_URL.get_secret_value()).set(username=role, password="kereta")
    engine = make_engine(url.render_as_string(hide_password=False), answer_timeout_s=10, connections_max=4)
    yield engine
    engine.dispose()
    with owner.begin() as db:
        db.execute(text(f"DROP OWNED BY {role}"))
        db.execute(text(f"DROP ROLE {role}"))


@pytest.fixture
def limited(world: World, app_role: Engine) -> World:
    """The product on that role."""
    ports = dataclasses.replace(world.ports, database=app_role)
    swapped = {
        field.name: getattr(ports, field.name) for field in dataclasses.fields(ports) if field.name != "settings"
    }
    app = create_app(ports.settings, **swapped)
    return dataclasses.replace(world, ports=ports, app=app)


def test_the_whole_way_and_every_nightly_task_goes_with_it(limited: World) -> None:
    walk(limited, limited.phone())
    ports = limited.ports
    seal_ledger(ports)
    count_standings(ports)
    tell_cover_steps(ports)
    make_partitions(ports)
    keep_no_longer(ports)
    assert limited.one("SELECT count(*) FROM months WHERE state = 'covered'") == 2


def test_an_erasure_goes_with_it(limited: World) -> None:
    walk(limited, limited.phone())
    erase(limited)
    assert "sudah dihapus" in limited.owed_to(SITI_PHONE)[-1]
    carry_out_erasures(limited.ports)


def test_months_that_are_missing_are_made_by_it(app_role: Engine) -> None:
    with app_role.connect() as connection:
        ensure_partitions(connection, date(2029, 3, 1))
        assert connection.scalar(text("SELECT count(*) FROM pg_class WHERE relname = 'transfers_2030_05'")) == 1
        # The database is the other tests' too.
        connection.rollback()


@pytest.mark.parametrize(
    "order",
    [
        *(f"UPDATE {table} SET month = month" for table in APPEND_ONLY),
        *(f"DELETE FROM {table}" for table in (*APPEND_ONLY, "consents")),
        *(f"TRUNCATE {table}" for table in ("events", "workers", "mandates")),
        "UPDATE consents SET kind = 'x'",
        "UPDATE events_2026_11 SET actor = 'x'",
        "INSERT INTO transfers_2026_11 SELECT * FROM transfers",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "DROP TABLE seals",
        "CREATE TABLE mine (id int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET session_replication_role = replica",
        "UPDATE alembic_version SET version_num = '0001'",
        "SELECT make_month('workers', '2026-11-01')",
        "SELECT make_month('events', '2026-11-02')",
        "SELECT make_month('events; DROP TABLE seals', '2026-11-01')",
        "SELECT drop_texts_of(current_date)",
    ],
)
def test_what_is_not_its_own_it_cannot_do(app_role: Engine, order: str) -> None:
    with pytest.raises(DBAPIError), app_role.begin() as db:
        db.exec_driver_sql(order)


def test_all_it_needs_is_given_and_nothing_is_forgotten(world: World, app_role: Engine) -> None:
    may = "SELECT has_table_privilege(:role, :table, :what)"
    role = app_role.url.username
    for table in Base.metadata.tables:
        for what in ("SELECT", "INSERT"):
            assert world.one(may, role=role, table=table, what=what), table
        assert world.one(may, role=role, table=table, what="DELETE") == (table not in (*APPEND_ONLY, "consents"))


def test_a_role_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(NoSuchRole, match="nobody_such"), world.ports.database.begin() as db:
        grant(db, "nobody_such")
    with world.app.app_context():
        done = world.app.test_cli_runner().invoke(args=["migrate", "--app-role", "nobody_such"])
    assert done.exit_code == 1
    assert "CREATE ROLE nobody_such LOGIN" in done.output
