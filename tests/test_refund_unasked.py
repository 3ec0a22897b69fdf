"""What a bank gave back by hand, as its file says: booked by two people, so that books and bank agree, once."""

from dataclasses import replace
from datetime import date

import pytest

from autodebit.decide import decide
from autodebit.refunds import send_refunds
from banks.base import Became
from insurance import handover, work_items
from insurance.reconcile import count
from insurer.base import ContributionResult, ResultFile
from ports import Ports
from tests.people import SITI_PHONE
from tests.settling import BANK, DAY, NEXT, TOTAL_RP, Bank, line, notice, paid, tomorrow
from tests.test_sponsors import books_hold
from tests.world import World

UNASKED = "SELECT id FROM work_items WHERE code = 'refund_unasked'"


def two(world: World) -> Ports:
    return replace(world.ports, settings=world.ports.settings.model_copy(update={"APPROVALS_MIN": 2}))


def given_back(world: World, desk: Bank, *, posted: bool = False) -> str:
    """Her November is debited, and the next file says that the bank gave it back, which nobody had asked for."""
    debit = paid(world)
    if posted:
        world.exchange()
    tomorrow(world)
    desk.gives([line("debit", debit)])
    desk.settle()
    tomorrow(world)
    desk.gives([line("refund", debit, day=NEXT)], NEXT)
    assert desk.settle()[0].found == {"refund_unasked": 1}
    assert world.one("SELECT state FROM months") == "covered", "nothing by one word of a file"
    return debit


def agree(world: World, decision: str) -> None:
    for by in ("ani", "budi"):
        decide(two(world), int(world.one(UNASKED)), by, decision)


def refuse_posting(world: World, reference: str) -> None:
    said = ContributionResult(reference, "REFUSED", "kpj_unknown", None, date(2026, 11, 25))
    with world.ports.transaction() as work:
        handover.apply(work, ResultFile("result-x.csv", [], [said]))


def recount(world: World) -> None:
    with world.ports.transaction() as work:
        count(work, BANK, DAY)
        count(work, BANK, NEXT)


def test_two_people_book_it_so_that_books_and_bank_agree_and_the_member_is_told(world: World, desk: Bank) -> None:
    debit = given_back(world, desk)
    decide(two(world), int(world.one(UNASKED)), "ani", "returned")
    assert world.one("SELECT state FROM months") == "covered", "one is not enough"
    decide(two(world), int(world.one(UNASKED)), "budi", "returned")
    assert world.rows("SELECT state, paid_reference FROM months") == [("open", None)]
    assert world.rows("SELECT state, why, bank_reference FROM refunds") == [("done", "unasked", "B1")]
    assert "membatalkan debit iuran Nov 2026 Rp28.400" in world.last_sms(SITI_PHONE)
    assert f"Ref {debit}" in world.last_sms(SITI_PHONE)
    assert desk.items("open", "approved") == []
    recount(world)
    assert all(one.difference_rp == 0 for day in (DAY, NEXT) for one in desk.number(day).values())
    assert desk.number(NEXT)["SURPLUS"].bank_rp == -TOTAL_RP
    assert send_refunds(world.ports) == 0
    with pytest.raises(work_items.NotOpen):
        agree(world, "returned")
    books_hold(world)


def test_of_a_month_that_bpjs_has_people_tell_bpjs(world: World, desk: Bank) -> None:
    debit = given_back(world, desk, posted=True)
    agree(world, "returned")
    assert world.rows("SELECT state, posted_on FROM months") == [("open", None)]
    assert world.rows("SELECT about FROM work_items WHERE kind = 'reversed_posted'") == [(debit,)]
    recount(world)
    assert all(one.open_rp == 0 for day in (DAY, NEXT) for one in desk.number(day).values())
    books_hold(world)


def test_it_is_neither_refused_nor_settled_by_one(world: World, desk: Bank) -> None:
    given_back(world, desk)
    matter = int(world.one(UNASKED))
    with pytest.raises(work_items.NeedsOutcome), world.ports.transaction() as work:
        work_items.refuse(work, matter, "ani")
    decide(two(world), matter, "ani", "settled_by_hand")
    assert world.one("SELECT state FROM work_items WHERE id = :id", id=matter) == "open"
    decide(two(world), matter, "budi", "settled_by_hand")
    assert world.one("SELECT state FROM work_items WHERE id = :id", id=matter) == "done"
    assert world.one("SELECT state FROM months") == "covered", "the bank's file was wrong"


def test_what_the_bank_gave_back_before_it_was_asked_is_not_asked_for(world: World, desk: Bank) -> None:
    debit = given_back(world, desk)
    refuse_posting(world, debit)
    for by in ("ani", "budi"):
        decide(two(world), int(world.one("SELECT id FROM work_items WHERE kind = 'not_posted'")), by, "refund")
    assert send_refunds(world.ports) == 0
    assert world.one("SELECT state FROM refunds") == "approved", "the bank may have made it already: people look first"
    agree(world, "returned")
    assert world.one("SELECT state FROM refunds") == "done"
    assert world.one("SELECT count(*) FROM transfers WHERE kind = 'refunded'") == 1
    books_hold(world)


def test_where_the_file_was_wrong_the_refund_goes_out_after_all(world: World, desk: Bank) -> None:
    debit = given_back(world, desk)
    refuse_posting(world, debit)
    for by in ("ani", "budi"):
        decide(two(world), int(world.one("SELECT id FROM work_items WHERE kind = 'not_posted'")), by, "refund")
    agree(world, "settled_by_hand")
    send_refunds(world.ports)
    assert world.one("SELECT state FROM refunds") == "by_hand", "this bank knows no refund"


def test_two_matters_of_one_debit_give_it_back_once(world: World, desk: Bank) -> None:
    debit = given_back(world, desk)
    refuse_posting(world, debit)
    agree(world, "returned")
    assert world.one("SELECT state FROM work_items WHERE kind = 'not_posted'") == "done"
    assert world.one("SELECT count(*) FROM refunds") == 1


def test_what_was_given_back_before_is_not_booked_a_second_time(world: World, desk: Bank) -> None:
    debit = given_back(world, desk)
    notice(world, debit, Became.FAILED)
    assert world.one("SELECT state FROM attempts") == "reversed"
    with pytest.raises(ValueError, match="nothing of it is to be given back"):
        agree(world, "returned")
    assert world.one("SELECT count(*) FROM refunds") == 0
    books_hold(world)


def test_a_part_of_a_debit_is_no_refund_of_it(world: World, desk: Bank) -> None:
    debit = paid(world)
    tomorrow(world)
    desk.gives([line("debit", debit), line("refund", debit, 5000)])
    desk.settle()
    assert desk.items() == [("difference", "wrong_amount")]
    refuse_posting(world, debit)
    for by in ("ani", "budi"):
        decide(two(world), int(world.one("SELECT id FROM work_items WHERE kind = 'not_posted'")), by, "refund")
    send_refunds(world.ports)
    assert world.one("SELECT state FROM refunds") == "approved", "the whole is not sent while a part may have gone back"
    decide(two(world), int(world.one("SELECT id FROM work_items WHERE kind = 'difference'")), "ani", "settled_by_hand")
    send_refunds(world.ports)
    assert world.one("SELECT state FROM refunds") == "approved"
    decide(two(world), int(world.one("SELECT id FROM work_items WHERE kind = 'difference'")), "budi", "settled_by_hand")
    send_refunds(world.ports)
    assert world.one("SELECT state FROM refunds") == "by_hand"
