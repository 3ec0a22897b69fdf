"""Money owed back: owed once, sent once after two people's yes, and never forgotten or given twice in doubt."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import text

from autodebit.decide import decide
from autodebit.refunds import send_refunds
from banks.asked import RefundRequest
from banks.base import BankAnswer, BankRefused, BankUnknown, Reason
from insurance import refunds, work_items
from insurance.attempts import key_of, locked
from models.machine import Cause
from tests.heard import DENIED, TOTAL_RP, agree, item, items, one_member, posted, receipts, references, states
from tests.histories import Story
from tests.history_checks import BIFAST, BOUND
from tests.troubled import FaultyAsked, Trouble
from tests.world import World


class Breaks(FaultyAsked):
    """A real bank whose refunds end as told."""

    fault: Exception

    def refund(self, refund: RefundRequest) -> BankAnswer:
        raise self.fault


def refunds_raise(story: Story, fault: Exception) -> None:
    bank = Breaks(story.world.ports.banks[BOUND], Trouble([]))
    bank.fault = fault
    story.ports = replace(story.ports, banks={**story.ports.banks, BOUND: bank})


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
        key = key_of(work, references(world)[0])
        assert key is not None
        [one] = locked(work, [key]).values()
        assert not refunds.undone(work, one, Cause("bank", "notice"))


def test_a_bank_without_refunds_leaves_it_to_people_and_their_word_books_it(world: World) -> None:
    story = surplus(world, BIFAST)
    with pytest.raises(ValueError, match="by hand"):
        decide(story.ports, item(world, "refund"), "ani", "returned", "BR-1")
    agree(story, "refund", "refund")
    assert send_refunds(story.ports) == 0
    assert world.one("SELECT state FROM refunds") == "by_hand"
    assert ("refunded", TOTAL_RP) not in posted(world)
    with pytest.raises(ValueError, match="by hand"):
        decide(story.ports, item(world, "refund"), "ani", "refund")
    with pytest.raises(ValueError, match="the bank's own reference"):
        decide(story.ports, item(world, "refund"), "ani", "returned")
    decide(story.ports, item(world, "refund"), "ani", "returned", "BR-1")
    decide(story.ports, item(world, "refund"), "Ani", "returned", "BR-1")
    assert world.one("SELECT state FROM refunds") == "by_hand", "one person's word moves no money"
    with pytest.raises(work_items.Disagreed):
        decide(story.ports, item(world, "refund"), "budi", "returned", "BR-2")
    decide(story.ports, item(world, "refund"), "budi", "returned", "BR-1")
    assert world.rows("SELECT state, bank_reference FROM refunds") == [("done", "BR-1")]
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

    refunds_raise(story, KeyError("refundNo"))
    with structlog.testing.capture_logs():
        assert send_refunds(story.ports) == 0
    assert world.one("SELECT state FROM refunds") == "unknown"


def test_a_refused_refund_is_a_matter_for_people(world: World) -> None:
    story = surplus(world)
    agree(story, "refund", "refund")
    refunds_raise(story, BankRefused(Reason.LIMIT, "4045813"))
    send_refunds(story.ports)
    assert world.rows("SELECT r.state, w.code, w.state FROM refunds r, work_items w") == [
        ("by_hand", "by hand 4045813", "open")
    ]


@pytest.mark.parametrize("act", ["booked", "claimed"])
def test_a_refund_is_taken_after_its_debit_as_the_banks_own_word_takes_them(world: World, act: str) -> None:
    """Else each could hold what the other waits for: the bank's word that it took the debit back would be lost."""
    story = surplus(world)
    agree(story, "refund", "refund")
    if act == "booked":
        refunds_raise(story, BankUnknown("time-out"))
        send_refunds(story.ports)
        world.clock.forward(hours=2)
    reference = str(world.one("SELECT reference FROM refunds"))

    def take() -> object:
        with story.ports.transaction() as work:
            if act == "booked":
                refunds.done(work, reference, "BR-1", Cause("bank", "refunded"))
                return None
            refunds.release_approved(work)
            return refunds.claim(work, timedelta(minutes=5))

    debit = text("SELECT 1 FROM attempts WHERE reference = (SELECT attempt_reference FROM refunds) FOR UPDATE")
    with ThreadPoolExecutor(1) as threads, world.ports.database.connect() as word:
        word.execute(debit)
        taking = threads.submit(take)
        if act == "booked":
            world.until_one_waits()
            # Who waits for the debit does not hold its refund.
            word.execute(text("SELECT 1 FROM refunds FOR UPDATE NOWAIT"))
            word.commit()
        else:
            assert taking.result(timeout=20) is not None, "it waits for nothing"
        taking.result(timeout=20)
    assert world.one("SELECT state FROM refunds") == ("done" if act == "booked" else "sent")
