"""A member's data erased: asked for at a branch, stopped by BUKAN, done when nothing needs them; the books stand."""

from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handset.phone import Phone
from insurance import work_items
from insurance.proving import prove
from jobs import carry_out_erasures, seal_ledger
from models import MandateState, MembershipState
from models.machine import Cause
from tests.console_desk import paid_member
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, PIN, SITI, SITI_NIK, SITI_PHONE, authorise, enrol
from tests.world import World


def command(world: World, *args: str) -> Result:
    with world.app.app_context():
        return world.app.test_cli_runner().invoke(args=["privacy", *args])


def reference(world: World) -> str:
    return str(world.one("SELECT reference FROM memberships ORDER BY worker_id LIMIT 1"))


def ask(world: World, ends: str = SITI_PHONE[-4:]) -> Result:
    return command(world, "erase", reference(world), "--number-ends", ends, "--by", "ani")


def wait(world: World, hours: int = 72) -> None:
    world.clock.forward(hours=hours)
    carry_out_erasures(world.ports)


def tell_bank(world: World) -> None:
    """This bank's product knows no cancelling: a person has it done there, and says so."""
    with world.ports.transaction() as work:
        for item in work_items.waiting(work, 10, "cancel_at_bank"):
            work_items.close(work, item, Cause("ani", "by_hand"))


def tell_everyone(world: World) -> None:
    """The bank is told that the mandate ended, and the insurer that the membership did."""
    tell_bank(world)
    world.exchange()


def erase(world: World) -> None:
    ask(world)
    tell_everyone(world)
    wait(world)
    tell_everyone(world)
    wait(world, hours=1)
    assert world.rows("SELECT state, waits_for FROM erasures") == [("done", "")]


@pytest.fixture
def phone(world: World) -> Phone:
    paid_member(world)
    return world.phone()


def everything(world: World) -> str:
    """All that the database holds of any table, as text."""
    tables = world.rows(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE relkind = 'r' AND nspname = 'public'"
    )
    return "\n".join(str(row) for (table,) in tables for row in world.rows(f"SELECT * FROM {table}"))


def test_debits_stop_at_once_and_the_member_is_told_how_to_stop_it(world: World, phone: Phone) -> None:
    done = ask(world)
    assert "Erased after 26-11-2026 09.00 WIB, unless BUKAN comes before" in done.output
    told = world.owed_to(SITI_PHONE)
    assert any("Data SITI RAHMAWATI diminta dihapus" in words and "Balas BUKAN" in words for words in told)
    assert world.one("SELECT state FROM mandates") == MandateState.CANCELLED.value
    assert world.one("SELECT state FROM memberships") == MembershipState.VERIFIED.value
    assert world.one("SELECT count(*) FROM work_items WHERE kind = 'cancel_at_bank'") == 1


def test_bukan_stops_it_and_all_stays(world: World, phone: Phone) -> None:
    ask(world)
    phone.text("BUKAN")
    assert "Data Anda tidak jadi dihapus" in world.last_sms()
    tell_everyone(world)
    wait(world)
    assert world.rows("SELECT state FROM erasures") == [("stopped",)]
    assert world.one("SELECT state FROM memberships") == MembershipState.VERIFIED.value
    phone.dial()
    assert "Iuran lewat kami" in phone.press("3", PIN)
    assert ask(world).exit_code == 0, "it may be asked for again"


def test_bukan_from_another_number_stops_nothing(world: World, phone: Phone) -> None:
    ask(world)
    world.phone(BUDI_PHONE).text("BUKAN")
    assert world.rows("SELECT state FROM erasures") == [("waiting",)]


def test_a_branch_stops_it_too(world: World, phone: Phone) -> None:
    ask(world)
    assert command(world, "keep", reference(world), "--by", "ani").exit_code == 0
    again = command(world, "keep", reference(world), "--by", "ani")
    assert again.exit_code == 1
    assert "no erasure of this member waits" in again.output


@pytest.mark.parametrize("ends", ["0000", "", "789"])
def test_who_does_not_know_the_number_erases_nobody(world: World, phone: Phone, ends: str) -> None:
    done = ask(world, ends)
    assert done.exit_code == 1
    assert SITI_PHONE[-4:] not in done.output
    assert world.rows("SELECT 1 FROM erasures") == []
    assert world.one("SELECT state FROM mandates") == MandateState.ACTIVE.value


def test_it_is_asked_for_once(world: World, phone: Phone) -> None:
    ask(world)
    assert "asked for already" in ask(world).output
    assert world.one("SELECT count(*) FROM erasures") == 1


def test_nothing_is_left_that_names_the_person(world: World, phone: Phone) -> None:
    phone.text("LAPOR 1")
    keys, ports = world.ports.keys, world.ports
    marks = [keys.index("nik", SITI_NIK), keys.index("phone", SITI_PHONE), keys.index("name", "siti")]
    data_key = world.one("SELECT data_key FROM workers")
    with ports.transaction() as work:
        box = work.keys.person(data_key)
    held = everything(world)
    assert all(repr(mark) in held for mark in marks), "they are there before"
    assert repr(data_key) in held
    answer_the_ticket(world)
    erase(world)
    left = everything(world)
    for told in (SITI_NIK, SITI_PHONE, SITI, SITI.upper(), "2345"):
        assert told not in left, told
    ours = world.rows("SELECT phone_index FROM messages WHERE worker_id IS NULL")
    assert ours == [(marks[1],)], "the last text, that says it is done"
    for row in left.splitlines():
        if "erased" not in row:
            assert not any(repr(mark) in row for mark in (marks[0], marks[2], data_key)), row[:80]
    sealed = world.rows("SELECT text_sealed FROM messages WHERE worker_id IS NOT NULL")
    assert sealed
    assert all(one == b"" for (one,) in sealed)
    assert box is not None


def answer_the_ticket(world: World) -> None:
    for (ticket,) in world.rows("SELECT reference FROM tickets"):
        with world.app.app_context():
            done = world.app.test_cli_runner().invoke(
                args=["tickets", "answer", ticket, "--text", "Sudah kami periksa.", "--by", "ani"]
            )
        assert done.exit_code == 0, done.output


def test_the_last_text_says_that_it_is_done(world: World, phone: Phone) -> None:
    erase(world)
    assert "Data Anda di layanan ini sudah dihapus" in world.last_sms()


def test_books_and_chain_prove_after_it(world: World, phone: Phone) -> None:
    seal_ledger(world.ports)
    before = world.rows("SELECT * FROM transfers ORDER BY id")
    erase(world)
    assert world.rows("SELECT * FROM transfers ORDER BY id") == before
    world.clock.forward(hours=2)
    seal_ledger(world.ports)
    with world.ports.transaction() as work:
        proof = prove(work, None)
    assert proof.differences == []


def test_the_same_person_may_join_anew_as_somebody_new(world: World, phone: Phone) -> None:
    erase(world)
    assert "autodebit" in enrol(phone).lower()
    assert world.one("SELECT count(*) FROM workers") == 2
    world.exchange()


def test_whoever_shares_the_number_keeps_what_is_theirs(world: World, phone: Phone) -> None:
    enrol(phone, BUDI_NIK, BUDI)
    phone.text("SALDO")
    erase(world)
    assert world.one("SELECT count(*) FROM contacts") == 1
    assert world.one("SELECT count(*) FROM inbound_sms WHERE sender_index <> ''") == 1


def test_what_came_in_from_the_number_goes_with_its_last_member(world: World, phone: Phone) -> None:
    phone.text("SALDO")
    erase(world)
    assert world.rows("SELECT length(sender_sealed), length(text_sealed) FROM inbound_sms") == [(0, 0)]


def state_of(world: World) -> Any:
    return world.rows("SELECT state, waits_for FROM erasures")


def test_it_waits_for_a_debit_that_is_at_the_bank(world: World) -> None:
    paid_member(world)
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE attempts SET state = 'unknown'"))
    ask(world)
    tell_everyone(world)
    wait(world)
    assert state_of(world) == [("waiting", "debit")]
    assert world.one("SELECT state FROM memberships") == MembershipState.ENDED.value
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE attempts SET state = 'confirmed'"))
    tell_everyone(world)
    wait(world, hours=1)
    assert state_of(world) == [("done", "")]


def test_it_waits_until_the_bank_and_the_insurer_were_told(world: World, phone: Phone) -> None:
    ask(world)
    wait(world)
    assert state_of(world) == [("waiting", "bank")]
    tell_bank(world)
    wait(world, hours=1)
    assert state_of(world) == [("waiting", "insurer")]
    world.exchange()
    wait(world, hours=1)
    assert state_of(world) == [("done", "")]


def test_it_waits_for_a_month_that_the_insurer_has_not_posted(world: World) -> None:
    enrol(world.phone())
    world.exchange()
    authorise(world.phone())
    world.ask_banks()
    world.collect()
    ask(world)
    tell_bank(world)
    wait(world)
    assert state_of(world) == [("waiting", "posting")]


def test_it_waits_for_money_that_goes_back_and_for_an_answer_that_is_owed(world: World, phone: Phone) -> None:
    phone.text("LAPOR 1")
    assert world.one("SELECT count(*) FROM tickets WHERE answered_at IS NULL") == 1
    with world.ports.database.begin() as db:
        db.execute(
            text(
                "INSERT INTO refunds (reference, attempt_reference, month, worker_id, n, bank_code, amount_rp, state, "
                "why, bank_reference, changed_at) SELECT 'R', reference, month, worker_id, n, '114', 28400, 'due', "
                "'surplus', '', now() FROM attempts"
            )
        )
    ask(world)
    tell_everyone(world)
    wait(world)
    assert state_of(world) == [("waiting", "refund")]
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE refunds SET state = 'done'"))
    tell_everyone(world)
    wait(world, hours=1)
    assert state_of(world) == [("waiting", "ticket")]


def test_after_it_a_call_meets_nobody_and_late_words_of_the_insurer_harm_nothing(world: World, phone: Phone) -> None:
    erase(world)
    assert "1. Daftar" in phone.dial()
    assert "belum terdaftar" in phone.press("3")
    world.exchange()
    world.clock.forward(days=3)
    world.plan(world.clock.now.date().replace(day=1))
    from jobs import count_standings, tell_cover_steps

    tell_cover_steps(world.ports)
    count_standings(world.ports)
    with world.app.app_context():
        assert world.app.test_cli_runner().invoke(args=["workers", "index"]).exit_code == 0
        assert world.app.test_cli_runner().invoke(args=["villages", "verify"]).exit_code == 0


def test_the_commands_say_that_somebody_was_erased(world: World, phone: Phone, tmp_path: Any) -> None:
    erase(world)
    for args in (("copy", reference(world), str(tmp_path / "x.json")), ("consents", reference(world))):
        done = command(world, *args, "--by", "ani")
        assert done.exit_code == 1
        assert "were erased" in done.output
    assert ask(world).exit_code == 1


def test_a_consent_loses_its_words_only_with_its_persons_key(world: World, phone: Phone) -> None:
    emptied = "text_sealed = '', phone_sealed = '', phone_index = '', text_hash = ''"
    for change in (f"UPDATE consents SET {emptied}", "UPDATE consents SET kind = 'x'", "DELETE FROM consents"):
        with pytest.raises(DBAPIError, match="append-only"), world.ports.database.begin() as db:
            db.exec_driver_sql(change)
    with world.ports.database.begin() as db:
        db.exec_driver_sql("UPDATE workers SET data_key = ''")
    with pytest.raises(DBAPIError, match="append-only"), world.ports.database.begin() as db:
        db.exec_driver_sql(f"UPDATE consents SET {emptied}, kind = 'x'")
