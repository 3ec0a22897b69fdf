"""Books and cover are proved from the rows: whole histories hold, what can be wrong is named by its reference."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from insurance.differences import BOOKS, COVER, TAKEN
from insurance.proving import prove
from models import AttemptState
from models.month import OPEN_ATTEMPTS
from tests.test_autodebit import member
from tests.test_seals import differs, tamper
from tests.world import World

COPIED = "month, at, worker_id, reference"
REVERSED = (
    f"INSERT INTO transfers ({COPIED}, kind, programme, debit_account, credit_account, amount_rp)"
    f" SELECT {COPIED}, 'reversed', programme, credit_account, debit_account, amount_rp"
    " FROM transfers WHERE kind = 'collected'"
)
ALIKE = (
    "month, worker_id, mandate_id, bank_code, why, jkk_rp, jkm_rp, jht_rp, fee_rp, state, due_on, needs_notice, asks,"
    " asked_at, lease_until, code, bank_reference, changed_at"
)
# What a second success of the same month leaves: another attempt that the bank took, owed back.
SECOND = f"INSERT INTO attempts (n, reference, {ALIKE}) SELECT 2, 'SECONDREF000', {ALIKE} FROM attempts"
SURPLUS = (
    f"INSERT INTO transfers ({COPIED}, kind, programme, debit_account, credit_account, amount_rp)"
    " SELECT month, changed_at, worker_id, reference, 'surplus', 'SURPLUS', 'bank:114', 'refund:114',"
    " jkk_rp + jkm_rp + jht_rp + fee_rp FROM attempts WHERE n = 2"
)
REFUNDED = (
    f"INSERT INTO transfers ({COPIED}, kind, programme, debit_account, credit_account, amount_rp)"
    f" SELECT {COPIED}, 'refunded', programme, credit_account, debit_account, amount_rp"
    " FROM transfers WHERE kind = 'surplus'"
)
OPENED = "UPDATE months SET state = 'open', paid_on = NULL, paid_reference = NULL, posted_on = NULL"


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


ALLOWED = {
    "settled": ["UPDATE attempts SET state = 'settled'"],
    "reversed before anything was posted": [
        "DELETE FROM transfers WHERE kind = 'posted'",
        REVERSED,
        "UPDATE attempts SET state = 'reversed'",
        OPENED,
    ],
    "reversed after it was posted": [REVERSED, "UPDATE attempts SET state = 'reversed'", OPENED],
    "a second success, owed back": [SECOND, SURPLUS],
    "a second success, paid back": [SECOND, SURPLUS, REFUNDED],
    "a second success, paid back and called reversed": [
        SECOND,
        SURPLUS,
        REFUNDED,
        "UPDATE attempts SET state = 'reversed' WHERE n = 2",
    ],
    "a month that a village pays": [
        "DELETE FROM transfers",
        "DELETE FROM attempts",
        "UPDATE months SET payer = 'village', paid_reference = NULL",
    ],
}


@pytest.mark.parametrize("history", ALLOWED)
def test_what_may_be_is_no_difference(paid: World, history: str) -> None:
    tamper(paid, *ALLOWED[history])
    assert differs(paid) == {}


# What can be wrong

# What is done, and each difference it must show; {month} is Siti's month by her id, {ref} her attempt's reference.
WRONG: dict[str, tuple[list[str], dict[str, str]]] = {
    "an account nobody knows": (
        ["UPDATE transfers SET credit_account = 'pocket:1' WHERE kind = 'posted' AND programme = 'JKK'"],
        {"a transfer of an unknown kind, way or account": "{ref}"},
    ),
    "a programme's money in another's account": (
        ["UPDATE transfers SET credit_account = 'due:JKM' WHERE kind = 'collected' AND programme = 'JKK'"],
        {"a transfer of an unknown kind, way or account": "{ref}"},
    ),
    "money that goes the wrong way": (
        ["UPDATE transfers SET debit_account = credit_account, credit_account = debit_account WHERE kind = 'posted'"],
        {"a transfer of an unknown kind, way or account": "{ref}"},
    ),
    "a programme that was never collected": (
        ["DELETE FROM transfers WHERE kind = 'collected' AND programme = 'JKM'"],
        {
            "taken by the bank, and not collected so in the ledger": "{ref}",
            "posted to the insurer, and not collected so": "{ref}",
            "a month called posted, without its postings": "{month}",
        },
    ),
    "a fee that was never booked": (
        ["UPDATE attempts SET fee_rp = fee_rp + 1000"],
        {"taken by the bank, and not collected so in the ledger": "{ref}"},
    ),
    "an amount that the bank did not take": (
        ["UPDATE transfers SET amount_rp = amount_rp + 1 WHERE programme = 'JKK'"],
        {
            "taken by the bank, and not collected so in the ledger": "{ref}",
            "collected in the ledger, and not taken so by the bank": "{ref}",
        },
    ),
    "an attempt that failed": (
        ["UPDATE attempts SET state = 'failed_soft'"],
        {"collected in the ledger, and not taken so by the bank": "{ref}"},
    ),
    "an attempt that is gone": (
        ["DELETE FROM attempts"],
        {"collected in the ledger, and not taken so by the bank": "{ref}"},
    ),
    "another worker's money": (
        ["UPDATE transfers SET worker_id = worker_id + 1"],
        {
            "taken by the bank, and not collected so in the ledger": "{ref}",
            "collected in the ledger, and not taken so by the bank": "{ref}",
            "a month called covered, and not paid": "{month}",
            "a month paid, and not called covered": "{next month}",
            "a month called posted, without its postings": "{month}",
            "postings of a month that is not called posted": "{next month}",
        },
    ),
    "a surplus of another amount": (
        [SECOND, SURPLUS, "UPDATE transfers SET amount_rp = amount_rp - 1 WHERE kind = 'surplus'"],
        {"a surplus that is not what the bank took": "SECONDREF000"},
    ),
    "a surplus of an attempt that the bank refused": (
        [SECOND, SURPLUS, "UPDATE attempts SET state = 'failed_hard' WHERE n = 2"],
        {"collected in the ledger, and not taken so by the bank": "SECONDREF000"},
    ),
    "a second success that nobody owes back": (
        [SECOND],
        {"taken by the bank, and not collected so in the ledger": "SECONDREF000"},
    ),
    "a second success booked as a contribution": (
        [
            SECOND,
            f"INSERT INTO transfers ({COPIED}, kind, programme, debit_account, credit_account, amount_rp)"
            " SELECT month, at, worker_id, 'SECONDREF000', kind, programme, debit_account, credit_account, amount_rp"
            " FROM transfers WHERE kind = 'collected'",
        ],
        {"paid twice, or under a reference that is not the month's": "{month}"},
    ),
    "more posted than collected": (
        ["UPDATE transfers SET amount_rp = amount_rp + 1 WHERE kind = 'posted' AND programme = 'JKK'"],
        {
            "posted to the insurer, and not collected so": "{ref}",
            "a month called posted, without its postings": "{month}",
        },
    ),
    "reversed in part": (
        [f"{REVERSED} AND programme = 'JKK'"],
        {"an attempt and its reversal that do not agree": "{ref}"},
    ),
    "reversed with another amount": (
        [
            REVERSED,
            OPENED,
            "UPDATE attempts SET state = 'reversed'",
            "UPDATE transfers SET amount_rp = amount_rp + 1 WHERE kind = 'reversed' AND programme = 'JKK'",
            "UPDATE transfers SET amount_rp = amount_rp - 1 WHERE kind = 'reversed' AND programme = 'JKM'",
        ],
        {"reversed twice, or not as it was collected": "{ref}"},
    ),
    "reversed in the books alone": (
        [REVERSED, OPENED],
        {"an attempt and its reversal that do not agree": "{ref}"},
    ),
    "reversed by the bank alone": (
        ["UPDATE attempts SET state = 'reversed'"],
        {"an attempt and its reversal that do not agree": "{ref}"},
    ),
    "reversed, and still called covered": (
        [REVERSED, "UPDATE attempts SET state = 'reversed'"],
        {"a month called covered, and not paid": "{month}"},
    ),
    "paid back twice": (
        [SECOND, SURPLUS, REFUNDED, "UPDATE transfers SET amount_rp = amount_rp * 2 WHERE kind = 'refunded'"],
        {"paid back, and more than was owed back": "SECONDREF000"},
    ),
    "paid back and never owed back": (
        [SECOND, SURPLUS, REFUNDED, "DELETE FROM transfers WHERE kind = 'surplus'"],
        {
            "paid back, and more than was owed back": "SECONDREF000",
            "taken by the bank, and not collected so in the ledger": "SECONDREF000",
        },
    ),
    "covered under a reference that paid nothing": (
        ["UPDATE months SET paid_reference = 'NOBODYSREF00'"],
        {
            "a month called covered, and not paid": "{month}",
            "paid twice, or under a reference that is not the month's": "{month}",
            "a month called posted, without its postings": "{month}",
            "postings of a month that is not called posted": "{month}",
        },
    ),
    "money taken and no cover": (
        ["UPDATE months SET state = 'missed'"],
        {"a month paid, and not called covered": "{month}"},
    ),
    "money taken and the month is gone": (
        ["DELETE FROM months"],
        {
            "a month paid, and not called covered": "{month}",
            "postings of a month that is not called posted": "{month}",
        },
    ),
    "called posted, and the insurer has nothing": (
        ["DELETE FROM transfers WHERE kind = 'posted'"],
        {"a month called posted, without its postings": "{month}"},
    ),
    "posted, and nobody says so": (
        ["UPDATE months SET posted_on = NULL"],
        {"postings of a month that is not called posted": "{month}"},
    ),
}


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
    assert found["reversed twice, or not as it was collected"] == [reference(no_unique_fact)]


def test_every_difference_has_a_test_that_shows_it() -> None:
    assert {what for _, expected in WRONG.values() for what in expected} == {**BOOKS, **COVER}.keys()


def test_a_state_in_which_the_bank_may_have_taken_nothing_is_no_yes_of_the_bank() -> None:
    nothing_taken = {*OPEN_ATTEMPTS, AttemptState.FAILED_SOFT, AttemptState.FAILED_HARD, AttemptState.CANCELLED}
    assert AttemptState.CONFIRMED.value in TAKEN
    assert not {state.value for state in nothing_taken} & set(TAKEN)
