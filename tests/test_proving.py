"""Books and cover are proved from the rows: whole histories hold, what can be wrong is named by its reference."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from insurance.differences import BOOKS, COVER, TAKEN
from insurance.proving import prove
from models import AttemptState
from models.month import OPEN_ATTEMPTS
from tests.tampered import ALLOWED, OPENED, REVERSED, WRONG
from tests.test_autodebit import member
from tests.test_seals import differs, tamper
from tests.world import World


@pytest.fixture
def paid(world: World) -> World:
    """A month of Siti's, collected and posted."""
    member(world)
    world.collect()
    world.exchange()
    assert world.one("SELECT count(*) FROM months WHERE posted_on IS NOT NULL") == 1
    return world


def reference(world: World) -> str:
    return str(world.one("SELECT reference FROM attempts WHERE n = 1"))


# What may be, and is no difference


def test_a_history_that_nobody_touched_holds_at_every_step(world: World) -> None:
    assert differs(world) == {}
    member(world)
    assert differs(world) == {}
    world.collect()
    assert differs(world) == {}
    world.exchange()
    assert differs(world) == {}
    with world.ports.transaction() as work:
        proof = prove(work)
    assert {balance.account for balance in proof.balances} >= {"bank:114", "due:JKK", "insurer:JKK"}
    assert sum(balance.into_rp - balance.out_of_rp for balance in proof.balances) == 0
    assert (proof.seals, proof.sealed_rows, proof.head) == (0, 0, "")
    assert proof.unsealed_rows == world.one("SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM transfers)")


@pytest.mark.parametrize("history", ALLOWED)
def test_what_may_be_is_no_difference(paid: World, history: str) -> None:
    tamper(paid, *ALLOWED[history])
    assert differs(paid) == {}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_named_by_its_reference_and_nothing_else_is(paid: World, wrong: str) -> None:
    ref, worker = reference(paid), paid.one("SELECT id FROM workers")
    sqls, expected = WRONG[wrong]
    tamper(paid, *sqls)
    names = {
        "{ref}": ref,
        "{month}": f"2026-11 of worker {worker}",
        "{next month}": f"2026-11 of worker {worker + 1}",
    }
    assert differs(paid) == {what: [names.get(which, which)] for what, which in expected.items()}


@pytest.fixture
def no_unique_fact(paid: World) -> Iterator[World]:
    """The index that keeps one fact from being posted twice is gone, as somebody with all rights could have it."""
    kept = paid.one("SELECT indexdef FROM pg_indexes WHERE indexname = 'uq_transfers_fact'")
    database = paid.ports.database
    with database.begin() as connection:
        connection.execute(text("DROP INDEX uq_transfers_fact"))
    yield paid
    paid.reset()
    with database.begin() as connection:
        connection.execute(text(kept.replace(" ON ONLY ", " ON ")))


def test_a_reversal_that_stands_there_twice_is_named(no_unique_fact: World) -> None:
    """In two halves, so that the sum alone is right."""
    halves = "UPDATE transfers SET amount_rp = amount_rp / 2 WHERE kind = 'reversed'"
    tamper(no_unique_fact, REVERSED, REVERSED, halves, "UPDATE attempts SET state = 'reversed'", OPENED)
    found = differs(no_unique_fact)
    assert found["taken back twice, or not as it was collected"] == [reference(no_unique_fact)]


def test_every_difference_has_a_test_that_shows_it() -> None:
    assert {what for _, expected in WRONG.values() for what in expected} == {**BOOKS, **COVER}.keys()


def test_a_state_in_which_the_bank_may_have_taken_nothing_is_no_yes_of_the_bank() -> None:
    nothing_taken = {*OPEN_ATTEMPTS, AttemptState.FAILED_SOFT, AttemptState.FAILED_HARD, AttemptState.CANCELLED}
    assert AttemptState.CONFIRMED.value in TAKEN
    assert not {state.value for state in nothing_taken} & set(TAKEN)
