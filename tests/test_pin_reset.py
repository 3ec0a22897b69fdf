"""A forgotten PIN: a head may only ask, a branch officer begins, the number is told and may stop it, a code ends it."""

import re
from datetime import timedelta

import pytest
from click.testing import Result

from handset.phone import Phone
from jobs import open_pin_resets
from tests.helping import other_code
from tests.people import BUDI_PHONE, PIN, SITI_NIK, enrol
from tests.world import World

HEAD = "+6281200000001"
NEW_PIN = "918273"


def reference(world: World) -> str:
    return str(world.one("SELECT reference FROM memberships"))


def begin(world: World, about: str = "", ends: str = "7890") -> Result:
    args = ["workers", "pin-reset", about or reference(world), "--number-ends", ends, "--by", "Bu Ani"]
    with world.app.app_context():
        return world.app.test_cli_runner().invoke(args=args)


def sim_changed(world: World, phone: Phone) -> None:
    line = f"{phone.number},{world.clock.now.isoformat()}\n"
    with world.app.app_context():
        world.app.test_cli_runner().invoke(args=["workers", "sim-changed"], input=line)


def wait_and_open(world: World, hours: int = 24) -> None:
    world.clock.forward(hours=hours)
    open_pin_resets(world.ports)


def code(world: World) -> str:
    found = re.search(r"Kode PIN baru SITI RAHMAWATI: (\d{6})", world.last_sms())
    assert found is not None
    return found[1]


@pytest.fixture
def phone(world: World) -> Phone:
    phone = world.phone()
    enrol(phone)
    return phone


def test_the_member_is_told_at_once_and_sets_a_new_pin_after_the_waiting_time(world: World, phone: Phone) -> None:
    done = begin(world)
    assert "24-11-2026 09.00 WIB" in done.output
    assert "Kode menyusul 24-11-2026 09.00 WIB. Bukan Anda? Balas BUKAN" in world.last_sms()
    wait_and_open(world, hours=23)
    phone.dial()
    assert "Iuran lewat kami" in phone.press("3", PIN), "the old PIN holds while it waits"
    wait_and_open(world, hours=1)
    given = code(world)
    phone.dial()
    assert "Ketik kode 6 angka" in phone.press("4", "1")
    assert "Buat PIN" in phone.press(given)
    assert "PIN sudah dibuat" in phone.press(NEW_PIN, NEW_PIN)
    phone.dial()
    assert "PIN salah" in phone.press("3", PIN)
    assert "Iuran lewat kami" in phone.press(NEW_PIN)
    assert world.rows("SELECT state, code_index FROM pin_resets") == [("done", None)]
    assert world.one("SELECT count(*) FROM events WHERE actor = 'Bu Ani'") == 2


def test_it_ends_a_lock_of_the_old_pin(world: World, phone: Phone) -> None:
    phone.dial()
    phone.press("3", "111112", "111113", "111114")
    begin(world)
    world.clock.forward(hours=24)
    phone.dial()
    phone.press("3", "111112", "111113", "111114")
    open_pin_resets(world.ports)
    phone.dial()
    phone.press("3", "1", code(world), NEW_PIN, NEW_PIN)
    phone.dial()
    assert "Iuran lewat kami" in phone.press("3", NEW_PIN)


def test_bukan_stops_it_and_the_old_pin_stays(world: World, phone: Phone) -> None:
    begin(world)
    phone.text("bukan saya")
    assert "PIN lama tetap berlaku" in world.last_sms()
    wait_and_open(world)
    phone.dial()
    assert "Iuran lewat kami" in phone.press("3", PIN)
    assert world.rows("SELECT state FROM pin_resets") == [("stopped",)]
    phone.text("BUKAN")
    assert "Tidak ada penggantian PIN" in world.last_sms()


def test_bukan_after_the_code_makes_the_code_no_good(world: World, phone: Phone) -> None:
    begin(world)
    wait_and_open(world)
    given = code(world)
    phone.text("BUKAN")
    assert "tidak berlaku lagi" in world.last_sms()
    phone.dial()
    assert "kantor cabang" in phone.press("4", "1", given)


def test_another_number_cannot_stop_it(world: World, phone: Phone) -> None:
    begin(world)
    world.phone(BUDI_PHONE).text("BUKAN")
    assert world.rows("SELECT state FROM pin_resets") == [("waiting",)]


def test_three_wrong_codes_or_a_week_leave_it_to_the_branch(world: World, phone: Phone) -> None:
    begin(world)
    wait_and_open(world)
    wrong = other_code(code(world))
    phone.dial()
    phone.press("4", "1", wrong, wrong)
    assert "kantor cabang" in phone.press(wrong)
    assert world.rows("SELECT state FROM pin_resets") == [("spent",)]
    assert begin(world).exit_code == 0
    wait_and_open(world)
    given = code(world)
    world.clock.forward(days=7)
    phone.dial()
    assert "kantor cabang" in phone.press("4", "1", given)


def test_the_officer_is_refused_what_does_not_fit(world: World, phone: Phone) -> None:
    assert "no membership" in begin(world, about="ABCDEFGHJKLM").output
    refused = begin(world, ends="7891")
    assert "ends otherwise" in refused.output
    assert "7890" not in refused.output
    assert world.rows("SELECT state FROM pin_resets") == []
    begin(world)
    again = begin(world)
    assert again.exit_code == 1
    assert "waits" in again.output


def test_a_new_sim_within_the_waiting_time_gets_no_code_for_72_hours(world: World, phone: Phone) -> None:
    begin(world)
    world.clock.forward(hours=20)
    sim_changed(world, phone)
    wait_and_open(world, hours=4)
    assert world.rows("SELECT state FROM pin_resets") == [("waiting",)]
    wait_and_open(world, hours=67)
    assert world.rows("SELECT state FROM pin_resets") == [("waiting",)]
    wait_and_open(world, hours=1)
    assert code(world)


def test_a_new_sim_after_the_code_cannot_use_it_for_72_hours(world: World, phone: Phone) -> None:
    begin(world)
    wait_and_open(world)
    given = code(world)
    sim_changed(world, phone)
    phone.dial()
    assert "Ketik kode" in phone.press("4")
    assert "baru diganti" in phone.press(given)
    assert world.one("SELECT pin_hash FROM workers") == ""


def test_a_head_may_only_ask_and_learns_nothing(world: World, phone: Phone) -> None:
    head = world.phone(HEAD)
    head.text(f"pin {reference(world).lower()}")
    said = world.last_sms(HEAD)
    assert "hanya diganti di kantor cabang" in said
    head.text("PIN ABCDEFGHJKLM")
    assert world.last_sms(HEAD) == said
    head.text("PIN")
    assert "nomor Ref" in world.last_sms(HEAD)
    phone.text(f"PIN {reference(world)}")
    assert "SMS STATUS: cek iuran" in world.last_sms()
    assert world.rows("SELECT about, state FROM work_items") == [(f"{reference(world)} 2026-11-23", "open")]
    assert world.rows("SELECT state FROM pin_resets") == []
    begin(world)
    assert world.one("SELECT state FROM work_items") == "done"


def test_a_head_asks_for_the_own_village_alone(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, "Siti Rahmawati", "1", "1", "1", "2", PIN, PIN)
    phone.read_on()
    phone.press("1")
    assert world.one("SELECT village_code FROM workers") != "3599012001"
    world.phone(HEAD).text(f"PIN {reference(world)}")
    assert world.rows("SELECT about FROM work_items") == []


def test_a_new_pin_takes_no_digits_of_the_nik_or_the_number(world: World, phone: Phone) -> None:
    phone.dial()
    phone.press("4", "1", PIN)
    for weak in (SITI_NIK[:6], SITI_NIK[-6:], "081234", "812345"):
        assert "angka NIK atau nomor HP" in phone.press(weak)
        phone.press("00", "4", "1", PIN)
    assert "sudah diganti" in phone.press(NEW_PIN, NEW_PIN)


def test_the_waiting_time_is_a_setting(world: World, phone: Phone) -> None:
    begin(world)
    waits = world.one("SELECT opens_at - asked_at FROM pin_resets")
    assert waits == timedelta(hours=world.ports.settings.PIN_RESET_HOURS)
