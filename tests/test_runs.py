"""A month's run: held outside its limits until two people agree, planned chunk by chunk, whole after any crash."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from autodebit.collect import collect
from autodebit.decide import decide
from autodebit.plan import Planned, plan
from insurance import runs, work_items
from insurance.mandates import pause, resume
from models import Run, Worker
from models.machine import Cause
from ports import Ports
from tests.crew import crew, join
from tests.people import SITI_NIK, SITI_PHONE
from tests.stand_ins import Paying
from tests.troubled import Crash, dying
from tests.world import World

NOV, DEC, JAN = date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)
BANK = "114"


def with_settings(ports: Ports, **update: int) -> Ports:
    return replace(ports, settings=ports.settings.model_copy(update=update))


def attempts(world: World, month: date = DEC) -> int:
    return int(world.one("SELECT count(*) FROM attempts WHERE month = :month", month=month))


def item(world: World) -> int:
    return int(world.one("SELECT id FROM work_items WHERE kind = 'run'"))


def execute(world: World, sql: str) -> None:
    with world.ports.database.begin() as connection:
        connection.execute(text(sql))


@pytest.fixture
def paid(world: World) -> Ports:
    """Three members at one bank whose November is paid; it is the 25th, and December may be planned."""
    ports = crew(world, {BANK: 3})
    assert collect(ports).by_state == {"confirmed": 3}
    world.clock.forward(days=2)
    return ports


# What is out of the usual waits for two people


@pytest.mark.parametrize(
    ("limits", "by", "why"),
    [
        ({"RUN_MANDATES_MAX": 2}, runs.TIMETABLE, "more mandates than allowed"),
        ({"RUN_SUM_RP_MAX": 3 * 36_800 - 1}, runs.TIMETABLE, "more money than allowed"),
        ({}, "ani", "by hand"),
    ],
)
def test_a_run_outside_its_limits_plans_nothing_until_two_people_agree(
    world: World, paid: Ports, limits: dict[str, int], by: str, why: str
) -> None:
    ports = with_settings(paid, APPROVALS_MIN=2, **limits)
    for _ in range(2):
        assert plan(ports, DEC, by) == Planned(held="held")
    assert attempts(world) == 0
    assert world.one("SELECT code FROM work_items WHERE kind = 'run'") == why
    for name in ("ani", "Ani ", "ani"):
        assert "2 people have to agree" in decide(ports, item(world), name, "run")
    assert plan(ports, DEC).held == "held", "the same person twice is one person"
    assert "goes on" in decide(ports, item(world), "budi", "run")
    done = plan(ports, DEC)
    assert (done.held, done.scheduled) == ("", 3)
    assert world.one("SELECT state FROM work_items WHERE kind = 'run'") == "done"
    assert plan(ports, DEC) == Planned()


def test_a_run_at_its_limits_goes_alone(world: World, paid: Ports) -> None:
    ports = with_settings(paid, APPROVALS_MIN=2, RUN_MANDATES_MAX=3, RUN_SUM_RP_MAX=3 * 36_800)
    assert plan(ports, DEC).scheduled == 3
    assert world.rows("SELECT * FROM work_items") == []


def test_a_run_that_differs_much_from_the_month_before_waits(world: World, paid: Ports) -> None:
    ports = with_settings(paid, APPROVALS_MIN=2)
    before = runs.DEVIATION_MANDATES_MIN + 3
    with ports.transaction() as work:
        work.db.add(Run(month=NOV, state="planned", by="timetable", mandates=before, sum_max_rp=0, begun_at=work.now))
    assert plan(ports, DEC).scheduled == 3, "small months swing"
    world.clock.forward(days=33)
    execute(world, f"UPDATE runs SET mandates = {before + 1} WHERE month = '{DEC}'")
    assert plan(ports, JAN).held == "held"
    assert world.one("SELECT code FROM work_items WHERE about = '2027-01'") == "differs from the month before"


def test_a_refused_run_stays_refused(world: World, paid: Ports) -> None:
    ports = with_settings(paid, APPROVALS_MIN=2)
    plan(ports, DEC, "ani")
    with ports.transaction() as work:
        work_items.refuse(work, item(world), "budi")
    for _ in range(2):
        assert plan(ports, DEC).held == "refused"
        assert plan(ports, DEC, "citra").held == "refused"
    with pytest.raises(work_items.NotOpen):
        decide(ports, item(world), "dewi", "run")
    assert attempts(world) == 0


def test_a_held_run_holds_nobody_to_a_mandate_whose_time_is_over(world: World, paid: Ports) -> None:
    assert plan(paid, DEC).scheduled == 3
    world.send_sms()
    execute(world, "UPDATE mandates SET expires_on = '2026-12-06'")
    execute(world, "UPDATE runs SET state = 'refused'")
    world.clock.forward(days=20)
    assert plan(paid, DEC).held == "refused"
    assert collect(paid).by_state == {}, "the bank is asked for nothing after the last day that was agreed to"
    bank = paid.banks[BANK]
    assert isinstance(bank, Paying)
    assert len(bank.debits) == 3


# Chunks


@pytest.mark.parametrize("commits", range(7))
def test_a_crash_anywhere_in_a_planning_is_mended_by_the_next_one(
    world: World, paid: Ports, monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    monkeypatch.setattr(runs, "CHUNK_MANDATES", 1)
    with pytest.raises(Crash):
        plan(dying(paid, commits), DEC)
    done = attempts(world)
    assert done < 3 or commits == 6
    assert plan(paid, DEC).scheduled == 3 - done
    assert attempts(world) == 3
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'notice'") == 3
    assert world.one("SELECT count(*) FROM chunks WHERE planned_at IS NULL") == 0
    assert world.one("SELECT state FROM runs WHERE month = '2026-12-01'") == "planned"


def test_who_came_while_a_planning_lay_broken_is_planned_by_the_next_one(
    world: World, paid: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "CHUNK_MANDATES", 1)
    with pytest.raises(Crash):
        plan(dying(paid, 4), DEC)
    world.clock.forward(hours=1)
    late(world, paid)
    world.clock.forward(hours=5)
    plan(paid, DEC)
    assert attempts(world) == 4


def late(world: World, ports: Ports) -> None:
    """Siti comes after the others; her first month is paid at once."""
    from autodebit.mandates import ask_banks

    join(ports, BANK, f"{BANK}0009999", SITI_NIK, SITI_PHONE)
    ask_banks(ports)
    collect(ports)


def test_who_comes_after_the_planning_is_planned_by_the_next_one(world: World, paid: Ports) -> None:
    assert plan(paid, DEC).scheduled == 3
    world.clock.forward(hours=1)
    late(world, paid)
    assert plan(paid, DEC).scheduled == 1
    assert plan(paid, DEC).scheduled == 0


@pytest.mark.parametrize("crashed", [False, True])
def test_who_comes_after_a_planning_on_a_pretended_day_is_planned_by_the_next_one(
    world: World, paid: Ports, monkeypatch: pytest.MonkeyPatch, crashed: bool
) -> None:
    monkeypatch.setattr(runs, "CHUNK_MANDATES", 1)
    to_come = replace(paid, clock=lambda: world.clock.now + timedelta(days=7))
    if crashed:
        with pytest.raises(Crash):
            plan(dying(to_come, 4), DEC, at=world.clock.now)
    else:
        assert plan(to_come, DEC, at=world.clock.now).scheduled == 3
    world.clock.forward(hours=5)
    late(world, paid)
    world.clock.forward(days=2)
    plan(paid, DEC)
    assert attempts(world) == 4


def test_whom_bpjs_verifies_after_the_planning_is_planned_by_the_next_one(world: World) -> None:
    from tests.people import authorise, enrol

    phone = world.phone()
    enrol(phone)
    authorise(phone)
    world.ask_banks()
    world.clock.forward(days=2)
    assert world.plan(DEC).scheduled == 0
    world.clock.forward(days=1)
    assert world.plan(DEC).scheduled == 0
    world.exchange()
    assert world.plan(DEC).scheduled == 1


def test_one_broken_mandate_is_counted_and_its_neighbours_are_planned(world: World, paid: Ports) -> None:
    execute(world, "UPDATE memberships SET programmes = '9' WHERE worker_id = (SELECT min(id) FROM workers)")
    done = plan(paid, DEC)
    assert (done.scheduled, done.broken) == (2, 1)
    world.clock.forward(hours=5)
    assert plan(paid, DEC).broken == 1
    world.clock.forward(hours=5)
    execute(world, "UPDATE memberships SET programmes = '3'")
    done = plan(paid, DEC)
    assert (done.scheduled, done.broken) == (1, 0), "it is planned once somebody has mended it"


def siti(ports: Ports, act: str) -> None:
    with ports.transaction() as work:
        worker = work.db.query(Worker).order_by(Worker.id).first()
        assert worker is not None
        if act == "pause":
            pause(work, worker, 1)
        else:
            resume(work, worker, Cause("member", "resume"))


def test_who_paused_is_left_out_and_is_planned_for_the_month_after(world: World, paid: Ports) -> None:
    siti(paid, "pause")
    assert plan(paid, DEC).scheduled == 2
    world.clock.forward(days=30)
    assert plan(paid, JAN).scheduled == 3


def test_who_takes_a_pause_back_after_the_planning_is_planned_by_the_next_one(world: World, paid: Ports) -> None:
    siti(paid, "pause")
    assert plan(paid, DEC).scheduled == 2
    world.clock.forward(hours=4)
    siti(paid, "resume")
    assert plan(paid, DEC).scheduled == 1


def test_a_mandate_whose_first_month_is_a_later_one_is_left_out(world: World, paid: Ports) -> None:
    execute(world, "UPDATE mandates SET first_month = '2027-01-01' WHERE id = (SELECT min(id) FROM mandates)")
    assert plan(paid, DEC).scheduled == 2


def test_a_mandate_past_its_last_day_ends_and_says_so(world: World, paid: Ports) -> None:
    execute(world, "UPDATE mandates SET expires_on = '2026-11-25' WHERE id = (SELECT min(id) FROM mandates)")
    assert plan(paid, DEC).scheduled == 2
    assert world.rows("SELECT * FROM mandates WHERE state = 'expired'") == [], "its last day is still its own"
    world.clock.forward(days=1)
    assert plan(paid, DEC).scheduled == 0
    assert world.one("SELECT count(*) FROM mandates WHERE state = 'expired'") == 1
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'mandate_expired'") == 1


def test_planning_twice_changes_nothing(world: World, paid: Ports) -> None:
    plan(paid, DEC)
    tables = ("attempts", "messages", "months", "mandates")
    before = [sorted(map(str, world.rows(f"SELECT * FROM {table}"))) for table in tables]
    for _ in range(2):
        assert plan(paid, DEC) == Planned()
    assert [sorted(map(str, world.rows(f"SELECT * FROM {table}"))) for table in tables] == before
