"""Debits without an answer: asked for on a timetable, decided by two people at last, and never sent beside."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from autodebit.decide import decide
from autodebit.exchange import exchange
from banks.asked import CollectRequest
from banks.base import BankAnswer, Became, Reason, Status
from insurance.work_items import Disagreed, NotOpen
from tests.heard import (
    DENIED,
    TOTAL_RP,
    agree,
    hears,
    item,
    items,
    next_question,
    one_member,
    posted,
    receipts,
    references,
    says,
    states,
    tells,
)
from tests.histories import Story
from tests.history_checks import BIFAST, BOUND
from tests.troubled import FaultyAsked, Trouble
from tests.world import World

LOST, NEVER_SAID = "0999", "0202"


def forward(world: World, by: timedelta) -> None:
    world.clock.now += by


def unknown(world: World, ending: str = LOST) -> Story:
    story = one_member(world, ending)
    story.collect()
    assert states(world) == ["unknown"]
    return story


def manual(world: World) -> Story:
    """Five days of questions without an answer."""
    story = unknown(world, NEVER_SAID)
    while states(world) == ["unknown"]:
        forward(world, next_question(world))
        story.ask()
    return story


# Asking


def test_the_bank_is_asked_after_1_5_30_minutes_2_and_6_hours_then_daily_and_on_the_fifth_day_people_are(
    world: World,
) -> None:
    story = unknown(world)
    bank = says(story, Status(Became.PENDING, code="03"))
    began, waited = world.clock.now, []
    while states(world) == ["unknown"]:
        waited.append(next_question(world))
        forward(world, waited[-1] - timedelta(seconds=1))
        story.ask()
        assert bank.asked == len(waited) - 1, "not before its time"
        forward(world, timedelta(seconds=1))
        story.ask()
        assert bank.asked == len(waited)
    minutes = [timedelta(minutes=m) for m in (1, 5, 30, 120, 360)]
    assert waited[:5] == minutes
    assert waited[5:9] == [timedelta(days=1)] * 4
    assert world.clock.now - began == timedelta(days=5)
    assert states(world) == ["manual"]
    assert items(world) == [("manual_outcome", "open")]
    assert world.one("SELECT about FROM work_items") == references(world)[0]


def test_nothing_else_is_sent_while_a_debit_is_unknown_or_manual(world: World) -> None:
    story = unknown(world)
    says(story, Status(Became.PENDING))
    for _ in range(8):
        world.clock.forward(days=1)
        story.plan()
        story.send_texts()
        story.collect()
        story.ask()
    november = world.rows("SELECT state FROM attempts WHERE month = '2026-11-01'")
    assert [state for (state,) in november] == ["manual"]
    assert len(story.book()) == 1


def test_a_notice_that_says_pending_puts_no_question_off(world: World) -> None:
    story = unknown(world)
    before = next_question(world)
    for _ in range(3):
        hears(story, tells(world, "03"))
    assert states(world) == ["unknown"]
    assert next_question(world) == before


def test_a_status_done_confirms_with_one_receipt_however_often_it_is_said(world: World) -> None:
    story = unknown(world)
    world.clock.forward(minutes=1)
    story.ask()
    story.ask()
    assert states(world) == ["confirmed"]
    assert posted(world) == [("collected", TOTAL_RP)]
    assert receipts(world, "paid") == 1


def test_a_status_failed_books_nothing_and_is_tried_again_under_another_reference(world: World) -> None:
    story = unknown(world, NEVER_SAID)
    says(story, Status(Became.FAILED, code="4035414", reason=Reason.NO_FUNDS))
    world.clock.forward(minutes=1)
    story.ask()
    assert states(world)[0] == "failed_soft"
    assert states(world)[1:] in (["scheduled"], ["noticed"])
    assert len(set(references(world))) == 2
    assert posted(world) == []


class Twice(FaultyAsked):
    """A real bank whose first answer is lost, so that a network in between sends the debit again."""

    def collect(self, debit: CollectRequest) -> BankAnswer:
        self._bank.collect(debit)
        return self._bank.collect(debit)


@pytest.mark.parametrize(("bank", "how"), [(BOUND, "asked"), (BIFAST, "settled")])
def test_a_reference_that_the_bank_has_already_is_looked_up_and_booked_once(world: World, bank: str, how: str) -> None:
    """40954/71 01, duplicate partnerReferenceNo: the money has moved, and no answer says it (programme.md 3.5)."""
    story = one_member(world, "2345", bank)
    story.ports = replace(story.ports, banks={**story.ports.banks, bank: Twice(world.ports.banks[bank], Trouble([]))})
    story.collect()
    assert (states(world), posted(world)) == (["unknown"], [])
    assert world.one("SELECT code FROM attempts") == ("4095401" if bank == BOUND else "4097101")
    world.clock.forward(minutes=1)
    story.ask()
    if how == "settled":
        assert states(world) == ["unknown"], "this product knows no question (ruling 7): its day file says it"
        world.clock.forward(days=1)
        story.settle()
    assert states(world) in (["confirmed"], ["settled"])
    assert posted(world) == [("collected", TOTAL_RP)]
    assert receipts(world, "paid") == 1
    assert len(story.book()) == 1


def test_a_debit_that_the_bank_does_not_find_stays_unknown(world: World) -> None:
    story = unknown(world)
    bank = says(story, Status(Became.NOT_FOUND, code="4045501"))
    for _ in range(4):
        forward(world, next_question(world))
        story.ask()
    assert bank.asked == 4
    assert states(world) == ["unknown"]
    assert receipts(world, "failed_soft") == 0


@pytest.mark.parametrize("wrong", ["amount_rp = amount_rp + 1", "partner_reference = 'another'"])
def test_a_status_of_another_amount_or_reference_books_nothing(world: World, wrong: str) -> None:
    story = unknown(world)
    with world.ports.database.begin() as connection:
        connection.execute(text(f"UPDATE sandbox.debits SET {wrong}"))
    world.clock.forward(minutes=1)
    story.ask()
    assert states(world) == ["unknown"]
    assert posted(world) == []


# Deciding


def test_two_people_decide_and_one_is_not_enough(world: World) -> None:
    story = manual(world)
    matter = item(world, "manual_outcome")
    for _ in range(2):
        decide(story.ports, matter, "ani", "debited")
        assert states(world) == ["manual"], "the same person counts once"
    with pytest.raises(Disagreed):
        decide(story.ports, matter, "budi", "not_debited")
    assert states(world) == ["manual"]
    decide(story.ports, matter, "budi", "debited")
    assert states(world) == ["confirmed"]
    assert posted(world) == [("collected", TOTAL_RP)]
    assert items(world) == [("manual_outcome", "done")]
    with pytest.raises(NotOpen):
        decide(story.ports, matter, "cici", "debited")


def test_two_people_may_decide_that_nothing_was_debited(world: World) -> None:
    story = manual(world)
    agree(story, "manual_outcome", "not_debited")
    assert states(world)[0] == "failed_soft"
    assert posted(world) == []
    assert items(world) == [("manual_outcome", "done")]


def test_a_bank_that_says_so_at_last_leaves_people_nothing_to_decide(world: World) -> None:
    story = manual(world)
    with world.ports.database.begin() as connection:
        connection.execute(text("UPDATE attempts SET state = 'unknown', ask_at = now() - interval '99 years'"))
    says(story, Status(Became.DONE, "B1"))
    story.ask()
    assert states(world) == ["confirmed"]
    assert items(world) == [("manual_outcome", "done")]


def test_a_failure_of_before_is_no_older_word_than_a_yes_that_only_people_gave(world: World) -> None:
    story = manual(world)
    agree(story, "manual_outcome", "debited")
    hears(story, tells(world, "06", at=world.clock.now - timedelta(days=1)))
    assert states(world) == ["reversed"]


# Told late


def test_a_late_success_is_posted_and_leaves_no_other_try(world: World) -> None:
    story = one_member(world, DENIED)
    story.collect()
    assert states(world)[0] == "failed_soft"
    world.clock.forward(minutes=2)
    story.deliver("twice")
    assert states(world) == ["confirmed", "cancelled"]
    assert posted(world) == [("collected", TOTAL_RP)]
    assert receipts(world, "paid") == 1
    world.clock.forward(days=4)
    story.collect()
    assert len(story.book()) == 1


@pytest.mark.parametrize("bank", [BOUND, BIFAST])
@pytest.mark.parametrize("timed", [False, True], ids=["no time", "the time of the yes"])
def test_a_failure_that_does_not_come_after_the_yes_opens_no_paid_month(world: World, bank: str, timed: bool) -> None:
    """A month opened by guess is paid a second time; that the money came back is said by a later word or a return."""
    story = one_member(world, "2345", bank)
    story.collect()
    hears(story, tells(world, "06", bank=bank) if timed else tells(world, "06", bank=bank, finishedTime=""))
    assert states(world) == ["confirmed"]
    assert posted(world) == [("collected", TOTAL_RP)]
    assert items(world) == [("notice", "open")]
    world.clock.forward(minutes=1)
    hears(story, tells(world, "06", bank=bank))
    assert states(world) == ["reversed"]


@pytest.mark.parametrize("status", ["04", "05"])
def test_what_was_given_back_had_been_debited_and_is_reversed_without_a_time_too(world: World, status: str) -> None:
    story = one_member(world, "2345")
    story.collect()
    hears(story, tells(world, status, finishedTime=""))
    assert states(world) == ["reversed"]


def test_what_is_given_back_after_the_insurer_was_told_is_for_a_person(world: World) -> None:
    """It may be posted in this moment: the insurer would hold the month, and then a second time."""
    story = one_member(world, "2345")
    story.collect()
    exchange(story.ports)
    world.clock.forward(minutes=1)
    hears(story, tells(world, "06"))
    assert states(world) == ["reversed"]
    assert items(world) == [("reversed_posted", "open")]
