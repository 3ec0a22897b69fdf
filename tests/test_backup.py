"""A backup of a system that goes on, restored into an empty database: rows, books and chain as they were, proved."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import make_url

from app import create_app
from config import load
from jobs import seal_ledger
from tests.console_desk import paid_member
from tests.people import PIN, SITI, SITI_NIK, SITI_PHONE
from tests.test_background import environment
from tests.test_erasures import erase
from tests.world import World

HEAD = "+6281200000001"


@pytest.fixture
def empty_url(pg_server_url: str, worker_name: str) -> Iterator[str]:
    name = f"restored_{worker_name}"
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name}")
    yield make_url(pg_server_url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def other(world: World, empty_url: str) -> Flask:
    """The product on the empty database."""
    return create_app(load({**environment(world.ports.settings), "DATABASE_URL": empty_url}), clock=world.clock)


@pytest.fixture
def busy(world: World) -> World:
    paid_member(world)
    world.clock.forward(hours=2)
    seal_ledger(world.ports)
    world.phone().text("SALDO")
    return world


def run(app: Flask, *args: str) -> Result:
    with app.app_context():
        return app.test_cli_runner().invoke(args=list(args))


def backed_up(world: World, folder: Path) -> Path:
    done = run(world.app, "backup", str(folder / "b"))
    assert done.exit_code == 0, done.output
    return folder / "b"


def restore(app: Flask, folder: Path, *more: str) -> Result:
    return run(app, "restore", str(folder), "--by", "ani", *more)


def test_all_comes_back_proved_and_the_product_goes_on_there(busy: World, other: Flask, tmp_path: Path) -> None:
    folder = backed_up(busy, tmp_path)
    done = restore(other, folder)
    assert done.exit_code == 0, done.output
    assert "as they were" in done.output
    ports = other.extensions["ports"]
    with ports.transaction() as work:
        assert work.workers_at(work.keys.index("phone", SITI_PHONE))
    phone = busy.phone()
    client = other.test_client()
    phone.post = lambda path, form: (
        (answer := client.post(path, data=dict(form))).status_code,
        answer.get_data(as_text=True),
    )
    phone.dial()
    assert "Rp28.400, 1 bulan" in phone.press("3", PIN)
    assert run(other, "ledger", "verify").exit_code == 0
    assert run(other, "migrate").exit_code == 0
    assert run(other, "villages", "verify").exit_code == 0


def test_every_bank_is_drained_until_people_have_read_its_files(busy: World, other: Flask, tmp_path: Path) -> None:
    restore(other, backed_up(busy, tmp_path))
    with other.extensions["ports"].database.connect() as db:
        lanes = db.exec_driver_sql("SELECT bank_code, drained_by FROM lanes WHERE drained ORDER BY 1").all()
        banks = db.exec_driver_sql("SELECT code FROM banks WHERE connected ORDER BY 1").all()
    assert [tuple(lane) for lane in lanes] == [(code, "ani") for (code,) in banks]
    assert lanes


def test_it_names_nobody_without_the_keys(busy: World, tmp_path: Path) -> None:
    folder = backed_up(busy, tmp_path)
    for path in folder.rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            for told in (SITI, SITI.upper(), SITI_NIK, SITI_PHONE, HEAD):
                assert told.encode() not in held
    assert folder.stat().st_mode & 0o077 == 0


def test_a_file_that_was_changed_or_is_missing_restores_nothing(busy: World, other: Flask, tmp_path: Path) -> None:
    folder = backed_up(busy, tmp_path)
    largest = max((folder / "data").iterdir(), key=lambda path: path.stat().st_size)
    whole = largest.read_bytes()
    largest.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    done = restore(other, folder)
    assert done.exit_code == 1
    assert f"{largest.name} is not as it was written; nothing was restored" in done.output
    largest.unlink()
    assert restore(other, folder).exit_code == 1
    (folder / "manifest.json").write_text("{")
    assert "no whole backup" in restore(other, folder).output
    with other.extensions["ports"].database.connect() as db:
        assert db.exec_driver_sql("SELECT to_regclass('workers')").scalar() is None


def test_what_differs_after_it_is_named(busy: World, other: Flask, tmp_path: Path) -> None:
    folder = backed_up(busy, tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["counts"]["workers"] += 1
    manifest["head"] = "1:" + "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    done = restore(other, folder)
    assert done.exit_code == 2
    assert "counts: not as in the manifest" in done.output
    assert "head: not as in the manifest" in done.output


def test_a_database_with_rows_is_never_written_over(busy: World, tmp_path: Path) -> None:
    folder = backed_up(busy, tmp_path)
    before = busy.rows("SELECT * FROM workers")
    assert "has tables already" in restore(busy.app, folder).output
    assert busy.rows("SELECT * FROM workers") == before
    assert "File exists" in run(busy.app, "backup", str(folder)).output


def test_who_was_erased_since_is_erased_again(busy: World, other: Flask, tmp_path: Path) -> None:
    folder = backed_up(busy, tmp_path)
    erase(busy)
    ids = run(busy.app, "privacy", "erased").output
    (tmp_path / "erased").write_text(ids)
    done = restore(other, folder, "--erased", str(tmp_path / "erased"))
    assert "1 members were erased again" in done.output
    with other.extensions["ports"].database.connect() as db:
        assert db.exec_driver_sql("SELECT length(data_key), length(name_sealed) FROM workers").all() == [(0, 0)]
        assert db.exec_driver_sql("SELECT count(*) FROM contacts").scalar() == 0
    (tmp_path / "bad").write_text("1\nx\n")
    assert "line 2: not an id" in restore(other, folder, "--erased", str(tmp_path / "bad")).output


def test_a_backup_goes_on_while_rows_are_written(busy: World, other: Flask, tmp_path: Path) -> None:
    """One snapshot: what is written meanwhile is in neither rows nor manifest."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            busy.phone(f"+62812999{number:05}").text("HALO")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        folder = backed_up(busy, tmp_path)
    finally:
        stop.set()
        writer.join()
    assert restore(other, folder).exit_code == 0


def test_without_the_tools_it_says_what_is_missing(
    busy: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr("glob.glob", lambda _pattern: [])
    assert "no pg_dump of PostgreSQL 18" in run(busy.app, "backup", str(tmp_path / "b")).output
