"""What a hostile reader found in the debit engine: each claim failed before it was mended."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from autodebit.collect import collect
from autodebit.files import exchange_files
from autodebit.hear import hear_notices, keep
from autodebit.lanes import UNANSWERED_MAX
from autodebit.mandates import tell_banks
from autodebit.refunds import send_refunds
from autodebit.unknown import ask_unknown
from banks.asked import CancelRequest, RefundRequest, StatusRequest
from banks.base import Answer, BankAnswer, BankUnreachable, Became, Notice, Reason, Status
from banks.batch_file import DONE, REFUSED, BatchFiles, BatchResult, DebitResult, write_result
from insurance import runs, work_items
from insurance.attempts import key_of, locked
from insurance.ledger import post_surplus
from models import WorkKind
from tests.settling import BANK, notice, paid, reference, state, unknown
from tests.stand_ins import Away
from tests.test_autodebit import member
from tests.world import World


def change(world: World, sql: str, **parameters: object) -> None:
    with world.ports.database.begin() as connection:
        connection.execute(text(sql), parameters)


# What banks say late


@pytest.fixture
def files(tmp_path: Path) -> BatchFiles:
    (tmp_path / "in").mkdir()
    return BatchFiles(BANK, tmp_path / "out", tmp_path / "in")


def sent_by_file(world: World, files: BatchFiles) -> str:
    """Siti's November in a debit file that nobody has answered; the file's name."""
    member(world)
    exchange_files(replace(world.ports, batches={BANK: files}), BANK)
    assert state(world) == "sent"
    return str(world.one("SELECT name FROM bank_files"))


def answer(world: World, files: BatchFiles, name: str, outcome: str, code: str = "") -> None:
    total_rp = world.one("SELECT jkk_rp + jkm_rp + jht_rp + fee_rp FROM attempts")
    line = (
        DebitResult(reference(world), DONE, "B77", total_rp, None, "")
        if outcome == DONE
        else DebitResult(reference(world), REFUSED, "", 0, Reason.NO_FUNDS, code)
    )
    today = world.clock.now.date()
    result = BatchResult(f"result-{name}", BANK, today, name, [], [line])
    write_result(files._in, result)
    exchange_files(replace(world.ports, batches={BANK: files}), BANK)


def lose(world: World, days: int) -> None:
    world.clock.forward(days=days)
    world.collect()


@pytest.mark.parametrize("was", ["unknown", "manual"])
@pytest.mark.parametrize("code", ["NOFUNDS", "CUTOFF"])
def test_a_refusal_in_a_result_that_comes_late_is_still_the_banks_word(
    world: World, files: BatchFiles, was: str, code: str
) -> None:
    name = sent_by_file(world, files)
    lose(world, 3)
    assert state(world) == "unknown"
    change(world, "UPDATE attempts SET state = :was", was=was)
    answer(world, files, name, REFUSED, code)
    assert state(world) == "failed_soft"


@pytest.mark.parametrize("was", ["unknown", "manual", "failed_soft"])
def test_a_debit_in_a_result_that_comes_late_is_booked(world: World, files: BatchFiles, was: str) -> None:
    name = sent_by_file(world, files)
    lose(world, 3)
    change(world, "UPDATE attempts SET state = :was", was=was)
    answer(world, files, name, DONE)
    assert state(world) == "confirmed"
    assert world.one("SELECT count(*) FROM transfers WHERE kind = 'collected'") > 0


class FailsBeforeItsYes(Away):
    """Says by notice that the debit failed, and then answers the call itself that it was made."""

    def __init__(self, world: World) -> None:
        self.world = world

    def collect(self, debit: object) -> BankAnswer:
        notice(self.world, reference(self.world), Became.FAILED)
        return BankAnswer(Answer.DONE, "B78")


def test_a_yes_after_a_notice_of_failure_is_booked(world: World) -> None:
    member(world)
    collect(replace(world.ports, banks={BANK: FailsBeforeItsYes(world)}))
    assert state(world) == "confirmed"


class TellsMeanwhile(Away):
    """Answers a question with a failure, and while the answer is on its way it debits and says so by notice."""

    def __init__(self, world: World) -> None:
        self.world = world

    def status(self, debit: StatusRequest) -> Status:
        self.world.clock.forward(seconds=5)
        notice(self.world, debit.reference, Became.DONE)
        return Status(Became.FAILED, code="06")


def test_an_answer_that_a_notice_overtook_takes_nothing_back(world: World) -> None:
    unknown(world)
    world.clock.forward(minutes=2)
    ask_unknown(replace(world.ports, banks={BANK: TellsMeanwhile(world)}))
    assert state(world) == "confirmed"


# One that is sick or broken holds up no other


def test_a_broken_notice_holds_up_no_other(world: World) -> None:
    about = paid(world)
    with world.ports.transaction() as work:
        for number, became in enumerate((Became.DONE, Became.FAILED)):
            at = work.now + timedelta(seconds=number)
            keep(work, BANK, Notice(became, about, "", None, "", at, f"key{number}"))
        work.db.execute(text("UPDATE bank_notices SET reason = 'nonsense' WHERE replay_key = 'key0'"))
    hear_notices(world.ports)
    assert state(world) == "reversed"
    assert world.one("SELECT count(*) FROM bank_notices WHERE NOT read") == 0
    assert world.one("SELECT count(*) FROM work_items WHERE kind = 'notice'") == 1


class Counting(Away):
    def __init__(self) -> None:
        self.asked = list[str]()

    def status(self, debit: StatusRequest) -> Status:
        self.asked.append(debit.reference)
        raise BankUnreachable("away")


def many_unknown(world: World) -> int:
    """Five months of Siti's, all unknown; how many."""
    unknown(world)
    months = "SELECT CAST('2026-11-01' AS date) + g * interval '1 month' AS month, g FROM generate_series(1, 4) g"
    change(
        world,
        "INSERT INTO months (month, worker_id, state, payer)"
        f" SELECT f.month, worker_id, 'open', 'self' FROM months, ({months}) f",
    )
    change(
        world,
        "INSERT INTO attempts SELECT (a.copied).* FROM (SELECT jsonb_populate_record(x, jsonb_build_object("
        f"'month', f.month, 'reference', 'COPY' || f.g)) AS copied FROM attempts x, ({months}) f) a",
    )
    change(
        world,
        "INSERT INTO attempt_references SELECT reference, month, worker_id, n FROM attempts"
        " WHERE reference LIKE 'COPY%'",
    )
    return int(world.one("SELECT count(*) FROM attempts WHERE state = 'unknown'"))


def test_a_silent_bank_is_asked_thrice_a_round_and_what_is_not_asked_loses_no_question(world: World) -> None:
    assert many_unknown(world) > UNANSWERED_MAX
    world.clock.forward(minutes=2)
    away = Counting()
    ports = replace(world.ports, banks={BANK: away})
    ask_unknown(ports)
    assert len(away.asked) == UNANSWERED_MAX
    asks = world.one("SELECT sum(asks) FROM attempts")
    assert asks == UNANSWERED_MAX
    world.clock.forward(minutes=1)
    ask_unknown(ports)
    assert len(away.asked) > UNANSWERED_MAX


# Queues that fill up with what waits for people


class Giving(Away):
    def __init__(self) -> None:
        self.cancelled = list[str]()

    def cancel(self, mandate: CancelRequest) -> None:
        self.cancelled.append(mandate.customer_id)

    def refund(self, refund: RefundRequest) -> BankAnswer:
        return BankAnswer(Answer.DONE, "R1")


def test_refunds_that_nobody_approves_hold_up_none_that_is_approved(world: World) -> None:
    about = paid(world)
    world_id = world.one("SELECT worker_id FROM attempts")
    insert = (
        "INSERT INTO refunds (reference, attempt_reference, month, worker_id, n, bank_code, amount_rp, state, why,"
        " bank_reference, changed_at) SELECT 'F' || g, CASE g WHEN 200 THEN :about ELSE 'X' || g END, '2026-11-01',"
        " :worker, 1, '114', 28400, 'due', 'surplus', '', CAST(:now AS timestamptz) + g * interval '1 s'"
        " FROM generate_series(100, 200) g"
    )
    change(world, insert, about=about, worker=world_id, now=world.clock.now)
    change(
        world,
        "INSERT INTO work_items (kind, about, state, bank_code, amount_rp, code, decision, opened_at, due_on)"
        " VALUES ('refund', :about, 'approved', '114', 28400, '', 'refund', :now, '2026-11-30')",
        about=about,
        now=world.clock.now,
    )
    with world.ports.transaction() as work:
        key = key_of(work, about)
        assert key
        post_surplus(work, [(locked(work, [key])[key], BANK)])
    send_refunds(replace(world.ports, banks={BANK: Giving()}))
    assert world.one("SELECT state FROM refunds WHERE reference = 'F200'") == "done"


def test_mandates_that_a_person_takes_back_hold_up_none_that_a_bank_can(world: World) -> None:
    member(world)
    change(
        world,
        "INSERT INTO work_items (kind, about, state, bank_code, code, decision, opened_at, due_on)"
        " SELECT 'cancel_at_bank', 'mandate ' || g, 'open', '128', '', '', :now, '2026-11-30'"
        " FROM generate_series(900000, 900499) g",
        now=world.clock.now,
    )
    mandate_id = world.one("SELECT id FROM mandates")
    change(
        world,
        "INSERT INTO work_items (kind, about, state, bank_code, code, decision, opened_at, due_on)"
        " VALUES ('cancel_at_bank', :about, 'open', '114', '', '', :now, '2026-11-30')",
        about=f"mandate {mandate_id}",
        now=world.clock.now,
    )
    bank = Giving()
    tell_banks(replace(world.ports, banks={BANK: bank, "128": Away()}))
    assert bank.cancelled == [f"IU{mandate_id}"]


def test_what_became_of_a_debit_cannot_be_waved_aside(world: World) -> None:
    about = paid(world)
    with world.ports.transaction() as work:
        items = [work_items.open_item(work, kind, about) for kind in (WorkKind.MANUAL_OUTCOME, WorkKind.REFUND)]
        for item in items:
            with pytest.raises(work_items.NeedsOutcome):
                work_items.refuse(work, item.id, "Tuti")


def test_a_notice_of_failure_for_now_is_a_failure_told_in_words(world: World) -> None:
    unknown(world)
    with world.ports.transaction() as work:
        keep(work, BANK, Notice(Became.FAILED, reference(world), "", None, "4035406", work.now, "k", Reason.NOT_NOW))
    hear_notices(world.ports)
    assert state(world) == "failed_soft"


def test_a_bank_that_takes_files_can_be_drained(world: World, files: BatchFiles) -> None:
    code = world.rows("SELECT code FROM banks WHERE NOT code = ANY(:known) LIMIT 1", known=list(world.ports.banks))[0][
        0
    ]
    with world.app.app_context(), pytest.MonkeyPatch.context() as patch:
        patch.setitem(world.app.extensions, "ports", replace(world.ports, batches={code: files}))
        done = world.app.test_cli_runner().invoke(args=["autodebit", "drain", "--bank", code, "--by", "Tuti"])
    assert done.exit_code == 0, done.output
    with world.ports.transaction() as work:
        assert not runs.is_open(work, code)
