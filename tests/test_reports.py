"""Complaints, accidents and deaths: one ticket a matter, an answer owed by a day, and no debit of who may be dead."""

import pytest

from autodebit.decide import decide
from handset.phone import Phone
from insurance import mandates, tickets, work_items
from insurance.open_items import open_items
from models.machine import Cause
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, GOOD, PIN, SITI_PHONE, authorise, enrol
from tests.test_autodebit import DEC, JAN, debits, member
from tests.test_member import told
from tests.world import World


def call(phone: Phone, *keys: str) -> str:
    phone.dial()
    return phone.press("5", *keys)


def ref(world: World) -> str:
    return str(world.one("SELECT reference FROM tickets"))


@pytest.mark.parametrize(("key", "kind"), [("1", "not_me"), ("2", "debited"), ("3", "wrong_sms")])
def test_three_keys_open_a_ticket_with_a_dated_answer(world: World, key: str, kind: str) -> None:
    phone = world.phone()
    enrol(phone)
    assert "paling lambat 28-11-2026" in call(phone, "2", key)
    assert world.one("SELECT kind FROM tickets") == kind
    assert f"paling lambat 28-11-2026. Belum dijawab? Telp 175, sebut Ref {ref(world)}" in world.last_sms()
    with world.ports.transaction() as work:
        [item] = open_items(work)
    assert (item.what, item.which, item.overdue) == (f"complaint {kind}", f"ticket {ref(world)}", False)


def test_the_same_complaint_again_is_the_same_ticket_until_it_is_answered(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    call(phone, "2", "2")
    call(phone, "2", "2")
    assert world.one("SELECT count(*) FROM tickets") == 1
    with world.ports.transaction() as work:
        tickets.answer(work, ref(world), "Debit 23-11 untuk iuran Nov, sudah dicatat BPJS.", "Ani")
    call(phone, "2", "2")
    assert world.one("SELECT count(*) FROM tickets") == 2


def test_a_stranger_may_complain_of_our_texts(world: World) -> None:
    call(world.phone(BUDI_PHONE), "2", "1")
    assert "Keluhan dicatat" in world.last_sms(BUDI_PHONE)
    with world.ports.transaction() as work:
        tickets.answer(work, ref(world), "Nomor Anda dihapus.", "Ani")
    assert world.last_sms(BUDI_PHONE).startswith(f"LATIHAN Nomor Anda dihapus. Ref {ref(world)}")


def test_a_complaint_is_closed_by_its_answer_alone(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    call(phone, "2", "2")
    item = world.one("SELECT id FROM work_items")
    with pytest.raises(ValueError, match="does not fit"):
        decide(world.ports, item, "Ani", "settled_by_hand")
    with world.ports.transaction() as work, pytest.raises(work_items.NeedsOutcome):
        work_items.refuse(work, item, "Ani")
    world.clock.forward(days=6)
    with world.ports.transaction() as work:
        assert [one.overdue for one in open_items(work)] == [True]
    for bad in ("", "x" * 111, "Saldo sudah benar ✓"):
        with world.ports.transaction() as work, pytest.raises(tickets.NotAnswerable):
            tickets.answer(work, ref(world), bad, "Ani")
    with world.ports.transaction() as work:
        tickets.answer(work, ref(world), "Sudah diperiksa.", "Ani")
        assert open_items(work) == []
    assert "Sudah diperiksa. Ref" in world.last_sms()
    with world.ports.transaction() as work, pytest.raises(tickets.NotAnswerable, match="already"):
        tickets.answer(work, ref(world), "Lagi.", "Ani")


def test_a_tickets_trail_is_of_its_own_member_and_without_personal_data(world: World) -> None:
    member(world)
    world.collect()
    enrol(world.phone(BUDI_PHONE), BUDI_NIK, BUDI)
    call(world.phone(), "2", "2")
    with world.ports.transaction() as work:
        trail = tickets.trail(work, tickets.by_reference(work, ref(world)))
    own = str(world.one("SELECT min(id) FROM workers"))
    assert {event.subject for event in trail} == {"ticket", "worker", "membership", "mandate", "attempt", "month"} - (
        {"membership"} if not any(event.subject == "membership" for event in trail) else set()
    )
    assert {event.subject_id for event in trail if event.subject == "worker"} == {own}
    said = " ".join(f"{event.subject_id} {event.code} {event.why}" for event in trail)
    assert "SITI" not in said
    assert SITI_PHONE not in said


def test_a_complaint_from_a_silent_number_is_marked_for_who_answers_it(world: World) -> None:
    enrol(world.phone())
    world.clock.forward(days=90)
    for phone, marked in ((world.phone(), True), (world.phone(BUDI_PHONE), False)):
        if not marked:
            enrol(phone, BUDI_NIK, BUDI)
        phone.dial()
        assert "Keluhan dicatat" in phone.press("5", "2", "2")
        ref = world.rows("SELECT reference FROM tickets ORDER BY id DESC")[0][0]
        with world.app.app_context():
            shown = world.app.test_cli_runner().invoke(args=["tickets", "show", ref]).output
        assert ("From a number in doubt" in shown) is marked


# Accidents


def test_an_accident_says_what_to_do_and_is_seen_to_in_two_days(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    assert "RS dulu" in call(phone, "1", "1")
    assert "dalam 2x24 jam" in phone.press("2")
    assert "Laporan kecelakaan SITI RAHMAWATI dicatat" in world.last_sms()
    assert str(world.one("SELECT due_on FROM work_items")) == "2026-11-25"
    phone.text("LAPOR 1")
    assert world.one("SELECT count(*) FROM tickets") == 1


def test_lapor_asks_what_and_strangers_are_told_whom_to_call(world: World) -> None:
    phone = world.phone()
    phone.text("LAPOR 2")
    assert "lapor BPJS 175 dalam 2x24 jam" in world.last_sms()
    assert "lapor BPJS 175" in call(phone, "1")
    assert world.one("SELECT count(*) FROM tickets") == 0
    enrol(phone)
    phone.text("lapor")
    assert "LAPOR 1 kecelakaan kerja, LAPOR 2 meninggal dunia" in world.last_sms()
    enrol(phone, BUDI_NIK, BUDI)
    world.clock.forward(seconds=11)
    phone.text("LAPOR 2")
    assert "Lapor lewat menu" in world.last_sms()
    assert world.one("SELECT count(*) FROM workers WHERE held_at IS NOT NULL") == 0


# Deaths


def dead(world: World) -> Phone:
    """Siti, with November paid and December announced, reported dead from her own number."""
    member(world)
    world.collect()
    world.clock.forward(days=3)
    world.plan(DEC)
    phone = world.phone()
    assert "Semua debit dihentikan" in call(phone, "1", "2")
    assert "turut berduka" in phone.press("1")
    return phone


def test_a_reported_death_stops_every_debit_until_people_have_decided(world: World) -> None:
    phone = dead(world)
    assert "debit dihentikan" in world.last_sms()
    assert world.one("SELECT state FROM mandates") == "paused"
    assert world.one("SELECT state FROM attempts WHERE month = :month", month=DEC) == "cancelled"
    phone.dial()
    assert "sedang diperiksa" in phone.press("2", "2", PIN)
    for _ in range(3):
        world.clock.forward(days=31)
        world.plan(world.clock.now.date().replace(day=1))
        world.collect()
    assert world.one("SELECT state FROM mandates") == "paused"
    assert len(debits(world)) == 1
    call(phone, "1", "2", "1")
    assert world.one("SELECT count(*) FROM tickets") == 1


def test_a_bank_that_agrees_after_the_report_debits_nothing(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    world.exchange()
    authorise(phone, GOOD)
    phone.text("LAPOR MENINGGAL")
    world.ask_banks()
    assert world.one("SELECT state FROM mandates") == "paused"
    world.collect()
    assert debits(world) == []


def test_a_death_that_was_none_takes_the_autodebit_up_again(world: World) -> None:
    dead(world)
    item = world.one("SELECT id FROM work_items WHERE kind = 'death'")
    with pytest.raises(ValueError, match="does not fit"):
        decide(world.ports, item, "Ani", "settled_by_hand")
    decide(world.ports, item, "Ani", "alive")
    assert world.one("SELECT state FROM mandates") == "active"
    assert world.one("SELECT held_at FROM workers") is None
    assert "tidak benar dan ditutup" in world.last_sms()
    assert world.plan(DEC).scheduled == 1


def test_what_the_member_had_paused_stays_paused_meanwhile_and_after(world: World) -> None:
    member(world)
    world.collect()
    with world.ports.transaction() as work:
        mandates.pause(work, work.workers_at(work.keys.index("phone", SITI_PHONE))[0], 1)
    world.phone().text("LAPOR 2")
    world.clock.forward(days=35)
    world.plan(JAN)
    assert world.one("SELECT state FROM mandates") == "paused", "its pause is over, but nobody has decided yet"
    decide(world.ports, world.one("SELECT id FROM work_items WHERE kind = 'death'"), "Ani", "alive")
    assert world.one("SELECT state FROM mandates") == "paused"
    world.plan(JAN)
    assert world.one("SELECT state FROM mandates") == "active"


def test_a_death_that_is_true_ends_membership_for_good(world: World) -> None:
    phone = dead(world)
    decide(world.ports, world.one("SELECT id FROM work_items WHERE kind = 'death'"), "Ani", "dead")
    assert world.one("SELECT state FROM memberships") == "ended"
    assert world.one("SELECT state FROM mandates") == "cancelled"
    assert "Kepesertaan SITI RAHMAWATI diakhiri karena meninggal" in world.last_sms()
    world.exchange()
    assert told(world) == [("END", "died", "")]
    phone.dial()
    phone.press("4", "1")
    phone.read_on()
    assert "sedang diperiksa" in phone.press("1", PIN)


def test_a_member_held_back_cannot_be_given_a_new_autodebit(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    world.exchange()
    phone.text("LAPOR 2")
    assert "sedang diperiksa" in authorise(phone)
    with world.ports.transaction() as work:
        worker = work.workers_at(work.keys.index("phone", SITI_PHONE))[0]
        with pytest.raises(mandates.HeldBack):
            mandates.resume(work, worker, Cause("member", "ussd"))
