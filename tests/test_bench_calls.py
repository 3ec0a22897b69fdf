"""The calls that `make bench` makes are walked through the menu as it is: a changed menu fails here, not there."""

from collections.abc import Callable

import pytest

from bench.calls import NIK, Call, balance_call, enrolling_call, menu_call
from handset.phone import Phone
from tests.people import enrol
from tests.world import World


@pytest.mark.parametrize("of", [menu_call, enrolling_call, balance_call])
def test_every_answer_of_a_benched_call_begins_as_the_bench_expects(world: World, of: Callable[..., Call]) -> None:
    call = of(world.ports.texts)
    phone: Phone = world.phone("+6285000000001")
    if call.name == "balance":
        enrol(phone, NIK)
    heard = [phone.dial(), *(phone.press(key) for key in call.keys)]
    assert [f"CON {said}"[: len(begins)] for said, begins in zip(heard, call.expect, strict=True)] == list(call.expect)
