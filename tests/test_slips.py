"""The way by slip: number and code, PIN twice, yes to the price; few tries, and no way around the own call."""

from pathlib import Path

from models.village import check_digit
from tests.helping import VILLAGE, code_for, other_code
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, PIN, SITI, SITI_NIK, SITI_PHONE
from tests.test_roster import SLIP, TEXTED, dial_of, load, slip_of, write
from tests.world import World


def test_the_way_by_slip_has_five_screens(world: World, tmp_path: Path) -> None:
    _, slips = load(world, write(tmp_path, f"{SLIP}2"))
    phone = world.phone(code=dial_of(slips, SITI))
    seen = [phone.dial(), phone.press(slip_of(slips, SITI)), phone.press(PIN), phone.press(PIN)]
    assert "Daftarkan SITI RAHMAWATI, Sukamaju Jaya? Iuran Rp8.400/bln" in seen[-1]
    phone.read_on()
    seen.append(phone.press("1"))
    words = ("Ketik NIK", "Buat PIN", "sekali lagi", "Daftarkan", "Pasang autodebit")
    assert all(word in screen for word, screen in zip(words, seen, strict=True))
    assert world.rows("SELECT village_code FROM workers") == [(VILLAGE,)]
    assert world.rows("SELECT state, confirmed_by IS NULL FROM invitations") == [("confirmed", False)]
    other = world.phone(BUDI_PHONE)
    other.dial()
    assert "Kode salah" in other.press("1", slip_of(slips, SITI)), "a slip is good once"


def test_who_wants_something_else_than_the_roster_names_is_asked_and_not_for_the_code(
    world: World, tmp_path: Path
) -> None:
    _, slips = load(world, write(tmp_path, f"{SLIP}2"))
    phone = world.phone()
    phone.dial()
    phone.press("1", slip_of(slips, SITI), PIN, PIN)
    phone.read_on()
    assert "Pekerjaan utama" in phone.press("2")
    assert "Rp28.400" in phone.press("1", "1")
    phone.press("2", PIN, PIN)
    assert "Iuran Rp28.400/bln" in phone.read_on()
    assert "Pasang autodebit" in phone.press("1")
    assert world.rows("SELECT programmes FROM memberships") == [("3",)]


def test_without_programmes_in_the_roster_they_are_chosen_by_price(world: World, tmp_path: Path) -> None:
    _, slips = load(world, write(tmp_path, SLIP))
    phone = world.phone()
    phone.dial()
    assert "1. Kecelakaan+kematian Rp8.400" in phone.press("1", slip_of(slips, SITI))
    assert "Buat PIN" in phone.press("1")


def test_what_the_roster_does_not_know_is_asked(world: World, tmp_path: Path) -> None:
    _, slips = load(world, write(tmp_path, f"{SITI_NIK},{SITI},{VILLAGE}", head="nik,name,village"))
    phone = world.phone()
    phone.dial()
    assert "Pekerjaan utama" in phone.press("1", slip_of(slips, SITI).replace("-", ""))
    assert "Buat PIN" in phone.press("1", "1", "1")


def test_a_line_with_a_phone_and_no_price_is_answered_by_call(world: World, tmp_path: Path) -> None:
    load(world, write(tmp_path, f"{SITI_NIK},{SITI},{VILLAGE},{SITI_PHONE}", head="nik,name,village,phone"))
    assert "pilih Daftar, ketik" in world.last_sms()
    code = code_for(world)
    phone = world.phone()
    phone.text(f"YA {code}")
    assert "tekan *500*73#, pilih Daftar" in world.last_sms()
    assert world.one("SELECT count(*) FROM workers") == 0
    phone.dial()
    assert "Pekerjaan utama" in phone.press("1", code)


def test_a_slip_has_three_tries_and_a_slip_of_the_finger_in_its_number_spoils_no_other(
    world: World, tmp_path: Path
) -> None:
    _, slips = load(world, write(tmp_path, SLIP, f"{BUDI_NIK},{BUDI},{VILLAGE},,,,"))
    number, code = slip_of(slips, SITI).split("-")
    phone = world.phone()
    phone.dial()
    wrong_number = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert "ketik utuh" in phone.press("1", wrong_number + code)
    assert world.rows("SELECT tries FROM invitations") == [(0,), (0,)]
    assert world.one("SELECT count(*) FROM code_tries") == 0
    phone.press(number + other_code(code))
    phone.dial()
    phone.press("1", number + other_code(code), number + other_code(code))
    assert sorted(state for (state,) in world.rows("SELECT state FROM invitations")) == ["awaiting_yes", "void"]
    world.clock.forward(days=1)
    phone.dial()
    assert "Kode salah" in phone.press("1", number + code)
    assert world.one("SELECT count(*) FROM workers") == 0


def test_what_was_texted_to_a_number_opens_by_no_slip_number(world: World, tmp_path: Path) -> None:
    load(world, write(tmp_path, TEXTED))
    number = str(world.one("SELECT id FROM invitations"))
    stranger = world.phone(SITI_PHONE)
    stranger.dial()
    slip = f"{number}{check_digit(number)}{code_for(world, BUDI_PHONE)}"
    assert "Kode salah" in stranger.press("1", slip)


def test_a_slip_is_answered_by_call_alone(world: World, tmp_path: Path) -> None:
    _, slips = load(world, write(tmp_path, SLIP))
    phone = world.phone()
    phone.text(f"YA {slip_of(slips, SITI)}")
    assert "misalnya YA 123456" in world.last_sms()
    assert world.one("SELECT count(*) FROM workers") == 0


def test_a_nik_with_digits_missing_is_no_guess_at_a_code(world: World) -> None:
    phone = world.phone()
    # The second has a right check digit by chance: a slip that never was.
    for typed, said in ((SITI_NIK[:15], "ketik utuh"), (f"35990145{check_digit('35990145')}385000", "Kode salah")):
        phone.dial()
        assert said in phone.press("1", typed)
        phone.press("00")
    assert world.one("SELECT count(*) FROM code_tries") == 0
