"""A bank that says "not now": its lane rests, what was not sent stays as it was, and one account is not the bank."""

from datetime import timedelta

import pytest

from autodebit.collect import collect
from autodebit.lanes import UNANSWERED_MAX
from banks.asked import CollectRequest
from banks.base import BankAnswer, BankRefused, Reason
from tests.crew import crew, with_bank
from tests.stand_ins import Paying
from tests.test_lanes import SICK, Failing, lane
from tests.world import World


class Busy(Paying):
    """A bank that takes so many debits and turns the rest away by `code`."""

    def __init__(self, takes: int, code: str) -> None:
        super().__init__(SICK)
        self.takes, self.refusal = takes, BankRefused(Reason.NOT_NOW, code)

    def collect(self, debit: CollectRequest) -> BankAnswer:
        answer = super().collect(debit)
        if len(self.debits) > self.takes:
            raise self.refusal
        return answer


@pytest.mark.parametrize(
    ("code", "asked_more"),
    [("4297100", 1), ("4037106", 1), ("4037120", 1), ("4037104", UNANSWERED_MAX)],
    ids=["too many requests", "cut-off", "our own limit", "count limit, which may be of one account"],
)
def test_a_bank_that_says_later_rests_and_what_was_not_sent_goes_after_the_rest_as_it_was(
    world: World, code: str, asked_more: int
) -> None:
    ports = crew(world, {SICK: 7})
    references = {reference for (reference,) in world.rows("SELECT reference FROM attempts")}
    busy = Busy(2, code)
    done = collect(with_bank(ports, busy))
    assert done.sick == {SICK: code}
    assert len(busy.debits) == 2 + asked_more
    assert done.by_state == {"confirmed": 2, "noticed": 5}
    assert lane(world) == (1, timedelta(minutes=1))
    assert collect(ports).by_state == {}
    world.clock.forward(minutes=1, seconds=1)
    assert collect(ports).by_state == {"confirmed": 5 - asked_more}, "those that it never saw meet it well"
    world.clock.forward(minutes=9)
    assert collect(ports).by_state == {"confirmed": asked_more}
    assert {debit.reference for debit in busy.debits} <= references
    assert {r for (r,) in world.rows("SELECT reference FROM attempts WHERE state = 'confirmed'")} == references


def test_one_account_at_its_limit_holds_up_no_other(world: World) -> None:
    ports = crew(world, {SICK: 6})
    limited = world.one("SELECT min(reference) FROM attempts")

    class Limited(Paying):
        def collect(self, debit: CollectRequest) -> BankAnswer:
            if debit.reference == limited:
                raise BankRefused(Reason.NOT_NOW, "4037104")
            return super().collect(debit)

    done = collect(with_bank(ports, Limited()))
    assert (done.sick, done.by_state) == ({}, {"noticed": 1, "confirmed": 5})


@pytest.mark.parametrize("code", ["4297100", "4017000"])
def test_a_bank_that_turns_all_away_rests_ever_longer(world: World, code: str) -> None:
    reason = Reason.NOT_NOW if code.startswith("429") else Reason.OURS
    ports = with_bank(crew(world, {SICK: 1}), Failing(BankRefused(reason, code)))
    rests = []
    for _ in range(4):
        collect(ports)
        rests.append(int(lane(world)[1].total_seconds()) // 60)
        world.clock.forward(minutes=61)
    assert rests == [1, 5, 15, 60]
