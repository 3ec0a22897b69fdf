"""`flask autodebit run` at a bank without an API, as the sandbox plays it: shown, waited for, taken the next time."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from autodebit.files import exchange_files
from config import Settings
from tests.debit_folders import BANK, consented, items
from tests.settling import state
from tests.test_background import flask
from tests.world import World

WAITS = "waits for the bank's file"


def answered(world: World) -> None:
    """Until the sandbox has answered every debit file."""
    folder = world.sandbox.folder / "batch" / BANK
    names = [path.name for path in (folder / "out").glob("*.csv")]
    assert names
    world.sandbox.look()
    assert all(any((folder / "in").rglob(f"result-{name}")) for name in names)


def run(settings: Settings, month: str, day: str) -> tuple[int, str]:
    done = flask(settings, "autodebit", "run", "--month", month, "--as-of", day)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def member(world: World) -> Iterator[World]:
    """Siti, whose bank has agreed to her mandate by file, and whose November is due."""
    consented(world)
    exchange_files(world.ports, BANK)
    answered(world)
    exchange_files(world.ports, BANK)
    assert world.one("SELECT state FROM mandates") == "active"
    yield world
    for path in (world.sandbox.folder / "batch").rglob("*.csv"):
        path.unlink()


def test_a_run_hands_the_file_over_and_the_next_one_takes_what_came_of_it(member: World, settings: Settings) -> None:
    code, shown = run(settings, "2026-11", "2026-11-23")
    assert (code, f"bank {BANK}: {WAITS}" in shown, state(member)) == (0, True, "sent")
    answered(member)
    code, shown = run(settings, "2026-11", "2026-11-23")
    assert (code, f"bank {BANK}: confirmed" in shown, "Rp28.400" in shown, WAITS in shown) == (0, True, True, False)
    assert state(member) == "confirmed"


def test_a_day_that_is_yet_to_come_is_answered_and_taken_on_this_one(member: World, settings: Settings) -> None:
    exchange_files(member.ports, BANK)
    answered(member)
    exchange_files(member.ports, BANK)
    assert state(member) == "confirmed"
    assert run(settings, "2026-12", "2026-12-02")[0] == 0
    december = "SELECT state FROM attempts WHERE month = '2026-12-01'"
    assert member.one(december) == "noticed"
    code, shown = run(settings, "2026-12", "2026-12-07")
    assert (code, f"bank {BANK}: {WAITS}" in shown, member.one(december)) == (0, True, "sent")
    assert member.rows("SELECT max(day) FROM bank_files") == [(date(2026, 12, 7),)]
    answered(member)
    # The worker has the true time, two weeks before the day that was named.
    assert exchange_files(member.ports, BANK).not_taken == 0
    assert (member.one(december), items(member)) == ("confirmed", [])


def test_a_refused_result_leaves_with_2_and_says_where_to_look(member: World, settings: Settings) -> None:
    result = member.sandbox.folder / "batch" / BANK / "in" / "result-cut.csv"
    result.write_text("H,IURAN-DEBIT-RESULT,1\n")
    code, shown = run(settings, "2026-11", "2026-11-23")
    assert (code, f"bank {BANK}: result files not taken, see flask autodebit status" in shown) == (2, True)
    assert flask(settings, "autodebit", "status").returncode == 2


def test_a_broken_folder_leaves_with_2_and_is_shown(member: World, settings: Settings) -> None:
    out = member.sandbox.folder / "batch" / BANK / "out"
    aside = out.with_name("aside")
    out.rename(aside)
    try:
        out.write_text("no folder")
        code, shown = run(settings, "2026-11", "2026-11-23")
    finally:
        out.unlink()
        aside.rename(out)
    assert (code, f"bank {BANK} stopped: its files" in shown) == (2, True)


def test_a_run_as_of_a_day_to_come_leaves_no_such_day_to_look_for_changes_from(
    member: World, settings: Settings
) -> None:
    assert run(settings, "2027-01", "2027-01-04")[0] == 0
    [(begun_at, planned_at)] = member.rows("SELECT begun_at, planned_at FROM runs")
    assert begun_at <= planned_at <= datetime.now(UTC)
