"""A worker killed -9 in the middle of a run: the bank's own book and ours agree to the rupiah. Run by `make chaos`."""

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
import requests

from autodebit.collect import collect
from autodebit.settle import settle
from autodebit.unknown import ask_unknown
from bench.seed import AGREED_AT, EXPIRES, MAX_RP, account_no, bank_reference, seed_members
from models import AttemptState
from tests.sandboxed import ROOT, wait_for
from tests.test_background import environment
from tests.world import World

MANDATES = int(os.environ.get("KILLED_MANDATES", "20000"))
BANK, DECEMBER = "114", date(2026, 12, 1)
PLANNED_AT = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
NOTICED_AT = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
DUE_AT = datetime(2026, 12, 7, 3, 0, tzinfo=UTC)


def seed(world: World) -> None:
    """Members with mandates that the bank knows as well."""
    with psycopg.connect(world.ports.settings.DATABASE_URL.get_secret_value()) as db:
        seed_members(db, world.ports.keys, MANDATES, [BANK])
        columns = "reference, bank, account_no, customer_id, max_amount_rp, expires_at, given_at"
        with db.cursor() as cursor, cursor.copy(f"COPY sandbox.mandates ({columns}) FROM STDIN") as copy:
            for n in range(1, MANDATES + 1):
                known = (bank_reference(BANK, n), BANK, account_no(BANK, n), f"IU{n}", MAX_RP)
                copy.write_row((*known, datetime.combine(EXPIRES, datetime.min.time(), UTC), AGREED_AT))


def notice(world: World) -> None:
    """Plan December, and a gateway takes every notice the next morning."""
    world.clock.now = PLANNED_AT
    assert world.plan(DECEMBER).scheduled == MANDATES
    with psycopg.connect(world.ports.settings.DATABASE_URL.get_secret_value()) as db:
        db.execute("UPDATE messages SET state = 'sent', accepted_at = %s", (NOTICED_AT,))
        db.execute("ANALYZE")


def debits_at_the_bank(world: World) -> int:
    return int(world.one("SELECT count(*) FROM sandbox.debits"))


@pytest.mark.slow
def test_a_run_whose_worker_is_killed_agrees_with_the_bank_to_the_rupiah(world: World) -> None:
    seed(world)
    notice(world)
    world.clock.now = DUE_AT
    command = [sys.executable, "-m", "tests.killed_worker", DUE_AT.isoformat()]
    worker = subprocess.Popen(command, cwd=ROOT, env=environment(world.ports.settings))
    try:
        wait_for(lambda: debits_at_the_bank(world) > MANDATES // 3, "a third of the run", seconds=600)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    left = world.one("SELECT count(*) FROM attempts WHERE state = 'sent'")
    assert worker.returncode == -signal.SIGKILL
    assert 0 < left < MANDATES, "it was killed in the act"

    # Another worker goes on at once, and finds the dead one's claim as unknown once its lease is over.
    collect(world.ports)
    world.clock.forward(minutes=20)
    collected = collect(world.ports)
    assert collected.lost == left
    for day in (0, 1):
        world.clock.now = DUE_AT + timedelta(days=day + 1)
        where = f"{world.sandbox.url}/bank/{BANK}/settle"
        on = (DUE_AT + timedelta(days=day)).date().isoformat()
        requests.post(where, params={"day": on}, timeout=60).raise_for_status()
        settle(world.ports)
        ask_unknown(world.ports)

    book = dict(world.rows("SELECT partner_reference, amount_rp FROM sandbox.debits WHERE status = 'booked'"))
    ours = dict(
        world.rows("SELECT reference, sum(amount_rp) FROM transfers WHERE kind = 'collected' GROUP BY reference")
    )
    assert book == {reference: int(rp) for reference, rp in ours.items()}
    assert len(book) >= MANDATES - left, "whoever was not in the dead worker's hands is paid"
    assert world.one("SELECT count(DISTINCT mandate) FROM sandbox.debits") == len(book), "nobody was debited twice"
    states = dict(world.rows("SELECT state, count(*) FROM attempts WHERE n = 1 GROUP BY state"))
    assert set(states) <= {AttemptState.SETTLED.value, AttemptState.CONFIRMED.value, AttemptState.FAILED_SOFT.value}
    receipts = world.one("SELECT count(*) FROM messages WHERE kind = 'paid'")
    assert receipts == len(book), "each has its one receipt"
