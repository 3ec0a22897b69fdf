"""Runs at the console: one starts, another approves, the timetable goes on; lanes are drained and taken up again."""

import re
from datetime import date

import pytest

from autodebit.collect import collect
from jobs import plan_months
from models import Role
from tests.console_desk import Console
from tests.crew import crew
from tests.heard import item
from tests.people import CLOSED, authorise, enrol
from tests.villagers import THIS

DEC = date(2026, 12, 1)


@pytest.fixture
def paid(strict: Console) -> Console:
    """Three members at one bank whose November is paid; it is the 23rd, and nobody has planned December."""
    collect(crew(strict.world, {"114": 3}))
    return strict


def attempts(console: Console) -> int:
    return int(console.world.one("SELECT count(*) FROM attempts WHERE month = :month", month=DEC))


def test_a_run_is_started_by_one_approved_by_another_and_goes_on_by_itself(paid: Console) -> None:
    first = paid.desk(Role.FINANCE)
    first.post("/runs/start", page="/runs/?month=2026-12", month="2026-12")
    page = first.get("/runs/?month=2026-12").get_data(as_text=True)
    assert "menunggu persetujuan" in page
    plan_months(paid.ports)
    assert attempts(paid) == 0, "one is not enough"
    number = item(paid.world, "run")
    first.post(f"/matters/{number}/decision", page=f"/matters/{number}", decision="run")
    plan_months(paid.ports)
    assert attempts(paid) == 0, "nor is the same one twice"
    paid.desk(Role.FINANCE, name="finance.two").post(
        f"/matters/{number}/decision", page=f"/matters/{number}", decision="run"
    )
    plan_months(paid.ports)
    assert attempts(paid) == 3
    paid.ports.reference.clear()
    page = first.get("/runs/?month=2026-12").get_data(as_text=True)
    assert "tersusun" in page
    assert re.search(r"(dijadwalkan|diberitahukan) 3", page)
    assert "finance.one" in page


def test_a_run_that_nobody_began_waits_for_the_25th(paid: Console) -> None:
    plan_months(paid.ports)
    assert attempts(paid) == 0


@pytest.mark.parametrize("month", ["2027-01", "2026-10", "rubbish"])
def test_only_this_month_and_the_next_are_started(paid: Console, month: str) -> None:
    assert paid.desk(Role.FINANCE).post("/runs/start", page="/runs/", month=month).status_code == 404
    assert paid.world.rows("SELECT * FROM runs WHERE by <> 'timetable'") == []


def test_a_month_that_is_none_is_not_here(console: Console) -> None:
    assert console.desk(Role.VIEWER).get("/runs/?month=2026-13").status_code == 404


def test_a_lane_is_drained_and_taken_up_again_by_name(console: Console) -> None:
    desk = console.desk(Role.FINANCE)
    assert desk.post("/runs/lanes/114", page="/runs/", drained="yes").status_code == 302
    assert console.world.rows("SELECT drained, drained_by FROM lanes") == [(True, "finance.one")]
    assert "Buka jalur bank 114" in desk.get("/runs/").get_data(as_text=True)
    desk.post("/runs/lanes/114", page="/runs/", drained="no")
    assert console.world.one("SELECT drained FROM lanes") is False
    assert desk.post("/runs/lanes/999", page="/runs/", drained="yes").status_code == 404


def test_failures_are_told_by_reason(console: Console) -> None:
    world = console.world
    enrol(world.phone())
    world.exchange()
    authorise(world.phone(), CLOSED)
    world.ask_banks()
    world.plan(THIS)
    world.send_sms()
    world.collect()
    (state, code) = world.rows("SELECT state, code FROM attempts")[0]
    page = console.desk(Role.VIEWER).get("/runs/", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert state == "failed_hard"
    assert "Kegagalan menurut alasan" in page
    assert code in page
    assert "<html" not in page


def test_too_many_debits_are_not_counted_for_a_page(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("insurance.progress.COUNTED_MAX", -2)
    console.ports.reference.clear()
    page = console.desk(Role.VIEWER).get("/runs/").get_data(as_text=True)
    assert "terlalu banyak" in page
