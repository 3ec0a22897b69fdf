"""Other programmes or income, by a yes that names the month; and what is shown of the debits to come and gone."""

import threading
from datetime import date

import pytest

from handset.phone import Phone
from insurance import terms
from insurance.consent import Yes
from insurance.party import parties, party
from models import Mandate, Membership, Worker
from tests.people import PIN, SITI_PHONE, enrol
from tests.test_autodebit import DEC
from tests.test_member import data, siti, told
from tests.test_paying import words
from tests.world import World

# Other terms


def choose_terms(phone: Phone, income: str, programmes: str) -> str:
    data(phone, "2", income, programmes)
    return words(phone)


def test_other_terms_begin_after_what_is_paid_and_are_told_in_words(world: World) -> None:
    phone = siti(world)
    shown = choose_terms(phone, "1", "1")
    assert "Saya setuju: JKK+JKM mulai iuran Des 2026, Rp8.400/bln (dulu Rp28.400). Mulai Jan 2027: Rp16.800." in shown
    assert "Perubahan disimpan" in phone.press("1", PIN)
    assert "Mulai iuran Des 2026: JKK+JKM, Rp8.400/bln" in world.last_sms()
    assert world.one("SELECT count(*) FROM consents WHERE kind = 'terms'") == 1
    world.exchange()
    assert told(world) == [("TERMS", "2", "1000000")]
    world.clock.forward(days=3)
    world.plan(DEC)
    assert "Iuran Des 2026 berubah: Rp8.400 (dulu Rp28.400)" in world.last_sms()
    assert world.one("SELECT jht_rp FROM attempts WHERE month = :month", month=DEC) == 0


def test_a_month_that_was_announced_keeps_the_price_it_was_announced_with(world: World) -> None:
    phone = siti(world)
    world.clock.forward(days=3)
    world.plan(DEC)
    assert "mulai iuran Jan 2027, Rp16.800/bln (dulu Rp36.800)" in choose_terms(phone, "1", "1")
    phone.press("1", PIN)
    assert world.one("SELECT jkk_rp + jkm_rp + jht_rp FROM attempts WHERE month = :month", month=DEC) == 28_400
    phone.dial()
    phone.press("3", PIN)
    assert "iuran Des 2026 Rp28.400, 07-12-2026" in phone.press("1")


def test_terms_above_the_maximum_say_so_and_lead_to_a_new_autodebit(world: World) -> None:
    phone = siti(world)
    shown = choose_terms(phone, "4", "2")
    assert "Di atas batas autodebit Rp36.800: tidak didebit tanpa autodebit baru." in shown
    assert "Di atas batas autodebit" in phone.press("1", PIN)
    assert "di atas batas autodebit Rp36.800. Tidak didebit" in world.last_sms()
    assert "Ganti autodebit" in phone.press("1")
    phone.press("1", "1", "1140012346", "1", "2")
    assert "Maks Rp54.800" in words(phone)


def test_the_same_terms_change_nothing_and_a_repeat_changes_nothing_twice(world: World) -> None:
    phone = siti(world)
    choose_terms(phone, "1", "2")
    assert "sudah tercatat" in phone.press("1", PIN)
    assert world.one("SELECT count(*) FROM consents WHERE kind = 'terms'") == 0
    choose_terms(phone, "1", "1")
    phone.press("1", PIN)
    phone.repeat()
    choose_terms(phone, "1", "1")
    assert "sudah tercatat" in phone.press("1", PIN)
    assert world.one("SELECT count(*) FROM changes") == 1


def change_directly(world: World) -> None:
    with world.ports.transaction() as work:
        yes = Yes("terms", "v", "id", "ya", "s", SITI_PHONE)
        terms.change(work, work.db.query(Worker).one(), "2", 1_000_000, yes)


def test_what_was_done_before_the_call_was_kept_is_found_done(world: World) -> None:
    phone = siti(world)
    choose_terms(phone, "1", "1")
    phone.press("1")
    change_directly(world)
    assert "sudah tercatat" in phone.press(PIN)
    with pytest.raises(terms.Unchanged):
        change_directly(world)
    assert world.one("SELECT count(*) FROM changes") == 1


def test_terms_are_agreed_to_as_they_were_shown(world: World) -> None:
    phone = siti(world)
    choose_terms(phone, "1", "1")
    world.clock.forward(days=3)
    world.plan(DEC)
    phone.press("1")
    assert "mulai iuran Jan 2027" in phone.press(PIN)
    assert world.one("SELECT count(*) FROM changes") == 0


def test_no_pin_no_other_terms(world: World) -> None:
    phone = siti(world)
    choose_terms(phone, "1", "1")
    assert "PIN salah" in phone.press("1", "918273")
    assert world.one("SELECT next_from FROM memberships") is None


def test_terms_chosen_twice_leave_what_was_announced_between(world: World) -> None:
    phone = siti(world)
    choose_terms(phone, "1", "1")
    phone.press("1", PIN)
    world.clock.forward(days=3)
    world.plan(DEC)
    choose_terms(phone, "1", "2")
    phone.press("1", PIN)
    row = world.rows("SELECT programmes, next_programmes, next_from FROM memberships")[0]
    assert tuple(row) == ("2", "3", date(2027, 1, 1)), "December was announced for two programmes"


# Cover: next and last


def test_the_next_debit_and_the_last_payments_are_shown_behind_the_pin(world: World) -> None:
    phone = siti(world)
    phone.dial()
    assert "Debit berikutnya" in phone.press("3", PIN)
    assert "iuran Des 2026 Rp28.400, sekitar 07-12-2026 (tgl 5 bank tutup). Kami SMS dulu." in phone.press("1")
    phone.dial()
    phone.press("3", PIN)
    assert phone.press("2").endswith("Terakhir dibayar:\n23-11-2026 Nov 2026 Rp28.400")


def test_the_next_debit_says_why_its_day_is_not_the_chosen_one_and_only_then(world: World) -> None:
    phone = siti(world)
    world.clock.forward(days=3)
    world.plan(DEC)
    phone.dial()
    phone.press("3", PIN)
    assert "iuran Des 2026 Rp28.400, 07-12-2026 (tgl 5 bank tutup)." in phone.press("1"), "announced, on a Monday"
    with world.ports.transaction() as work:
        work.db.query(Mandate).one().day = 7
    phone.dial()
    phone.press("3", PIN)
    assert "iuran Des 2026 Rp28.400, 07-12-2026." in phone.press("1"), "the day itself"
    with world.ports.transaction() as work:
        work.db.query(Mandate).one().day = 12
    phone.dial()
    phone.press("3", PIN)
    assert "iuran Des 2026 Rp28.400, 07-12-2026." in phone.press("1"), "moved, but not because of the 12th, a Saturday"


def test_without_an_autodebit_no_debit_is_planned(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phone.dial()
    phone.press("3", PIN)
    assert "Tidak ada debit yang dijadwalkan" in phone.press("1")


def test_who_waits_for_a_mandate_sees_the_terms_that_its_holder_wrote(world: World) -> None:
    """A planner that waited while the terms were changed must not announce the old price (insurance/party.py)."""
    siti(world)
    read: list[int] = []
    with world.ports.transaction() as work:
        worker = work.db.query(Worker).one()
        mandate_id = work.db.query(Mandate).one().id
        parties(work, [mandate_id], lock=True)

        def plan() -> None:
            with world.ports.transaction() as planner:
                read.append(party(planner, mandate_id, lock=True).base_rp)

        waiting = threading.Thread(target=plan)
        waiting.start()
        until_waiting_for_a_lock(world)
        work.db.get_one(Membership, worker.id).base_rp = 1_500_000
    waiting.join()
    assert read == [1_500_000]


def until_waiting_for_a_lock(world: World) -> None:
    while not world.one("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
        pass
