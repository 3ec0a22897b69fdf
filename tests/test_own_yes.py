"""The own yes to what others prepared: by call or SMS, with a code and few tries; a first PIN needs that code too."""

import pytest

from insurance import own_yes, pin
from jobs import end_invitations
from models import Consent, Worker
from tests.helping import (
    STRANGER,
    code_for,
    invite,
    make_helper,
    other_code,
    say_yes_by_phone,
    states,
)
from tests.people import BUDI, BUDI_NIK, GOOD, PIN, SITI_PHONE, authorise, enrol
from tests.world import START, World

HEAD = "+6281200000001"


def test_the_yes_by_call_takes_five_screens_behind_the_first_menu_and_keeps_the_very_words(world: World) -> None:
    invite(make_helper(world))
    phone = world.phone()
    assert "Pasang autodebit sekarang" in say_yes_by_phone(phone, code_for(world))
    asked = [screen for pressed, screen in phone.calls if pressed != "98"][1:]
    assert [words.split()[1] for words in asked] == ["Ketik", "Buat", "Ketik", "Daftarkan", "Data"]
    assert states(world) == ["confirmed"]
    assert world.one("SELECT state FROM memberships") == "submitted"
    assert world.rows("SELECT kind, channel FROM consents") == [("enrolment", "ussd")]
    assert "Pendaftaran SITI RAHMAWATI diterima" in world.last_sms()
    phone.dial()
    assert "Iuran lewat kami" in phone.press("3", PIN)


def test_the_yes_by_sms_keeps_the_words_of_the_sms_and_leaves_nothing_of_the_invitation(world: World) -> None:
    invite(make_helper(world))
    (asked,) = world.owed_to(SITI_PHONE)
    phone = world.phone()
    phone.text(f" ya {code_for(world)} ")
    with world.ports.transaction() as work:
        worker, consent = work.db.query(Worker).one(), work.db.query(Consent).one()
        assert work.box(worker).open(consent.text_sealed, "consent.text") == asked
        assert consent.channel == "sms"
    left = "SELECT data_key, person_sealed, nik_index, phone_index FROM invitations"
    assert world.rows(left) == [(None, None, None, None)]
    assert world.rows("SELECT phone_index FROM messages WHERE kind = 'invited'") == [(b"",)]
    assert "Pendaftaran SITI RAHMAWATI diterima" in world.last_sms()


def test_without_a_pin_no_amount_and_no_change_and_the_first_one_needs_the_code(world: World) -> None:
    invite(make_helper(world))
    code = code_for(world)
    phone = world.phone()
    phone.text(f"YA{code}")
    for keys in (("2",), ("3", PIN), ("4", "1")):
        phone.dial()
        assert "belum punya PIN" in phone.press(*keys)
        assert "6 angka" in phone.press("12"), "half a code is no try"
    assert "Kode salah" in phone.press(other_code(code))
    assert "Buat PIN" in phone.press(code)
    assert "tanggal lahir" in phone.press("050385")
    assert "PIN sudah dibuat" in phone.press(PIN, PIN)
    assert "Bank rekening" in phone.press("1")
    assert "PIN SITI RAHMAWATI diganti" in world.last_sms()
    assert world.rows("SELECT code_index FROM invitations") == [(None,)]
    assert "Permintaan dikirim" in authorise(phone, GOOD)


def test_an_empty_pin_is_nobodys_pin(world: World) -> None:
    """The screens ask for the code first; this is the net under them, for any screen that asks for a PIN."""
    invite(make_helper(world))
    world.phone().text(f"YA {code_for(world)}")
    with world.ports.transaction() as work:
        for typed in ("", PIN):
            with pytest.raises(pin.NoPin):
                pin.check(work, work.db.query(Worker).one(), typed)
    assert world.one("SELECT pin_wrong FROM workers") == 0


def test_three_wrong_codes_for_the_first_pin_leave_it_to_a_branch(world: World) -> None:
    invite(make_helper(world))
    code = code_for(world)
    phone = world.phone()
    phone.text(f"YA {code}")
    phone.dial()
    phone.press("4", "1")
    phone.press(other_code(code), other_code(code))
    assert "kantor cabang" in phone.press(other_code(code))
    phone.dial()
    phone.press("4", "1")
    assert "kantor cabang" in phone.press(code)
    assert world.one("SELECT pin_hash FROM workers") == ""


def test_three_wrong_codes_by_sms_end_the_invitation(world: World) -> None:
    invite(make_helper(world))
    code = code_for(world)
    phone = world.phone()
    for _ in range(3):
        phone.text(f"YA {other_code(code)}")
        assert "Kode YA salah" in world.last_sms()
        world.clock.forward(seconds=11)
    assert states(world) == ["void"]
    phone.text(f"YA {code}")
    assert "Kode YA salah" in world.last_sms()
    assert world.one("SELECT count(*) FROM workers") == 0
    assert world.rows("SELECT person_sealed FROM invitations") == [(None,)]


def test_a_number_has_five_wrong_codes_a_day_wherever_it_tries(world: World) -> None:
    invite(make_helper(world))
    phone = world.phone(STRANGER)
    for _ in range(own_yes.NUMBER_TRIES_MAX):
        phone.text("YA 111111")
        assert "Kode YA salah" in world.last_sms(STRANGER)
        world.clock.forward(seconds=11)
    phone.text("YA 111111")
    assert "Coba besok" in world.last_sms(STRANGER)
    phone.dial()
    assert "Coba besok" in phone.press("1", "111111")
    world.clock.forward(days=1)
    end_invitations(world.ports)
    assert world.one("SELECT count(*) FROM code_tries") == 0
    phone.text("YA 111111")
    assert "Kode YA salah" in world.last_sms(STRANGER)


@pytest.mark.parametrize("words", ["YA", "ya 12345", "YA saya mau", "YA 1234567"])
def test_a_yes_without_a_code_is_told_how_and_counts_as_no_try(world: World, words: str) -> None:
    invite(make_helper(world))
    world.phone().text(words)
    assert "misalnya YA 123456" in world.last_sms()
    assert world.one("SELECT tries FROM invitations") == 0
    assert world.one("SELECT count(*) FROM code_tries") == 0


def test_the_right_code_from_another_number_opens_nothing(world: World) -> None:
    invite(make_helper(world))
    code = code_for(world)
    stranger = world.phone(STRANGER)
    stranger.text(f"YA {code}")
    assert "Kode YA salah" in world.last_sms(STRANGER)
    stranger.dial()
    assert "Kode salah" in stranger.press("1", code)
    assert "SITI" not in stranger.screen
    assert states(world) == ["awaiting_yes"]


def test_a_call_that_began_in_time_and_ends_too_late_enrols_nobody(world: World) -> None:
    invite(make_helper(world))
    phone = world.phone()
    world.clock.forward(days=6, hours=23, minutes=59)
    phone.dial()
    phone.press("1", code_for(world), PIN, PIN)
    phone.read_on()
    world.clock.forward(minutes=2)
    assert "lewat waktunya" in phone.press("1")
    assert world.one("SELECT count(*) FROM workers") == 0


def test_who_joined_by_another_phone_meanwhile_is_told_and_the_invitation_ends(world: World) -> None:
    invite(make_helper(world))
    code = code_for(world)
    enrol(world.phone(STRANGER))
    world.phone().text(f"YA {code}")
    assert "NIK sudah jadi peserta" in world.last_sms()
    assert states(world) == ["void"]
    assert world.one("SELECT count(*) FROM workers") == 1


def test_a_repeated_yes_makes_one_worker_and_shows_the_way_to_a_pin(world: World) -> None:
    invite(make_helper(world))
    code = code_for(world)
    phone = world.phone()
    phone.text(f"YA {code}", "ATXid_1")
    phone.text(f"YA {code}", "ATXid_1")
    phone.text(f"YA {code}", "ATXid_2")
    assert "pilih Data saya" not in world.last_sms(), "a phone that sent it twice is answered once"
    world.clock.forward(seconds=11)
    phone.text(f"YA {code}", "ATXid_3")
    assert "pilih Data saya" in world.last_sms()
    assert world.one("SELECT count(*) FROM workers") == 1
    phone.dial()
    assert "belum punya PIN" in phone.press("1", code)


def test_the_sms_came_first_and_the_call_brings_the_pin(world: World) -> None:
    invite(make_helper(world))
    code = code_for(world)
    phone = world.phone()
    phone.dial()
    phone.press("1", code, PIN, PIN)
    phone.read_on()
    world.phone().text(f"YA {code}")
    assert "sudah terdaftar" in phone.press("1")
    assert world.one("SELECT count(*) FROM workers") == 1
    phone.dial()
    assert "Iuran lewat kami" in phone.press("3", PIN)


def test_another_price_than_the_sms_said_is_asked_anew_and_lives_no_longer(world: World) -> None:
    world.clock.now = START.replace(month=12, day=29)
    invite(make_helper(world))
    code, until = code_for(world), world.one("SELECT expires_at FROM invitations")
    world.clock.forward(days=4)
    phone = world.phone()
    phone.text(f"YA {code}")
    assert world.one("SELECT count(*) FROM workers") == 0
    assert "Rp16.800/bln. Setuju?" in world.last_sms()
    assert states(world) == ["expired", "awaiting_yes"]
    assert world.one("SELECT max(expires_at) FROM invitations") == until
    phone.text(f"YA {code_for(world)}")
    assert world.one("SELECT count(*) FROM workers") == 1


def test_who_went_back_and_typed_a_nik_enrols_that_nik(world: World) -> None:
    invite(make_helper(world))
    phone = world.phone()
    phone.dial()
    assert "Buat PIN" in phone.press("1", code_for(world))
    phone.press("0")
    assert "nama lengkap" in phone.press(BUDI_NIK)
    phone.press(BUDI, "1", "1", "1", "1", PIN, PIN)
    assert "Daftarkan BUDI SANTOSO" in phone.screen
    phone.read_on()
    phone.press("1")
    assert states(world) == ["awaiting_yes"]
    assert world.one("SELECT count(*) FROM workers") == 1


def test_who_grew_too_old_between_invitation_and_yes_is_told(world: World) -> None:
    invite(make_helper(world), "3599012611610001", "Mbah Karto")
    world.clock.forward(days=5)
    world.phone().text(f"YA {code_for(world)}")
    assert "usia di luar batas" in world.last_sms()
    assert world.one("SELECT count(*) FROM workers") == 0
