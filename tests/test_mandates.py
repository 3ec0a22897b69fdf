"""Mandates around the debits: cancelled, refused, replaced, above the maximum, shared accounts."""

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app import create_app
from autodebit import plan
from autodebit.collect import collect
from banks.asked import CollectRequest, MandateRequest
from banks.base import BankAnswer, BankUnreachable
from tests.people import (
    BUDI,
    BUDI_NIK,
    BUDI_PHONE,
    CLOSED,
    GOOD,
    PIN,
    SITI_PHONE,
    authorise,
    enrol,
)
from tests.stand_ins import Away
from tests.test_autodebit import DEC, attempt, debits, member
from tests.world import World


def test_cancelling_is_effective_at_once(world: World) -> None:
    member(world)
    phone = world.phone()
    phone.dial()
    assert "Tidak ada debit baru" in phone.press("2", "1", "2", PIN)
    world.collect()
    assert debits(world) == []
    assert world.one("SELECT state FROM attempts") == "cancelled"
    assert "dibatalkan 23-11-2026" in world.last_sms()
    phone.dial()
    assert "Bank rekening" in phone.press("2")


def test_a_yes_of_the_bank_after_the_member_cancelled_stays_cancelled(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    authorise(phone)
    late: list[str] = []

    class Slow(Away):
        def ask(self, mandate: MandateRequest) -> BankAnswer:
            phone.dial()
            late.append(phone.press("2", "1", "2", PIN))
            return world.ports.banks["114"].ask(mandate)

    from autodebit.mandates import ask_banks

    ask_banks(replace(world.ports, banks={"114": Slow()}))
    assert "dibatalkan" in late[0]
    assert world.one("SELECT state FROM mandates") == "cancelled"


def test_while_stop_is_asked_nothing_is_debited(world: World) -> None:
    member(world)
    world.phone().text("STOP")
    assert world.collect().by_state == {}
    world.clock.forward(hours=25)
    assert world.collect().by_state == {"confirmed": 1}


def test_an_amount_above_the_maximum_is_never_sent(world: World) -> None:
    member(world)
    world.collect()
    with world.ports.database.begin() as connection:
        connection.execute(text("UPDATE mandates SET max_amount_rp = 28399"))
    world.clock.forward(days=5)
    planned = world.plan(DEC)
    assert (planned.scheduled, planned.above_maximum) == (0, 1)
    world.clock.forward(days=10)
    world.collect()
    assert len(debits(world)) == 1


def test_a_month_outside_its_window_is_refused(world: World) -> None:
    for month in (date(2026, 10, 1), date(2027, 1, 1)):
        with pytest.raises(plan.OutsideWindow, match="is not 2026-11"):
            world.plan(month)


def test_an_unsent_attempt_of_a_month_that_is_over_is_dropped(world: World) -> None:
    member(world)
    world.clock.now += timedelta(days=10)
    world.collect()
    assert attempt(world)[0] == "cancelled"
    assert debits(world) == []


def test_an_account_serves_no_more_members_than_configured(world: World) -> None:
    member(world)
    settings = world.ports.settings.model_copy(update={"ACCOUNT_WORKERS_MAX": 1})
    from insurance import mandates
    from insurance.consent import Yes

    budi = world.phone(BUDI_PHONE)
    enrol(budi, BUDI_NIK, BUDI)
    with replace(world.ports, settings=settings).transaction() as work:
        worker = work.workers_at(work.keys.index("phone", BUDI_PHONE))[0]
        with pytest.raises(mandates.AccountFull):
            mandates.authorise(work, worker, "114", GOOD, 5, Yes("mandate", "v", "id", "yes", "s", BUDI_PHONE))


def test_a_worker_has_one_live_mandate_at_most(world: World) -> None:
    member(world)
    phone = world.phone()
    phone.dial()
    assert "Autodebit Bank Jatim ***2345: aktif" in phone.press("2")
    assert world.one("SELECT count(*) FROM mandates") == 1


def test_a_refused_membership_is_told_and_cancels_the_mandate(world: World) -> None:
    phone = world.phone()
    enrol(phone, "3599014503850404")
    authorise(phone)
    world.exchange()
    texts = world.owed_to(SITI_PHONE)
    assert any("NIK tidak ditemukan" in text for text in texts)
    assert world.one("SELECT state FROM mandates") == "cancelled"
    phone.dial()
    assert "ditolak BPJS" in phone.press("3")


def test_a_new_mandate_after_a_closed_account_collects_the_month_on_another_day(world: World) -> None:
    member(world, CLOSED)
    world.collect()
    authorise(world.phone(), GOOD)
    world.ask_banks()
    assert world.collect().by_state == {}, "one try a day"
    world.clock.forward(days=1)
    assert world.collect().by_state == {"confirmed": 1}
    assert [tuple(row) for row in world.rows("SELECT n, state FROM attempts ORDER BY n")] == [
        (1, "failed_hard"),
        (2, "confirmed"),
    ]


def test_a_mandate_cancelled_before_its_debit_leaves_the_month_to_the_next_one(world: World) -> None:
    member(world)
    phone = world.phone()
    phone.dial()
    phone.press("2", "1", "2", PIN)
    authorise(phone, "1140099999")
    world.ask_banks()
    assert world.collect().by_state == {"confirmed": 1}
    assert len(debits(world)) == 1


def test_who_paid_this_month_consents_to_the_next_one_first(world: World) -> None:
    member(world)
    world.collect()
    phone = world.phone()
    phone.dial()
    phone.press("2", "1", "2", PIN)
    phone.dial()
    phone.press("2", "1", "1140099999", "1", "3")
    words = phone.read_on().replace("\n", " ")
    assert "Rp28.400 tiap tgl 10 mulai iuran Des" in words
    phone.press("1", PIN)
    world.ask_banks()
    assert "Debit pertama untuk iuran Des 2026" in world.last_sms()
    world.collect()
    assert len(debits(world)) == 1


def test_a_bank_fee_is_in_the_words_the_maximum_and_the_ledger_and_one_set_later_is_not_taken(world: World) -> None:
    settings = world.ports.settings.model_copy(update={"BANK_FEE_RP": 2500})
    fee = World(
        create_app(settings, clock=world.clock), replace(world.ports, settings=settings), world.clock, world.sandbox
    )
    phone = fee.phone()
    enrol(phone)
    world.exchange()
    phone.dial()
    phone.press("2", "1", GOOD, "1", "2")
    words = phone.read_on().replace("\n", " ")
    assert "didebit Rp30.900 utk iuran Nov 2026" in words
    assert "Maks Rp39.300/bln termasuk biaya bank Rp2.500" in words
    phone.press("1", PIN)
    world.ask_banks()
    assert world.collect().collected_rp == 30900
    assert world.one("SELECT amount_rp FROM transfers WHERE programme = 'FEE'") == 2500
    world.clock.forward(days=5)
    dearer = replace(world.ports, settings=settings.model_copy(update={"BANK_FEE_RP": 9000}))
    plan.plan(dearer, DEC)
    assert world.one("SELECT fee_rp FROM attempts WHERE month = '2026-12-01'") == 2500


def test_cancelling_while_the_debit_is_at_the_bank_says_so(world: World) -> None:
    member(world)
    phone = world.phone()

    class Slow(Away):
        def collect(self, debit: CollectRequest) -> BankAnswer:
            phone.dial()
            phone.press("2", "1", "2", PIN)
            raise BankUnreachable("cut")

    collect(replace(world.ports, banks={"114": Slow()}))
    while_under_way, end = world.owed_to(SITI_PHONE)[-2:]
    assert "Satu debit sudah di bank" in while_under_way
    assert "tidak jadi didebit" in end
    assert attempt(world)[0] == "cancelled", "nothing was sent, and nobody wants it sent any more"


def test_the_members_yes_and_the_insurers_at_the_same_moment_schedule_the_month_once(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    authorise(phone)
    together = [threading.Thread(target=world.ask_banks), threading.Thread(target=world.exchange)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert world.one("SELECT count(*) FROM attempts") == 1


def test_who_was_refused_is_not_told_that_data_were_sent(world: World) -> None:
    phone = world.phone()
    enrol(phone, "3599014503850404")
    world.exchange()
    assert "sudah terdaftar" in enrol(phone, "3599014503850404")


def test_calls_at_once_cannot_give_one_account_too_many_mandates(world: World) -> None:
    phones = [world.phone(f"+628123456780{i}") for i in range(6)]
    for i, phone in enumerate(phones):
        enrol(phone, f"359901171090{i + 1:04d}")
        phone.dial()
        phone.press("2", "1", GOOD, "1", "2")
        phone.read_on()
        phone.press("1")
    threads = [threading.Thread(target=phone.press, args=(PIN,)) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.one("SELECT count(*) FROM mandates") == 3


def test_the_database_takes_no_mandate_without_a_maximum(world: World) -> None:
    member(world)
    with pytest.raises(IntegrityError, match="has_maximum"), world.ports.database.begin() as connection:
        connection.execute(text("UPDATE mandates SET max_amount_rp = 0"))
