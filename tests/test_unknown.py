"""Debits without an answer: asked for on a timetable, decided by two people at last, and never sent beside."""

from datetime import timedelta

import pytest
import structlog
from sqlalchemy import text

from autodebit.decide import decide
from autodebit.refunds import send_refunds
from banks.base import BankAnswer, BankRefused, Became, Reason, RefundRequest, Status
from insurance import refunds
from insurance.work_items import Disagreed, NotOpen
from models.machine import Cause
from tests.heard import (
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
from tests.histories import BIFAST, BOUND, Story
from tests.world import World

LOST, NEVER_SAID, DENIED, GIVEN_BACK = "0999", "0202", "0601", "0600"
TOTAL_RP = 28400


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


def surplus(world: World, bank: str = BOUND) -> Story:
    """The bank said no and had debited; the other try had succeeded before it said so."""
    story = one_member(world, DENIED, bank)
    story.collect()
    while "confirmed" not in states(world):
        assert states(world) == ["failed_soft", "noticed"]
        story.send_texts()
        world.clock.forward(days=1)
        story.collect()
    story.deliver("as they came")
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


# Giving back


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


def test_a_surplus_is_owed_once_approved_by_two_sent_once_posted_and_told(world: World) -> None:
    story = surplus(world)
    assert posted(world) == [("collected", TOTAL_RP), ("surplus", TOTAL_RP)]
    assert world.rows("SELECT state, amount_rp FROM refunds") == [("due", TOTAL_RP)]
    assert items(world) == [("refund", "open")]
    decide(story.ports, item(world, "refund"), "ani", "refund")
    assert send_refunds(story.ports) == 0, "one is not enough"
    decide(story.ports, item(world, "refund"), "budi", "refund")
    assert send_refunds(story.ports) == 1
    assert send_refunds(story.ports) == 0
    assert world.one("SELECT state FROM refunds") == "done"
    assert ("refunded", TOTAL_RP) in posted(world)
    assert items(world) == [("refund", "done")]
    assert receipts(world, "refunded") == 1
    assert [len(debit["refunds"]) for debit in story.book().values()].count(1) == 1
    story.check()


def test_a_refund_whose_answer_is_lost_is_sent_again_under_its_reference_and_made_once(world: World) -> None:
    story = surplus(world)
    agree(story, "refund", "refund")
    story.refund(["answer lost"])
    assert world.one("SELECT state FROM refunds") == "unknown"
    story.refund()
    assert world.one("SELECT state FROM refunds") == "unknown", "not at once"
    world.clock.forward(hours=2)
    story.refund()
    assert world.one("SELECT state FROM refunds") == "done"
    made = [refund for debit in story.book().values() for refund in debit["refunds"]]
    assert len(made) == 1
    assert ("refunded", TOTAL_RP) in posted(world)


def test_a_refund_that_may_have_been_made_is_not_undone_because_the_bank_is_away(world: World) -> None:
    story = surplus(world)
    agree(story, "refund", "refund")
    story.refund(["answer lost"])
    world.clock.forward(hours=2)
    story.refund(["unreachable"])
    with world.ports.transaction() as work:
        assert not refunds.undone(work, references(world)[0], Cause("bank", "notice"))


def test_a_bank_without_refunds_leaves_it_to_people_and_their_word_books_it(world: World) -> None:
    story = surplus(world, BIFAST)
    with pytest.raises(ValueError, match="by hand"):
        decide(story.ports, item(world, "refund"), "ani", "returned")
    agree(story, "refund", "refund")
    assert send_refunds(story.ports) == 0
    assert world.one("SELECT state FROM refunds") == "by_hand"
    assert ("refunded", TOTAL_RP) not in posted(world)
    decide(story.ports, item(world, "refund"), "ani", "returned")
    assert world.one("SELECT state FROM refunds") == "done"
    assert ("refunded", TOTAL_RP) in posted(world)
    assert receipts(world, "refunded") == 1


def test_an_approved_refund_is_not_held_up_by_those_that_nobody_approved(world: World) -> None:
    story = surplus(world)
    agree(story, "refund", "refund")
    with story.ports.database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO refunds SELECT 'X' || g, 'Y' || g, month, worker_id, n, bank_code, amount_rp, 'due', why, "
                "NULL, NULL, '', changed_at - interval '1 day' FROM refunds, generate_series(1, 100) g"
            )
        )
    assert send_refunds(story.ports) == 1


def test_an_adapter_that_breaks_holds_up_no_other_refund(world: World) -> None:
    story = surplus(world)
    agree(story, "refund", "refund")

    bank = says(story, Status(Became.DONE))

    def broken(_refund: RefundRequest) -> BankAnswer:
        raise KeyError("refundNo")

    bank.refund = broken  # type: ignore[method-assign]
    with structlog.testing.capture_logs():
        assert send_refunds(story.ports) == 0
    assert world.one("SELECT state FROM refunds") == "unknown"


def test_a_refused_refund_is_a_matter_for_people(world: World) -> None:
    story = surplus(world)
    agree(story, "refund", "refund")
    bank = says(story, Status(Became.DONE))

    def refused(_refund: RefundRequest) -> BankAnswer:
        raise BankRefused(Reason.LIMIT, "4045813")

    bank.refund = refused  # type: ignore[method-assign]
    send_refunds(story.ports)
    assert world.rows("SELECT r.state, w.code, w.state FROM refunds r, work_items w") == [
        ("by_hand", "by hand 4045813", "approved")
    ]
