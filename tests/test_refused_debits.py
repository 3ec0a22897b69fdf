"""Debits refused for the request's sake: too late for the bank, or faulty; none is resent for ever without a person."""

from dataclasses import replace
from datetime import date

import pytest

from autodebit.collect import collect
from autodebit.decide import decide
from autodebit.mandates import ask_banks
from banks.base import BankRefused, BankUnknown, Reason
from insurance.open_items import open_items
from ports import Ports
from tests.crew import crew, with_bank
from tests.people import authorise, enrol
from tests.stand_ins import Refusing
from tests.test_lanes import Failing
from tests.test_mandate_change import states
from tests.world import World

BANK = "114"
LATE, FAULTY = BankRefused(Reason.EXPIRED, "4037100"), BankRefused(Reason.OURS, "4007101")


def one_due(world: World) -> Ports:
    return crew(world, {BANK: 1})


def attempts(world: World) -> list[tuple[int, str]]:
    return [(n, state) for n, state in world.rows("SELECT n, state FROM attempts ORDER BY n")]


def items(world: World) -> list[tuple[str, str, str]]:
    return [tuple(row) for row in world.rows("SELECT about, code, state FROM work_items ORDER BY id")]


def reference(world: World) -> str:
    return str(world.one("SELECT reference FROM attempts WHERE n = 1"))


def test_a_debit_that_came_too_late_has_failed_and_another_reference_follows_on_another_day(world: World) -> None:
    world.clock.forward(days=-19)  # Early in the month, so that there are days left.
    ports = one_due(world)
    assert collect(with_bank(ports, Failing(LATE))).by_state == {"failed_soft": 1}
    assert attempts(world) == [(1, "failed_soft"), (2, "noticed")]
    assert "lewat waktu di bank" in world.owed_to("+6285700000010")[-1]
    assert collect(ports).by_state == {}, "one try a day"
    due: date = world.one("SELECT due_on FROM attempts WHERE n = 2")
    world.send_sms()
    while world.clock.now.date() < due:
        world.clock.forward(days=1)
    assert collect(ports).by_state == {"confirmed": 1}
    assert len({reference for (reference,) in world.rows("SELECT reference FROM attempts")}) == 2


def test_a_debit_that_always_comes_too_late_is_tried_three_times_a_month(world: World) -> None:
    world.clock.forward(days=-19)
    late = with_bank(one_due(world), Failing(LATE))
    for _ in range(26):
        collect(late)
        world.send_sms()
        world.clock.forward(days=1)
    assert attempts(world) == [(1, "failed_soft"), (2, "failed_soft"), (3, "failed_soft")]


def test_a_request_that_the_bank_finds_faulty_is_one_item_for_a_person_until_the_bank_takes_it(world: World) -> None:
    ports = one_due(world)
    faulty = with_bank(ports, Failing(FAULTY))
    for _ in range(3):
        assert collect(faulty).by_state == {"noticed": 1}
        world.clock.forward(days=1, minutes=1)
    assert items(world) == [(reference(world), "4007101", "open")]
    with ports.transaction() as work:
        seen = [(item.what, item.which) for item in open_items(work)]
    assert ("bank_refuses_us 4007101", reference(world)) in seen
    assert collect(ports).by_state == {"confirmed": 1}
    assert items(world) == [(reference(world), "4007101", "done")]


@pytest.mark.parametrize("answer", [BankRefused(Reason.NO_FUNDS, "4037114"), BankUnknown("504")])
def test_another_answer_of_the_bank_closes_the_item_too(world: World, answer: Exception) -> None:
    ports = one_due(world)
    collect(with_bank(ports, Failing(FAULTY)))
    world.clock.forward(days=1, minutes=1)
    collect(with_bank(ports, Failing(answer)))
    assert [state for _, _, state in items(world)] == ["done"]


def test_our_credentials_are_the_lanes_matter_and_no_items(world: World) -> None:
    collect(with_bank(one_due(world), Failing(BankRefused(Reason.OURS, "4017100"))))
    assert items(world) == []


def test_a_mandate_that_the_bank_finds_faulty_is_a_matter_for_a_person_who_closes_it(world: World) -> None:
    enrol(world.phone())
    authorise(world.phone())
    ports = replace(world.ports, banks={BANK: Refusing("4007001")})
    ask_banks(ports)
    assert states(world) == ["rejected"]
    mandate_id = world.one("SELECT id FROM mandates")
    assert items(world) == [(f"mandate {mandate_id}", "4007001", "open")]
    assert "closed" in decide(ports, world.one("SELECT id FROM work_items"), "ani", "settled_by_hand")
