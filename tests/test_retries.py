"""A debit without funds: tried again on few and sensible days, each told before; the third empty month rests it."""

from dataclasses import replace
from datetime import date

import pytest

from autodebit.collect import collect
from autodebit.plan import plan
from ports import Ports
from tests.crew import crew, with_bank
from tests.stand_ins import Poor
from tests.test_runs import BANK, DEC, JAN, NOV, attempts, siti
from tests.world import World
from units.clock import jakarta_day


def poor(ports: Ports, fee_rp: int = 0) -> Ports:
    bank = Poor()
    bank.rules = replace(bank.rules, bounce_fee_rp=fee_rp, pace_per_s=10_000.0)
    return with_bank(ports, bank)


@pytest.mark.parametrize(("fee_rp", "again"), [(0, 3), (28_400 * 5 // 100, 3), (28_400 * 5 // 100 + 1, 0)])
def test_a_bounce_that_costs_more_than_it_is_worth_is_not_tried_again(world: World, fee_rp: int, again: int) -> None:
    world.clock.forward(days=-19)  # Early in the month, so that there are days left.
    ports = poor(crew(world, {BANK: 3}), fee_rp)
    assert collect(ports).by_state == {"failed_soft": 3}
    assert world.one("SELECT count(*) FROM attempts WHERE n = 2 AND why = 'retry'") == again
    kind = "failed_retry" if again else "failed_soft"
    assert world.one("SELECT count(*) FROM messages WHERE kind = :kind", kind=kind) == 3


def test_a_month_is_tried_three_times_on_three_days_each_after_the_text_that_names_it(world: World) -> None:
    world.clock.forward(days=-19)  # Wednesday 4 November
    ports = poor(crew(world, {BANK: 1}))
    days = list[date]()
    while jakarta_day(world.clock.now) < DEC:
        if collect(ports).by_state:
            days.append(jakarta_day(world.clock.now))
            assert collect(ports).by_state == {}, "never twice on one day"
            due = world.rows("SELECT due_on FROM attempts WHERE asked_at IS NULL AND state = 'noticed'")
            for (day,) in due:
                assert f"sebelum {day:%d-%m-%Y}" in world.owed_to("+6285700000010")[-1]
            world.send_sms()
        world.clock.forward(days=1)
    assert days == [date(2026, 11, 4), date(2026, 11, 9), date(2026, 11, 27)]
    assert world.one("SELECT count(*) FROM attempts WHERE asked_at IS NOT NULL") == 3
    assert world.one("SELECT count(*) FROM months WHERE state = 'covered'") == 0


def test_a_retry_whose_text_never_left_waits_until_48_hours_after_it_did(world: World) -> None:
    world.clock.forward(days=-19)
    ports = poor(crew(world, {BANK: 1}))
    collect(ports)
    world.clock.forward(days=5)
    assert collect(ports).by_state == {}, "the text that is its notice was not sent"
    moved = world.one("SELECT due_on FROM attempts WHERE n = 2")
    assert moved > date(2026, 11, 10)
    world.send_sms()
    world.clock.forward(days=1)
    assert collect(ports).by_state == {}
    while jakarta_day(world.clock.now) < moved:
        world.clock.forward(days=1)
    assert collect(ports).by_state == {"failed_soft": 1}


def test_three_months_without_funds_suspend_a_mandate_and_a_resume_takes_it_up(world: World) -> None:
    ports = poor(crew(world, {BANK: 1}), fee_rp=10_000)
    for month in (NOV, DEC, JAN):
        while jakarta_day(world.clock.now) < month:
            world.clock.forward(days=1)
        plan(ports, month)
        world.send_sms()
        while attempts(world, month) and not collect(ports).by_state:
            world.clock.forward(days=1)
    assert world.one("SELECT state FROM mandates") == "suspended"
    told = world.owed_to("+6285700000010")
    assert "saldo kurang 3 bulan" in told[-1]
    world.clock.forward(days=20)
    feb = date(2027, 2, 1)
    assert plan(ports, feb).scheduled == 0
    siti(ports, "resume")
    assert world.one("SELECT state || no_funds_months FROM mandates") == "active0"
    assert plan(ports, feb).scheduled == 1
