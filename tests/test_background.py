"""The background worker as it runs: its own process, woken by the transaction, its jobs taken over when it dies."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from config import Settings
from insurance.waking import ASK_BANKS, EXCHANGE, HEAR, REFUND, collect_at, drain_at, wake
from jobs import make_engine_app, make_jobs, take_over
from tests.people import PIN, SITI, SITI_NIK, SITI_PHONE, authorise, enrol
from tests.sandboxed import ROOT, wait_for
from tests.world import World


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a process of its own gets them; secrets only where they are not the sandbox's defaults."""
    names = ("IURAN_MODE", "SANDBOX_URL", "BANKS_FILE", "INSURER_OUT_DIR", "INSURER_IN_DIR", "AT_API_URL")
    return {
        **os.environ,
        **{name: str(getattr(settings, name)) for name in names},
        "DATABASE_URL": settings.DATABASE_URL.get_secret_value(),
        "REDIS_URL": settings.REDIS_URL.get_secret_value(),
        "FLASK_APP": "app",
    }


def flask(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flask", *words]
    return subprocess.run(command, cwd=ROOT, env=environment(settings), capture_output=True, text=True, timeout=60)


@pytest.fixture
def worker(world: World, settings: Settings, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "flask", "worker"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(settings), stdout=log, stderr=log)
    yield process
    process.terminate()
    assert process.wait(15) == 0, (tmp_path / "log").read_text()
    said = (tmp_path / "log").read_text()
    assert not any(secret in said for secret in (PIN, SITI, SITI_NIK, SITI_PHONE)), "personal data in the log"


def real_time(world: World) -> None:
    """The worker's clock is the machine's, so what is owed has to be due by it."""
    from units.clock import system_clock

    world.clock.now = system_clock()


def test_the_worker_does_the_whole_way_by_itself(world: World, worker: subprocess.Popen[bytes]) -> None:
    real_time(world)
    phone = world.phone()
    enrol(phone)
    authorise(phone)
    wait_for(lambda: any("Terlindungi s.d." in sms for sms in world.sandbox.inbox(phone.number)), "protection", 60)
    assert world.one("SELECT count(*) FROM attempts WHERE state = 'confirmed'") == 1
    # The gateway has a text a moment before its row says so. Late in a month, a worker that starts just after the
    # hour's planning plans the next month too, whose notice waits for the morning.
    due = "SELECT count(*) FROM messages WHERE state <> 'sent' AND not_before <= now()"
    wait_for(lambda: world.one(due) == 0, "every text that is due sent", 60)


def test_a_job_is_there_only_if_its_transaction_was_committed(world: World) -> None:
    def jobs() -> int:
        return int(world.one("SELECT count(*) FROM procrastinate_jobs"))

    with Session(world.ports.database) as db:
        wake(db, drain_at(0))
        db.rollback()
    assert jobs() == 0
    for _ in range(2):
        with Session(world.ports.database) as db:
            wake(db, drain_at(0))
            wake(db, drain_at(0))
            db.commit()
    assert jobs() == 1, "one that waits is enough"


def test_the_job_of_a_dead_worker_keeps_no_lane_shut_where_the_next_one_waits(world: World) -> None:
    """As a worker killed -9 leaves it: its drain is never done, and cron's next waits behind its lock."""

    def wake_a_lane() -> None:
        with Session(world.ports.database) as db, db.begin():
            wake(db, drain_at(0))

    wake_a_lane()
    with Session(world.ports.database) as db, db.begin():
        dead = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
        worker_id = db.scalar(text(dead))
        db.execute(text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = :id"), {"id": worker_id})
    wake_a_lane()

    async def sweep() -> None:
        async with make_engine_app(world.ports).open_async() as app:
            await take_over(app.job_manager)

    asyncio.run(sweep())
    assert world.rows("SELECT status FROM procrastinate_jobs") == [("todo",)]


def test_the_monthly_run_says_what_it_did(world: World, settings: Settings) -> None:
    phone = world.phone()
    enrol(phone)
    world.exchange()
    authorise(phone)
    world.ask_banks()
    # A named day moves what is due; what is signed for the bank has the machine's time.
    world.clock.let_outside_go()
    first = flask(settings, "autodebit", "run", "--month", "2026-11", "--as-of", "2026-11-23")
    assert first.returncode == 0, first.stderr
    assert "confirmed" in first.stdout
    assert "Rp28.400" in first.stdout
    december = flask(settings, "autodebit", "run", "--month", "2026-12", "--as-of", "2026-11-27")
    assert "notice owed" in december.stdout
    assert world.one("SELECT count(*) FROM attempts WHERE month = '2026-12-01' AND state = 'noticed'") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--month", "Dezember"), "written YYYY-MM"),
        (("--month", "2026-12", "--as-of", "morgen"), "YYYY-MM-DD"),
        (("--month", "2031-01", "--as-of", "2031-01-02"), "--as-of reaches"),
        (("--month", "2031-01", "--as-of", "2026-11-23"), "is not 2026-11"),
    ],
)
def test_a_run_that_makes_no_sense_is_one_clear_line(settings: Settings, words: tuple[str, ...], said: str) -> None:
    done = flask(settings, "autodebit", "run", *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_setting_is_named_and_nothing_starts(settings: Settings) -> None:
    environ = {**environment(settings), "PORT": "none", "DATA_KEY": "short"}
    command = [sys.executable, "-c", "import app; app.web()"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "PORT" in done.stderr
    assert "DATA_KEY" in done.stderr
    assert "Traceback" not in done.stderr
    assert "short" not in done.stderr


def test_the_inbox_of_the_sandbox_is_shown_by_the_web_too(world: World, shared_app: tuple[Flask, object]) -> None:
    enrol(world.phone())
    world.send_sms()
    client = world.app.test_client()
    rows = client.get("/sandbox/sms", query_string={"to": SITI_PHONE}).get_json()
    assert [row["text"] for row in rows] == world.owed_to(SITI_PHONE)
    assert client.get("/sandbox/sms?to=nobody").status_code == 400
    page = client.get("/").get_data(as_text=True)
    assert "*500*73#" in page
    assert "{{" not in page


def test_every_connected_bank_has_the_task_that_a_member_s_act_wakes(world: World) -> None:
    tasks = make_jobs(world.ports).tasks
    assert {collect_at(code) for code in (*world.ports.banks, *world.ports.batches)} <= tasks.keys()
    assert {ASK_BANKS, drain_at(0), EXCHANGE, HEAR, REFUND} <= tasks.keys()
