"""A month that BPJS refuses is nobody's loss: handed over again or given back, by two people, once, never in doubt."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from autodebit.decide import decide
from autodebit.refunds import send_refunds
from insurance import handover, work_items
from insurance.cover import CoverState, covers
from insurer.base import ContributionResult, ResultFile
from tests.heard import TOTAL_RP, agree, hears, item, items, one_member, posted, receipts, references, states, tells
from tests.histories import Story
from tests.history_checks import BIFAST, BOUND
from tests.test_refunds import surplus
from tests.test_sponsors import books_hold
from tests.world import World

DECIDED = [("not_posted", "done"), ("refund", "approved")]


def refused(world: World, bank: str = BOUND) -> Story:
    """Her November is debited, and BPJS will not have it."""
    story = one_member(world, "2345", bank)
    story.collect()
    assert story.insure("REFUSED")
    assert items(world) == [("not_posted", "open")]
    return story


def answers(world: World, outcome: str, file: str = "late.csv") -> None:
    """BPJS says something of her first debit, once more."""
    said = ContributionResult(references(world)[0], outcome, "later", None, date(2026, 11, 24))
    with world.ports.transaction() as work:
        handover.apply(work, ResultFile(f"result-{file}", [], [said]))


def november(world: World) -> tuple[str, object, object]:
    [row] = world.rows("SELECT state, paid_reference, posted_on FROM months WHERE month = '2026-11-01'")
    return tuple(row)


def cover(world: World) -> CoverState:
    with world.ports.transaction() as work:
        worker = int(world.one("SELECT id FROM workers"))
        return covers(work.db, [worker], work.today, work.settings.DUE_DAY)[worker].state


# Given back


def test_two_people_give_a_refused_month_back_and_it_is_open_told_and_proved_at_every_step(world: World) -> None:
    story = refused(world)
    assert cover(world) is CoverState.WAITING
    decide(story.ports, item(world, "not_posted"), "ani", "refund")
    assert november(world)[0] == "covered", "one is not enough"
    decide(story.ports, item(world, "not_posted"), "budi", "refund")
    assert november(world) == ("open", None, None)
    assert cover(world) is CoverState.NONE
    assert items(world) == DECIDED
    assert posted(world) == [("collected", TOTAL_RP), ("owed_back", TOTAL_RP)]
    assert receipts(world, "not_posted") == 1
    assert receipts(world, "not_posted_refund") == 1
    books_hold(world)
    assert send_refunds(story.ports) == 1, "nobody is asked a second time"
    assert posted(world)[-1] == ("refunded", TOTAL_RP)
    assert items(world) == [("not_posted", "done"), ("refund", "done")]
    assert receipts(world, "refunded") == 1
    assert world.rows("SELECT 1 FROM message_keys WHERE key LIKE 'posted:%'") == []
    books_hold(world)
    story.check()
    trail = world.rows("SELECT actor, why, after FROM events WHERE subject = 'month' ORDER BY id")
    assert trail[-2:] == [("insurer", "refused", "covered"), ("people", "refund", "open")]


def test_what_is_decided_by_two_at_the_same_moment_is_owed_back_once(world: World) -> None:
    story, matter = refused(world), item(world, "not_posted")
    decide(story.ports, matter, "ani", "refund")

    def agree_too(by: str) -> str:
        try:
            return decide(story.ports, matter, by, "refund")
        except work_items.NotOpen:
            return "too late"

    with ThreadPoolExecutor(2) as both:
        said = list(both.map(agree_too, ("budi", "cici")))
    assert said.count("too late") == 1
    assert world.one("SELECT count(*) FROM refunds") == 1
    assert posted(world) == [("collected", TOTAL_RP), ("owed_back", TOTAL_RP)]


def test_where_the_bank_has_no_refund_people_have_it_made_and_say_so(world: World) -> None:
    story = refused(world, BIFAST)
    agree(story, "not_posted", "refund")
    assert send_refunds(story.ports) == 0
    assert world.one("SELECT state FROM refunds") == "by_hand"
    agree(story, "refund", "returned", "BR-1")
    assert posted(world)[-1] == ("refunded", TOTAL_RP)
    books_hold(world)


def test_a_matter_of_money_cannot_be_refused_and_left(world: World) -> None:
    story = refused(world)
    with pytest.raises(work_items.NeedsOutcome), story.ports.transaction() as work:
        work_items.refuse(work, item(world, "not_posted"), "ani")
    with pytest.raises(ValueError, match="does not fit"):
        decide(story.ports, item(world, "not_posted"), "ani", "settled_by_hand")
    agree(story, "not_posted", "refund")
    with pytest.raises(work_items.NotOpen), story.ports.transaction() as work:
        work_items.refuse(work, item(world, "refund"), "ani")


def test_who_alone_proposed_something_may_think_again_and_nobody_else_for_them(world: World) -> None:
    story, matter = refused(world), item(world, "not_posted")
    decide(story.ports, matter, "ani", "refund")
    with pytest.raises(work_items.Disagreed):
        decide(story.ports, matter, "budi", "hand_over_again")
    decide(story.ports, matter, "ani", "hand_over_again")
    decide(story.ports, matter, "budi", "hand_over_again")
    assert items(world) == [("not_posted", "done")]
    assert november(world)[0] == "covered"
    taken_back = "SELECT actor, code FROM events WHERE subject = 'work_item' AND why = 'take_back'"
    assert world.rows(taken_back) == [("ani", "refund")]


# Handed over again


def test_a_mended_month_goes_into_the_next_file_and_an_old_refusal_means_nothing_then(world: World) -> None:
    story = refused(world)
    first = str(world.one("SELECT handed_over_in FROM months WHERE paid_reference IS NOT NULL"))
    agree(story, "not_posted", "hand_over_again")
    answers(world, "REFUSED", first)
    second = story.insure("REFUSED")
    assert second not in ("", first)
    assert items(world) == [("not_posted", "done"), ("not_posted", "open")]
    answers(world, "REFUSED", first)
    answers(world, "REFUSED", second)
    assert len(items(world)) == 2
    [(matter,)] = world.rows("SELECT id FROM work_items WHERE state = 'open'")
    for by in ("ani", "budi"):
        decide(story.ports, matter, by, "hand_over_again")
    story.insure()
    assert november(world)[2] is not None
    assert cover(world) is CoverState.PROTECTED
    assert receipts(world, "not_posted") == 1
    answers(world, "REFUSED", first)
    assert [state for _, state in items(world)] == ["done", "done"]
    books_hold(world)


def test_what_bpjs_posts_after_all_waits_for_nobody_and_is_not_handed_over_again(world: World) -> None:
    story = refused(world)
    answers(world, "POSTED")
    assert items(world) == [("not_posted", "done")]
    with pytest.raises(work_items.NotOpen):
        decide(story.ports, item(world, "not_posted"), "ani", "refund")


def test_a_posting_that_comes_before_the_second_file_makes_it_needless(world: World) -> None:
    story = refused(world)
    agree(story, "not_posted", "hand_over_again")
    answers(world, "POSTED")
    assert story.insure() == ""
    books_hold(world)


def test_bpjs_that_says_posted_and_then_refused_is_a_matter_for_two_people(world: World) -> None:
    story = one_member(world, "2345")
    story.collect()
    file = story.insure()
    answers(world, "REFUSED", file)
    answers(world, "REFUSED", file)
    assert world.rows("SELECT kind, code FROM work_items") == [("difference", "posted_refused")]
    with pytest.raises(work_items.NeedsOutcome), story.ports.transaction() as work:
        work_items.refuse(work, item(world, "difference"), "ani")
    agree(story, "difference", "refund")
    assert november(world) == ("open", None, None)
    assert items(world) == [("difference", "done"), ("reversed_posted", "open"), ("refund", "approved")]
    assert send_refunds(story.ports) == 1
    books_hold(world)


# Late words


def test_bpjs_that_posts_what_is_given_back_protects_nobody_and_has_to_be_told(world: World) -> None:
    story = refused(world)
    agree(story, "not_posted", "refund")
    answers(world, "POSTED")
    answers(world, "POSTED")
    assert november(world) == ("open", None, None)
    assert items(world) == [*DECIDED, ("reversed_posted", "open")]
    assert world.rows("SELECT 1 FROM message_keys WHERE key LIKE 'posted:%'") == []
    decide(story.ports, item(world, "reversed_posted"), "ani", "settled_by_hand")
    answers(world, "REFUSED")
    assert len(items(world)) == 3
    books_hold(world)


def test_a_bank_that_takes_a_refused_month_back_leaves_nothing_to_decide(world: World) -> None:
    story = refused(world)
    world.clock.forward(hours=1)
    hears(story, tells(world, "06"))
    assert states(world) == ["reversed"]
    assert items(world) == [("not_posted", "done")], "BPJS has nothing that it would have to be told"
    with pytest.raises(work_items.NotOpen):
        decide(story.ports, item(world, "not_posted"), "ani", "refund")
    assert world.one("SELECT count(*) FROM refunds") == 0
    books_hold(world)


def test_a_bank_that_gives_back_what_we_are_about_to_refund_is_not_asked_to(world: World) -> None:
    story = refused(world)
    agree(story, "not_posted", "refund")
    world.clock.forward(hours=1)
    hears(story, tells(world, "06"))
    assert states(world) == ["reversed"]
    assert world.one("SELECT state FROM refunds") == "undone"
    assert send_refunds(story.ports) == 0
    assert items(world) == [("not_posted", "done"), ("refund", "done")]
    assert receipts(world, "reversed") == 1
    assert posted(world) == [("collected", TOTAL_RP), ("owed_back", TOTAL_RP), ("reversed", TOTAL_RP)]
    books_hold(world)


def test_a_bank_that_gives_back_what_we_have_refunded_is_a_matter_for_people(world: World) -> None:
    story = refused(world)
    agree(story, "not_posted", "refund")
    send_refunds(story.ports)
    world.clock.forward(hours=1)
    hears(story, tells(world, "04"))
    assert len(items(world)) == 2, "refunded: what we asked for, told once more"
    hears(story, tells(world, "06"))
    assert items(world)[2:] == [("notice", "open")]
    assert states(world) == ["confirmed"]
    hears(story, tells(world, "00"))
    assert posted(world) == [("collected", TOTAL_RP), ("owed_back", TOTAL_RP), ("refunded", TOTAL_RP)]
    books_hold(world)


def test_a_surplus_that_its_bank_takes_back_by_itself_is_told_and_the_books_are_proved(world: World) -> None:
    story = surplus(world)
    world.clock.forward(hours=1)
    hears(story, tells(world, "06", reference=str(world.one("SELECT attempt_reference FROM refunds"))))
    assert world.one("SELECT state FROM refunds") == "undone"
    assert receipts(world, "refunded") == 1
    books_hold(world)


def test_bpjs_that_refuses_a_posted_month_again_after_people_closed_it_is_a_matter_again(world: World) -> None:
    story = one_member(world, "2345")
    story.collect()
    answers(world, "REFUSED", story.insure())
    agree(story, "difference", "settled_by_hand")
    answers(world, "REFUSED", "contributions-later")
    answers(world, "REFUSED", "contributions-later")
    assert items(world) == [("difference", "done"), ("difference", "open")]


def test_a_bank_that_gives_back_what_people_are_to_have_made_leaves_them_nothing_to_do(world: World) -> None:
    """Found by HISTORIES=200 HISTORIES_SEED=102: both matters stayed open, and whoever did the one gave back twice."""
    story = one_member(world, "0600", BIFAST)
    story.collect()
    story.insure("REFUSED")
    agree(story, "not_posted", "refund")
    send_refunds(story.ports)
    assert world.one("SELECT state FROM refunds") == "by_hand"
    world.clock.forward(hours=1)
    story.deliver("as they came")
    assert states(world) == ["reversed"]
    assert world.one("SELECT state FROM refunds") == "undone"
    assert items(world) == [("not_posted", "done"), ("refund", "done")]
    assert receipts(world, "reversed") == 1
    with pytest.raises(ValueError, match="nothing else is"):
        decide(story.ports, item(world, "refund"), "ani", "returned", "BR-1")
    assert posted(world) == [("collected", TOTAL_RP), ("owed_back", TOTAL_RP), ("reversed", TOTAL_RP)]
    books_hold(world)
