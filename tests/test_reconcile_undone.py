"""What a bank gave back, and what it never had: reversed, refunded or set free by its files, and by nothing less."""

from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from autodebit.settle import settle
from autodebit.unknown import ask_unknown
from banks.base import Became, LaneRules
from tests.settling import BANK, DAY, NEXT, Asked, Bank, Silent, line, notice, paid, state, tomorrow, unknown
from tests.world import World
from units.clock import JAKARTA

HALF_AN_HOUR = timedelta(minutes=30)

# What is given back


def test_a_return_reverses_the_debit_and_opens_the_month(world: World, desk: Bank) -> None:
    debit = paid(world)
    tomorrow(world)
    desk.gives([line("return", debit), line("debit", debit)])
    assert desk.settle()[0].found == {"settled": 1, "reversed": 1}
    assert state(world) == "reversed"
    assert world.one("SELECT state FROM months") == "open"
    assert {(one.bank_rp, one.ledger_rp, one.difference_rp) for one in desk.number().values()} <= {(0, 0, 0)}
    assert desk.items() == []


def test_a_return_whose_debit_comes_in_a_late_file_is_booked_with_it(world: World, desk: Bank) -> None:
    debit = unknown(world)
    world.clock.forward(days=2)
    desk.gives([line("return", debit, day=NEXT)], NEXT)
    assert desk.settle()[0].found == {"return_unbooked": 1}
    assert state(world) == "unknown", "nothing by guess"
    desk.gives([line("debit", debit)])
    desk.settle()
    assert state(world) == "reversed"
    assert desk.items() == []
    assert all(one.difference_rp == 0 for day in (DAY, NEXT) for one in desk.number(day).values())


def test_a_return_that_a_notice_had_told_is_matched(world: World, desk: Bank) -> None:
    debit = paid(world)
    world.clock.forward(hours=1)
    notice(world, debit, Became.FAILED)
    assert state(world) == "reversed"
    tomorrow(world)
    desk.gives([line("debit", debit), line("return", debit)])
    assert desk.settle()[0].found == {"matched": 2}
    assert all(one.difference_rp == 0 for one in desk.number().values())


@pytest.mark.parametrize(
    ("before", "found"), [("unknown", "refunded"), ("by_hand", "refunded"), ("due", "refund_unasked")]
)
def test_a_refund_in_the_file_is_done_if_it_was_on_its_way(world: World, desk: Bank, before: str, found: str) -> None:
    debit = paid(world)
    with world.ports.database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO refunds (reference, attempt_reference, month, worker_id, n, bank_code, amount_rp, state,"
                " why, bank_reference, changed_at) SELECT 'REFUND000001', reference, month, worker_id, n, bank_code,"
                " 28400, :before, 'surplus', '', now() FROM attempts"
            ),
            {"before": before},
        )
    tomorrow(world)
    desk.gives([line("debit", debit), line("refund", debit)])
    assert desk.settle()[0].found == {"settled": 1, found: 1}
    assert world.one("SELECT state FROM refunds") == ("done" if found == "refunded" else before)
    assert [code for _, code in desk.items()] == ([] if found == "refunded" else [found])
    assert desk.number()["SURPLUS"].open_rp == 0


# Absent


def test_a_bank_that_cannot_be_asked_frees_a_debit_only_by_two_days_files(world: World, desk: Bank) -> None:
    unknown(world)
    tomorrow(world)
    desk.gives([])
    desk.settle()
    assert state(world) == "unknown", "it may stand in the next day's file"
    tomorrow(world)
    desk.gives([], NEXT)
    settle(replace(desk.ports, banks={BANK: Silent()}))
    assert state(world) == "failed_soft"
    assert state(world, 2) == "noticed" or state(world, 2) == "scheduled"
    assert world.one("SELECT code FROM attempts WHERE n = 1") == "absent"


def test_a_missing_file_frees_nothing(world: World, desk: Bank) -> None:
    unknown(world)
    world.clock.forward(days=2)
    desk.gives([], NEXT)
    settle(replace(desk.ports, banks={BANK: Silent()}))
    assert state(world) == "unknown"


@pytest.mark.parametrize(("became", "after"), [(Became.NOT_FOUND, "failed_soft"), (Became.PENDING, "unknown")])
def test_a_bank_that_can_be_asked_is_asked_after_its_file(world: World, desk: Bank, became: Became, after: str) -> None:
    silent = Asked(became)
    ports = replace(desk.ports, banks={BANK: silent})
    unknown(world, silent)
    world.clock.forward(hours=5)
    ask_unknown(ports)
    assert state(world) == "unknown", "not found before the file frees nothing"
    tomorrow(world)
    desk.gives([])
    settle(ports)
    assert state(world) == "unknown"
    ask_unknown(ports)
    assert state(world) == after


@pytest.mark.parametrize("silent", [Silent(), Asked(Became.NOT_FOUND)], ids=["cannot be asked", "can be asked"])
def test_while_a_bank_closes_its_day_nothing_is_freed(world: World, desk: Bank, silent: Silent) -> None:
    """Ruling 8: what it does not know in its cut-off it may still book."""
    unknown(world, silent)
    for day in (DAY, NEXT):
        tomorrow(world)
        desk.gives([], day)
    closed = closing(silent, world.clock.now)
    ports = replace(desk.ports, banks={BANK: closed})
    for _ in range(3):
        settle(ports)
        ask_unknown(ports)
        world.clock.forward(minutes=10)
    assert state(world) == "unknown"
    world.clock.forward(hours=20)
    settle(ports)
    ask_unknown(ports)
    assert state(world) == "failed_soft"


def closing(bank: Silent, at: datetime) -> Silent:
    """The same bank, which closes its day for an hour around this moment."""
    around = at.astimezone(JAKARTA)
    closed = copy(bank)
    closed.rules = LaneRules(cut_off=((around - HALF_AN_HOUR).time(), (around + HALF_AN_HOUR).time()))
    return closed


def test_a_wrong_amount_is_not_absence(world: World, desk: Bank) -> None:
    debit = unknown(world)
    world.clock.forward(days=2)
    desk.gives([line("debit", debit, 100)])
    desk.gives([], NEXT)
    settle(replace(desk.ports, banks={BANK: Silent()}))
    assert state(world) == "unknown"
