"""Lines of a day file against attempts, ledger and insurer: each difference is a matter with its trail, no guess."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from autodebit.decide import decide
from insurance import reconcile
from insurance.work_items import NeedsOutcome, refuse
from tests.people import NO_FUNDS
from tests.settling import BANK, DAY, NEXT, TOTAL_RP, Bank, line, paid, reference, state, tomorrow, unknown
from tests.test_autodebit import member
from tests.world import World

# A line and the books


def test_a_debit_in_the_file_is_settled_and_the_days_number_is_nought(world: World, desk: Bank) -> None:
    debit = paid(world)
    world.exchange()
    tomorrow(world)
    desk.gives([line("debit", debit)])
    (taken,) = desk.settle()
    assert (taken.found, taken.day, taken.refused) == ({"settled": 1}, DAY, "")
    assert world.rows("SELECT state, settled_on FROM attempts") == [("settled", DAY)]
    number = desk.number()
    assert {name: one.bank_rp for name, one in number.items()} == {"JKK": 5000, "JKM": 3400, "JHT": 20000}
    assert all(one.bank_rp == one.ledger_rp == one.insurer_rp for one in number.values())
    assert all(one.difference_rp == 0 for one in number.values())
    assert desk.items() == []


def test_what_bpjs_has_not_posted_is_a_difference_that_time_explains_for_three_days(world: World, desk: Bank) -> None:
    debit = paid(world)
    tomorrow(world)
    desk.gives([line("debit", debit)])
    desk.settle()
    assert [(one.difference_rp, one.open_rp) for one in desk.number().values()] == [(5000, 0), (3400, 0), (20000, 0)]
    world.clock.forward(days=3)
    desk.settle()
    assert desk.items() == [("difference", "unposted")]
    world.exchange()
    world.clock.forward(hours=2)
    desk.settle()
    assert desk.items("open", "done") == [("difference", "unposted")]
    assert desk.items() == [], "closed by itself: it is posted now"
    assert sum(one.difference_rp for one in desk.number().values()) == 0


def test_the_bank_s_own_reference_will_do(world: World, desk: Bank) -> None:
    paid(world)
    theirs = str(world.one("SELECT bank_reference FROM attempts"))
    tomorrow(world)
    desk.gives([line("debit", "THEIRS-1", bank_reference=theirs)])
    assert desk.settle()[0].found == {"settled": 1}


def test_an_unknown_debit_that_the_file_has_is_booked_with_its_receipt(world: World, desk: Bank) -> None:
    debit = unknown(world)
    tomorrow(world)
    desk.gives([line("debit", debit)])
    desk.settle()
    assert state(world) == "settled"
    assert world.one("SELECT sum(amount_rp) FROM transfers WHERE kind = 'collected'") == TOTAL_RP
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'paid'") == 1
    assert all(one.bank_rp == one.ledger_rp for one in desk.number().values()), "booked today, of the bank's day"
    events = world.rows("SELECT after, why FROM events WHERE subject = 'attempt' ORDER BY id")
    assert events[-2:] == [("confirmed", "file"), ("settled", "file")]


def test_a_failed_debit_that_the_file_has_was_none_and_stops_the_next_try(world: World, desk: Bank) -> None:
    member(world, NO_FUNDS)
    world.collect()
    debit = reference(world)
    tomorrow(world)
    desk.gives([line("debit", debit)])
    desk.settle()
    assert state(world) == "settled"
    assert world.rows("SELECT state FROM attempts WHERE n > 1 AND state <> 'cancelled'") == []
    assert world.one("SELECT state FROM months") == "covered"


def test_a_late_success_after_a_later_one_refunds_one(world: World, desk: Bank) -> None:
    first = paid(world)
    with world.ports.database.begin() as connection:
        # As if a first try had failed and this were the second.
        connection.execute(text("UPDATE attempts SET n = 2"))
        connection.execute(text("UPDATE attempt_references SET n = 2"))
        columns = [
            c for (c,) in world.rows("SELECT column_name FROM information_schema.columns WHERE table_name = 'attempts'")
        ]
        changed = {"n": "1", "reference": "'LATESUCCESS1'", "state": "'failed_soft'", "bank_reference": "''"}
        picked = ", ".join(changed.get(column, column) for column in columns)
        connection.execute(text(f"INSERT INTO attempts ({', '.join(columns)}) SELECT {picked} FROM attempts"))
        connection.execute(
            text("INSERT INTO attempt_references SELECT 'LATESUCCESS1', month, worker_id, 1 FROM attempt_references")
        )
    tomorrow(world)
    desk.gives([line("debit", first), line("debit", "LATESUCCESS1", bank_reference="B2")])
    assert desk.settle()[0].found == {"settled": 2}
    assert world.rows("SELECT attempt_reference, amount_rp, why FROM refunds") == [
        ("LATESUCCESS1", TOTAL_RP, "surplus")
    ]
    number = desk.number()
    assert (number["SURPLUS"].bank_rp, number["SURPLUS"].ledger_rp, number["SURPLUS"].difference_rp) == (
        TOTAL_RP,
        TOTAL_RP,
        0,
    )


def test_another_amount_books_nothing_and_is_for_a_person(world: World, desk: Bank) -> None:
    debit = unknown(world)
    tomorrow(world)
    desk.gives([line("debit", debit, TOTAL_RP - 400)])
    assert desk.settle()[0].found == {"wrong_amount": 1}
    assert state(world) == "unknown"
    assert world.one("SELECT count(*) FROM transfers") == 0
    assert desk.items() == [("difference", "wrong_amount")]
    number = desk.number()
    assert number["OTHER"].bank_rp == -400
    assert sum(one.bank_rp for one in number.values()) == TOTAL_RP - 400
    assert all(one.difference_rp and not one.open_rp for one in number.values())


def test_a_debit_that_is_none_of_ours_is_missing_here(world: World, desk: Bank) -> None:
    tomorrow(world)
    desk.gives([line("debit", "NOBODYS00001", 5000)])
    assert desk.settle()[0].found == {"missing_here": 1}
    assert desk.items() == [("difference", "missing_here")]
    one = desk.number()["OTHER"]
    assert (one.bank_rp, one.ledger_rp, one.difference_rp, one.open_rp) == (5000, 0, 5000, 0)


def test_a_debit_that_the_bank_lacks_is_named_and_explained(world: World, desk: Bank) -> None:
    paid(world)
    world.exchange()
    tomorrow(world)
    desk.gives([])
    desk.settle()
    assert desk.items() == [("difference", "missing_at_bank")]
    assert world.one("SELECT amount_rp FROM work_items") == TOTAL_RP
    number = desk.number()
    assert (number["JHT"].bank_rp, number["JHT"].ledger_rp, number["JHT"].difference_rp) == (0, 20000, 20000)
    assert all(one.open_rp == 0 for one in number.values())
    assert state(world) == "confirmed"


def test_what_the_next_days_file_has_is_missing_no_longer(world: World, desk: Bank) -> None:
    debit = paid(world)
    world.exchange()
    tomorrow(world)
    desk.gives([])
    desk.settle()
    tomorrow(world)
    desk.gives([line("debit", debit, day=NEXT)], NEXT)
    desk.settle()
    assert desk.items() == []
    assert desk.items("done") == [("difference", "missing_at_bank")]
    assert desk.number() == {}, "the debit belongs to the bank's day now"
    assert all(one.difference_rp == 0 for one in desk.number(NEXT).values())


def test_one_too_many_never_hides_one_too_few(world: World, desk: Bank) -> None:
    paid(world)
    tomorrow(world)
    desk.gives([line("debit", "NOBODYS00001")])
    desk.settle()
    assert sum(one.bank_rp - one.ledger_rp for one in desk.number().values()) == 0
    assert sum(one.difference_rp for one in desk.number().values()) >= 2 * TOTAL_RP


def test_the_same_debit_on_two_days_is_a_second_debit(world: World, desk: Bank) -> None:
    debit = paid(world)
    world.clock.forward(days=2)
    desk.gives([line("debit", debit)])
    desk.gives([line("debit", debit, day=NEXT)], NEXT)
    assert [one.found for one in desk.settle()] == [{"settled": 1}, {"twice": 1}]
    assert desk.items() == [("difference", "twice")]
    assert desk.number(NEXT)["OTHER"].difference_rp == TOTAL_RP


# The number


def test_books_that_were_changed_behind_our_back_are_not_explained(world: World, desk: Bank) -> None:
    debit = paid(world)
    world.exchange()
    tomorrow(world)
    desk.gives([line("debit", debit)])
    desk.settle()
    with world.ports.database.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE transfers SET amount_rp = 1 WHERE programme = 'JHT'"))
    with world.ports.transaction() as work:
        reconcile.count(work, BANK, DAY)
    assert desk.number()["JHT"].open_rp == 19999


def test_a_difference_that_a_person_closed_stays_explained_by_its_trail(world: World, desk: Bank) -> None:
    tomorrow(world)
    desk.gives([line("debit", "NOBODYS00001", 5000)])
    desk.settle()
    two = replace(world.ports, settings=world.ports.settings.model_copy(update={"APPROVALS_MIN": 2}))
    matter = int(world.one("SELECT id FROM work_items"))
    decide(two, matter, "ani", "settled_by_hand")
    with pytest.raises(NeedsOutcome), world.ports.transaction() as work:
        refuse(work, matter, "ani")
    assert desk.items() == [("difference", "missing_here")], "one person explains no money away"
    decide(two, matter, "budi", "settled_by_hand")
    desk.settle()
    assert desk.items() == []
    assert desk.number()["OTHER"].open_rp == 0
    trail = world.rows("SELECT actor, why, after FROM events WHERE subject = 'work_item' ORDER BY id")
    assert trail == [
        ("system", "difference", "open"),
        ("ani", "approve", "open"),
        ("budi", "approve", "open"),
        ("system", "approved", "approved"),
        ("people", "settled_by_hand", "done"),
    ]
