"""What a member may do by phone besides paying: other terms, heirs, another number, leaving; each with a PIN."""

from dataclasses import replace

import pytest

from handset.phone import Phone
from insurance import handover, leaving, numbers, terms
from insurance.consent import Yes
from insurance.enrolment import NotAMember
from insurer.base import RegistrationResult, ResultFile
from insurer.dayfile import read_hand_over
from models import Worker
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, PIN, SITI, SITI_NIK, SITI_PHONE, authorise, enrol
from tests.test_autodebit import DEC, debits, member
from tests.test_paying import words
from tests.world import World

NEW_PHONE = "+6281311112222"


def told(world: World) -> list[tuple[str, str, str]]:
    """Every change that was handed to the insurer: kind, value, detail."""
    names = sorted(path.name for path in (world.sandbox.folder / "out").glob("*.csv"))
    files = [read_hand_over(world.sandbox.folder / "out", name) for name in names]
    return [(one.kind, one.value, one.detail) for file in files for one in file.changes]


def siti(world: World) -> Phone:
    """Verified, with an autodebit in force and November paid."""
    member(world)
    world.collect()
    return world.phone()


def data(phone: Phone, *keys: str) -> str:
    phone.dial()
    phone.press("4")
    phone.read_on()
    return phone.press(*keys)


# Heirs


def test_heirs_are_named_behind_the_pin_sealed_told_to_the_insurer_and_not_in_the_sms(world: World) -> None:
    phone = siti(world)
    assert "1. (belum diisi)" in data(phone, "3", PIN)
    assert "Ahli waris: ANI, anak" in phone.press("1", "Ani", "2")
    assert "disimpan" in phone.press("1")
    assert "Ahli waris ke-1" in world.last_sms()
    assert "ANI" not in world.last_sms()
    assert b"ANI" not in bytes(world.one("SELECT name_sealed FROM heirs"))
    assert "1. ANI, anak" in data(phone, "3", PIN)
    phone.press("1", "Dewi", "4", "1")
    assert world.one("SELECT count(*) FROM heirs") == 1, "named anew in the same place"
    world.exchange()
    assert told(world) == [("HEIR1", "ANI", "child"), ("HEIR1", "DEWI", "sibling")]


def test_the_same_heir_again_is_told_once(world: World) -> None:
    phone = siti(world)
    for _ in range(2):
        data(phone, "3", PIN, "2", "Ani", "1", "1")
    assert world.one("SELECT count(*) FROM changes") == 1
    assert sum("Ahli waris" in sms for sms in world.owed_to(SITI_PHONE)) == 1


def test_heirs_are_offered_after_enrolment_and_wait_until_the_insurer_knows_the_member(world: World) -> None:
    phone = world.phone()
    assert "3. Ahli waris" in enrol(phone)
    phone.press("3", PIN, "1", "Ani", "1", "1")
    world.exchange()
    assert told(world) == []
    world.exchange()
    assert told(world) == [("HEIR1", "ANI", "spouse")]


# Leaving


def leave(phone: Phone) -> str:
    data(phone, "5")
    words(phone)
    return phone.press("2", PIN)


def test_who_leaves_is_debited_no_more_and_the_insurer_is_told(world: World) -> None:
    phone = siti(world)
    world.exchange()
    world.clock.forward(days=3)
    world.plan(DEC)
    data(phone, "5")
    assert "Tercatat s.d. 30-11-2026." in words(phone)
    assert "Kepesertaan diakhiri" in phone.press("2", PIN)
    assert "Kepesertaan SITI RAHMAWATI berakhir 26-11-2026" in world.last_sms()
    assert world.one("SELECT state FROM mandates") == "cancelled"
    assert world.one("SELECT state FROM attempts WHERE month = :month", month=DEC) == "cancelled"
    world.exchange()
    assert told(world) == [("END", "left", "")]
    phone.dial()
    shown = phone.press("3")
    assert "kepesertaan sudah berakhir" in shown
    assert "terlindungi" not in shown
    world.clock.forward(days=12)
    world.collect()
    assert len(debits(world)) == 1


def test_no_yes_or_no_pin_leaves_the_member_a_member(world: World) -> None:
    phone = siti(world)
    data(phone, "5")
    words(phone)
    assert "Ganti PIN" in phone.press("1")
    data(phone, "5")
    words(phone)
    assert "PIN salah" in phone.press("2", "918273")
    assert world.one("SELECT state FROM memberships") == "verified"


def test_who_left_joins_again_with_the_old_pin_and_is_not_protected_by_that(world: World) -> None:
    phone = siti(world)
    world.exchange()
    leave(phone)
    world.exchange()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", "35013", "1", "1", "2", PIN, PIN)
    phone.read_on()
    assert "NIK ini pernah berhenti" in phone.press("1")
    assert "Berakhir." in data(phone)
    phone.press("1")
    assert "JKK+JKM+JHT Rp28.400/bln" in words(phone)
    assert "Data dikirim ke BPJS" in phone.press("1", PIN)
    phone.dial()
    assert "menunggu BPJS, belum terlindungi" in phone.press("3"), "November is posted, and was before leaving"
    phone.text("STATUS")
    world.send_sms()
    assert "menunggu BPJS, belum terlindungi" in phone.received()[-1]
    world.exchange()
    assert world.one("SELECT state FROM memberships") == "verified"
    assert world.one("SELECT count(*) FROM workers") == 1
    assert "Permintaan dikirim" in authorise(phone)
    with world.ports.transaction() as work:
        worker, yes = work.db.query(Worker).one(), Yes("rejoin", "v", "id", "ya", "s", SITI_PHONE)
        with pytest.raises(leaving.NotLeft):
            leaving.rejoin(work, worker, yes)


def test_left_and_joined_again_within_one_file_is_taken_in_that_order(world: World) -> None:
    phone = siti(world)
    leave(phone)
    data(phone, "1")
    words(phone)
    phone.press("1", PIN)
    world.exchange()
    assert world.one("SELECT state FROM memberships") == "verified"


def test_an_answer_to_a_registration_that_was_left_and_begun_anew_holds_up_nobody(world: World) -> None:
    phone = siti(world)
    first = world.one("SELECT reference FROM memberships")
    leave(phone)
    data(phone, "1")
    words(phone)
    phone.press("1", PIN)
    assert world.one("SELECT reference FROM memberships") != first
    late = RegistrationResult(first, "VERIFIED", "12345678901", "")
    with world.ports.transaction() as work:
        handover.apply(work, ResultFile("result-x.csv", [late], []))
    assert world.one("SELECT state FROM memberships") == "submitted"


def test_a_month_that_is_posted_after_its_member_left_promises_no_cover(world: World) -> None:
    phone = siti(world)
    leave(phone)
    world.exchange()
    [sms] = [sms for sms in world.owed_to(SITI_PHONE) if "mencatat iuran Nov 2026" in sms]
    assert "Belum terlindungi bulan ini" in sms


def test_another_phone_cannot_join_in_the_name_of_who_left(world: World) -> None:
    phone = siti(world)
    leave(phone)
    other = world.phone(BUDI_PHONE)
    assert "sudah terdaftar" in enrol(other)


def test_who_has_left_names_no_heirs_and_changes_no_terms(world: World) -> None:
    phone = siti(world)
    leave(phone)
    yes = Yes("terms", "v", "id", "ya", "s", SITI_PHONE)
    with world.ports.transaction() as work:
        worker = work.db.query(Worker).one()
        with pytest.raises(NotAMember):
            terms.change(work, worker, "2", 1_000_000, yes)
        with pytest.raises(NotAMember):
            numbers.ask(work, worker, SITI_PHONE, NEW_PHONE)
        with pytest.raises(NotAMember):
            leaving.leave(work, worker, replace(yes, kind="leave"))


def test_one_of_two_on_a_phone_leaves_and_the_other_stays(world: World) -> None:
    phone = siti(world)
    enrol(phone, BUDI_NIK, BUDI)
    phone.dial()
    phone.press("4", "2", PIN)
    phone.read_on()
    phone.press("5")
    words(phone)
    phone.press("2", PIN)
    assert world.rows("SELECT state FROM memberships ORDER BY worker_id") == [("verified",), ("ended",)]
