"""`flask ledger` as an operator uses it, and as many rows as no process should hold."""

import dataclasses
import os
import resource
import sys
import time
import tracemalloc

from sqlalchemy import create_engine, text

from config import Settings
from database import sqlalchemy_url
from insurance import proving, seals
from insurance.proving import prove
from jobs import seal_ledger
from tests.people import SITI, SITI_NIK, SITI_PHONE
from tests.tampered import COPIED
from tests.test_autodebit import member
from tests.test_background import flask
from tests.test_proving import reference
from tests.test_seals import differs, seal_once, tamper
from tests.world import World


def test_verify_leaves_with_0_when_all_holds_and_with_2_and_a_line_when_not(world: World, settings: Settings) -> None:
    member(world)
    world.collect()
    sealed = flask(settings, "ledger", "seal")
    assert (sealed.returncode, sealed.stdout) == (0, "2 segments sealed.\n"), sealed.stderr
    holds = flask(settings, "ledger", "verify")
    assert (holds.returncode, holds.stderr) == (0, "")
    assert "All holds." in holds.stdout
    head = next(line.removeprefix("last seal ") for line in holds.stdout.splitlines() if line.startswith("last seal "))
    assert flask(settings, "ledger", "verify", "--known", head).returncode == 0
    tamper(world, "UPDATE transfers SET amount_rp = amount_rp + 1 WHERE kind = 'collected' AND programme = 'JKK'")
    differing = flask(settings, "ledger", "verify", "--known", f"1:{'0' * 64}")
    assert differing.returncode == 2
    lines = [line for line in differing.stdout.splitlines() if line.startswith("DIFFERS: ")]
    assert "DIFFERS: the seal known outside is not in the chain: seal 1" in lines
    assert f"DIFFERS: collected in the ledger, and not taken so by the bank: {reference(world)}" in lines
    assert any(line.startswith("DIFFERS: a sealed row was changed: seal 2: transfers ") for line in lines)
    assert not any(secret in differing.stdout for secret in (SITI, SITI_NIK, SITI_PHONE))


def test_books_of_which_nothing_is_sealed_yet_are_not_said_to_hold_whole(world: World) -> None:
    member(world)
    world.collect()
    with world.app.app_context():
        ran = world.app.test_cli_runner().invoke(args=["ledger", "verify"])
    assert ran.exit_code == 0, ran.output
    assert "Nothing is sealed yet" in ran.output
    assert "All holds" not in ran.output


def test_a_known_seal_that_is_none_is_one_clear_line(settings: Settings) -> None:
    done = flask(settings, "ledger", "verify", "--known", "12")
    assert done.returncode == 1
    assert "NUMBER:HASH" in done.stderr
    assert "Traceback" not in done.stderr


# Many


def test_of_many_differences_some_are_named(world: World) -> None:
    member(world)
    world.collect()
    tamper(
        world,
        f"INSERT INTO transfers ({COPIED}, kind, programme, debit_account, credit_account, amount_rp)"
        f" SELECT month, at, worker_id, 'GHOST' || n, kind, programme, debit_account, credit_account, amount_rp"
        " FROM transfers, generate_series(1, 500) n WHERE kind = 'collected'",
    )
    assert len(differs(world)["collected in the ledger, and not taken so by the bank"]) == proving.NAMED_MAX


# LEDGER_WORKERS=1000000 for three million rows (docs/ledger.md has what that took).
WORKERS = int(os.environ.get("LEDGER_WORKERS", "100000"))
# Beside one whole history, after which the database last looked at what its tables hold: a plan made for that must not
# be one that takes hours.
FIRST_ID = 1_000_000_000
MANY = (
    "ANALYZE attempts, months, transfers",
    """INSERT INTO attempts (month, worker_id, n, mandate_id, bank_code, why, reference, jkk_rp, jkm_rp, jht_rp,
       fee_rp, state, due_on, needs_notice, asks, code, bank_reference, changed_at)
       SELECT '2026-11-01', :first + n, 1, 1, '114',
       'monthly', 'R' || lpad(n::text, 11, '0'), 5000, 6800, 20000, 0,
       'confirmed', '2026-11-20', true, 0, '', '', '2026-11-20T02:00:00Z' FROM generate_series(1, :count) n""",
    """INSERT INTO months SELECT '2026-11-01', :first + n, 'covered', 'self', '2026-11-20',
       'R' || lpad(n::text, 11, '0'), NULL, NULL FROM generate_series(1, :count) n""",
    f"""INSERT INTO transfers ({COPIED}, kind, programme, debit_account, credit_account, amount_rp)
       SELECT month, changed_at, worker_id, reference, 'collected', programme, 'bank:114', 'due:' || programme, rp
       FROM attempts CROSS JOIN LATERAL (VALUES ('JKK', jkk_rp), ('JKM', jkm_rp), ('JHT', jht_rp)) p (programme, rp)
       WHERE worker_id > :first""",
)
# Three hundred thousand rows of about a hundred bytes would be far more than this, were they ever held.
GROWTH_MAX_MB = 12


def test_hundreds_of_thousands_of_rows_are_sealed_and_proved_without_being_held(world: World) -> None:
    member(world)
    world.collect()
    world.exchange()
    assert seal_ledger(world.ports) == 2
    sealed_before = world.one("SELECT sum(row_count) FROM seals")
    patient = create_engine(sqlalchemy_url(world.ports.settings.DATABASE_URL.get_secret_value()))
    ports = dataclasses.replace(world.ports, database=patient)
    with patient.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for sql in MANY:
            connection.execute(text(sql), {"count": WORKERS, "first": FIRST_ID})
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    begun = time.perf_counter()
    whole = WORKERS * 3 // seals.SEGMENT_ROWS_MAX
    assert seal_ledger(ports) in (whole, whole + 1)
    sealed = time.perf_counter()
    with ports.transaction() as work:
        proof = prove(work)
    sys.stdout.write(f"sealed in {sealed - begun:.1f} s, proved in {time.perf_counter() - sealed:.1f} s\n")
    held_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1e3
    patient.dispose()
    assert proof.differences == []
    assert (proof.sealed_rows - sealed_before, proof.unsealed_rows) == (WORKERS * 3, 0)
    assert held_mb < GROWTH_MAX_MB, f"{held_mb:.1f} MB of objects"
    assert grown_mb < GROWTH_MAX_MB, f"{grown_mb:.1f} MB of memory"
    assert seal_once(world) == 0
    assert seals.SEGMENT_ROWS_MAX < WORKERS * 3
