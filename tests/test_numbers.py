"""Another number of a member, instead of the first or beside it: the PIN on the one, a code from the other."""

import pytest

from handset.phone import Phone
from insurance import numbers
from insurance.receipts import recipients
from models import Worker
from tests.helping import make_helper
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, PIN, SITI_PHONE, enrol
from tests.test_member import NEW_PHONE, data, siti, told
from tests.world import World


def code_in(sms: str) -> str:
    return sms.split("NOMOR ")[1][:6]


def ask_to_move(phone: Phone) -> str:
    data(phone, "4", "0813 1111 2222")
    return phone.press("1", PIN)


def test_a_number_moves_once_both_have_confirmed(world: World) -> None:
    phone = siti(world)
    assert "Pindah ke 081311112222?" in data(phone, "4", "0813 1111 2222")
    assert "tetap berlaku" in phone.press("1", PIN)
    [sms] = world.owed_to(NEW_PHONE)
    assert "S.R. ingin memakai nomor ini" in sms
    assert "SITI" not in sms
    new = world.phone(NEW_PHONE)
    new.dial()
    assert "belum terdaftar" in new.press("3")
    new.text(f"nomor {code_in(sms)}")
    assert "Nomor ini sekarang nomor BPJS SITI RAHMAWATI" in world.last_sms(NEW_PHONE)
    assert "pindah dari HP ini" in world.last_sms(SITI_PHONE)
    new.dial()
    assert "SITI RAHMAWATI" in new.press("3")
    phone.dial()
    assert "belum terdaftar" in phone.press("3")
    world.exchange()
    assert told(world) == [("PHONE", NEW_PHONE, "")]


def test_the_code_can_be_typed_on_the_new_number_and_works_once(world: World) -> None:
    phone = siti(world)
    ask_to_move(phone)
    code = code_in(world.last_sms(NEW_PHONE))
    other = world.phone(BUDI_PHONE)
    other.dial()
    assert "Kode salah" in other.press("3", "2", code), "from another number it is worth nothing"
    new = world.phone(NEW_PHONE)
    new.dial()
    assert "sekarang nomor BPJS Anda" in new.press("3", "2", code)
    with world.ports.transaction() as work, pytest.raises(numbers.WrongCode):
        numbers.confirm(work, NEW_PHONE, code)
    assert world.one("SELECT count(*) FROM contacts") == 1


def add(phone: Phone, number: str) -> str:
    data(phone, "4", number)
    return phone.press("2", PIN)


def test_a_second_number_stands_beside_the_first_once_it_has_confirmed(world: World) -> None:
    phone = siti(world)
    assert "tetap berlaku" in add(phone, "0813 1111 2222")
    new = world.phone(NEW_PHONE)
    new.text(f"NOMOR {code_in(world.last_sms(NEW_PHONE))}")
    assert "Nomor ini sekarang nomor BPJS SITI RAHMAWATI" in world.last_sms(NEW_PHONE)
    assert "Nomor lain dicatat" in world.last_sms(SITI_PHONE), "the first number hears of it"
    for either in (phone, new):
        either.dial()
        assert "SITI RAHMAWATI" in either.press("3")
    with world.ports.transaction() as work:
        worker = work.db.query(Worker).one()
        assert [to.phone for to in recipients(work, worker)] == [SITI_PHONE], "texts go where they went"
    world.exchange()
    assert told(world) == [], "the insurer keeps the first"
    assert "sudah nomor Anda" in add(new, SITI_PHONE)


def test_of_two_own_numbers_one_is_left_by_the_pin_alone_and_the_last_never(world: World) -> None:
    phone = siti(world)
    add(phone, "0813 1111 2222")
    new = world.phone(NEW_PHONE)
    new.text(f"NOMOR {code_in(world.last_sms(NEW_PHONE))}")
    data(phone, "4", "0813 1111 2222")
    assert "bukan nomor Anda lagi" in phone.press("1", PIN)
    assert "pindah dari HP ini" in world.last_sms(SITI_PHONE)
    assert world.one("SELECT count(*) FROM contacts") == 1
    assert "Itu nomor HP ini" in data(new, "4", NEW_PHONE)
    assert world.one("SELECT count(*) FROM contacts") == 1


def test_nobody_has_more_numbers_than_one_may_have(world: World) -> None:
    phone = siti(world)
    for at, number in enumerate(("+6281311112222", "+6281311112223")):
        world.clock.forward(minutes=11 * at)
        add(phone, number)
        world.phone(number).text(f"NOMOR {code_in(world.last_sms(number))}")
    assert world.one("SELECT count(*) FROM contacts") == numbers.NUMBERS_MAX
    world.clock.forward(minutes=11)
    assert "cukup banyak" in add(phone, "+6281311112224")


def test_codes_to_strangers_have_an_end_each_day(world: World) -> None:
    phone = siti(world)
    for at in range(numbers.ASKED_A_DAY_MAX + 1):
        world.clock.forward(minutes=11)
        add(phone, f"+628131111222{at}")
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'number_code'") == numbers.ASKED_A_DAY_MAX


def test_three_wrong_codes_or_a_day_end_the_move(world: World) -> None:
    phone = siti(world)
    ask_to_move(phone)
    code, new = code_in(world.last_sms(NEW_PHONE)), world.phone(NEW_PHONE)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(3):
        new.text(f"NOMOR {wrong}")
        assert "Kode salah" in world.last_sms(NEW_PHONE)
        world.clock.forward(seconds=11)
    new.text(f"NOMOR {code}")
    assert "Kode salah" in world.last_sms(NEW_PHONE)
    world.clock.forward(minutes=11)
    ask_to_move(phone)
    code = code_in(world.last_sms(NEW_PHONE))
    world.clock.forward(hours=25)
    new.text(f"NOMOR {code}")
    assert "Kode salah" in world.last_sms(NEW_PHONE)
    assert world.one("SELECT state FROM number_changes ORDER BY id LIMIT 1") == "dropped"


def test_asking_again_at_once_sends_no_second_code(world: World) -> None:
    phone = siti(world)
    ask_to_move(phone)
    assert "tetap berlaku" in ask_to_move(phone)
    assert len(world.owed_to(NEW_PHONE)) == 1


def test_a_helpers_number_that_is_a_members_already_takes_no_other_member(world: World) -> None:
    phone = siti(world)
    helper = make_helper(world, NEW_PHONE)
    enrol(helper, BUDI_NIK, BUDI)
    data(phone, "4", NEW_PHONE)
    assert "Nomor petugas atau kepala desa" in phone.press("1", PIN)
    assert world.owed_to(NEW_PHONE)[-1].count("NOMOR") == 0, "no code goes to it"


def test_who_becomes_a_helper_while_the_code_is_on_its_way_takes_no_other_member(world: World) -> None:
    phone = siti(world)
    ask_to_move(phone)
    code = code_in(world.last_sms(NEW_PHONE))
    helper = make_helper(world, NEW_PHONE)
    enrol(helper, BUDI_NIK, BUDI)
    helper.text(f"NOMOR {code}")
    assert "Kode salah" in world.last_sms(NEW_PHONE)
    assert world.one("SELECT count(*) FROM contacts") == 2
