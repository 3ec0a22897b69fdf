"""`flask autodebit` as people use it: its codes tell, what cannot be done is one line, nobody approves twice."""

import os
import pty
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta

import pytest

from autodebit.plan import plan
from config import Settings
from insurance import contributions
from insurance.attempts import Try
from tests.crew import crew
from tests.sandboxed import ROOT
from tests.test_autodebit import member
from tests.test_background import environment, flask
from tests.test_runs import BANK, NOV, item, with_settings
from tests.world import World
from units.clock import jakarta_day


def test_drain_and_resume_are_done_by_command_and_shown(world: World, settings: Settings) -> None:
    assert flask(settings, "autodebit", "drain", "--bank", BANK, "--by", "ani").returncode == 0
    shown = flask(settings, "autodebit", "status")
    assert shown.returncode == 0, "a drain is nothing that waits for a person"
    assert "drained by ani" in shown.stdout
    assert flask(settings, "autodebit", "resume", "--bank", BANK, "--by", "ani").returncode == 0
    assert "drained" not in flask(settings, "autodebit", "status").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("drain", "--bank", "999"), "no bank 999 is connected"),
        (("resume", "--bank", "999"), "no bank 999 is connected"),
        (("resume",), "--bank CODE or --month YYYY-MM"),
        (("status", "--month", "Desember"), "written YYYY-MM"),
        (("drain", "--bank", BANK, "--by", "x" * 41), "at most 40 letters"),
        (("plan", "--month", "2026-11", "--by", "Timetable"), "is no person's name"),
        (("approve", "7", "--decision", "run", "--by", " "), "your name"),
        (("approve", "7", "--decision", "run", "--by", "ani"), "there is no work item 7"),
        (("refuse", "7", "--by", "ani"), "there is no work item 7"),
    ],
)
def test_a_command_that_cannot_be_done_is_one_clear_line(
    world: World, settings: Settings, words: tuple[str, ...], said: str
) -> None:
    done = flask(settings, "autodebit", *words)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_leaves_with_2_when_a_bank_gives_no_answer(world: World, settings: Settings) -> None:
    ports = crew(world, {BANK: 1})
    world.clock.let_outside_go()
    with ports.transaction() as work:
        # Its sender died.
        [(one, _)] = contributions.claim(work, BANK, timedelta(minutes=-1), 1)
        assert isinstance(one, Try)
    done = flask(settings, "autodebit", "run", "--month", "2026-11", "--as-of", "2026-11-23")
    assert done.returncode == 2, done.stderr
    assert "their sender had died" in done.stdout
    status = flask(settings, "autodebit", "status", "--month", "2026-11")
    assert status.returncode == 2
    assert "unknown 1" in status.stdout
    assert one.reference in status.stdout


def test_who_looks_on_sees_the_run_go_on(world: World, settings: Settings) -> None:
    """On a terminal the table is drawn again and again in its place; in a file it stands once, at the end."""
    member(world)
    world.clock.let_outside_go()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "flask", "autodebit", "run", "--month", "2026-11", "--as-of", "2026-11-23"]
    env = {**environment(settings), "TERM": "xterm"}
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    # Linux ends a terminal that nobody holds open any more with EIO.
    with suppress(OSError):
        while more := os.read(ours, 65536):
            shown += more
    os.close(ours)
    assert process.wait(30) == 0, shown.decode()
    assert shown.count(b"Autodebit 2026-11") > 2
    assert b"\x1b[" in shown
    assert f"bank {BANK}: confirmed".encode() in shown, shown.decode()


def test_a_held_run_is_approved_by_command_from_end_to_end(world: World, settings: Settings) -> None:
    crew(world, {BANK: 1})
    world.clock.let_outside_go()
    month = f"{jakarta_day(world.clock.now):%Y-%m}"
    ports = with_settings(world.ports, APPROVALS_MIN=2, RUN_MANDATES_MAX=1)
    assert plan(ports, NOV, "ani").held == "held"
    number = str(item(world))
    status = flask(settings, "autodebit", "status", "--month", month)
    assert status.returncode == 2
    assert "run held" in status.stdout
    assert "by hand" in status.stdout
    held = flask(settings, "autodebit", "run", "--month", month, "--as-of", "2026-11-23")
    assert held.returncode == 3
    assert "is held: flask autodebit status" in held.stdout
    wrong = flask(settings, "autodebit", "approve", number, "--decision", "refund", "--by", "budi")
    assert (wrong.returncode, "does not fit" in wrong.stderr) == (1, True)
    approved = flask(settings, "autodebit", "approve", number, "--decision", "run", "--by", "budi")
    assert approved.returncode == 0, approved.stderr
    assert "The run goes on" in approved.stdout
    again = flask(settings, "autodebit", "approve", number, "--decision", "run", "--by", "citra")
    assert (again.returncode, "Traceback" in again.stderr) == (1, False)
    assert flask(settings, "autodebit", "plan", "--month", month, "--as-of", "2026-11-23").returncode == 0
    assert "run planned" in flask(settings, "autodebit", "status", "--month", month).stdout
