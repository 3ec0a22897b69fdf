"""A dropped call taken up: it says what was left and whose, and asks again only what does not hold any more."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from handset.phone import Phone
from tests.people import BUDI, BUDI_NIK, GOOD, PIN, SITI, SITI_NIK, SITI_PHONE, SUKAMAJU, authorise, enrol
from tests.world import World
from ussd.journey import MENU_VERSION, Journey
from ussd.journeys import Journeys, Left

UP_TO_THE_PIN = ("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2")


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone()


def cut_off(phone: Phone, *keys: str) -> str:
    """A call that the network ends after `keys`; what the next dial shows."""
    phone.dial()
    phone.press(*keys)
    phone.drop()
    return phone.dial()


@contextmanager
def changed(world: World, change: str, back: str) -> Iterator[None]:
    """Reference rows as a release or an import would leave them; put back, for the next test finds them."""

    def run(sql: str) -> None:
        with world.ports.database.begin() as connection:
            connection.execute(text(sql))
        world.ports.reference.clear()

    run(change)
    try:
        yield
    finally:
        run(back)


def test_the_screen_names_what_was_left_by_the_first_name_that_was_typed(phone: Phone) -> None:
    assert "Lanjut daftar NIK ***0007?" in cut_off(phone, "1", SITI_NIK)
    shown = cut_off(phone, "1", SITI)
    assert "Lanjut daftar Siti?\n1. Lanjutkan" in shown
    assert "RAHMAWATI" not in shown.upper()


def test_where_others_share_the_phone_initials_are_all_that_is_named(phone: Phone) -> None:
    enrol(phone, BUDI_NIK, BUDI)
    assert "Lanjut daftar S.R.?" in cut_off(phone, "1", SITI_NIK, SITI)
    phone.press("2")
    enrol(phone)
    assert "Lanjut autodebit B.S.?" in cut_off(phone, "2", "1", PIN, "1", "1140012345")


def test_the_screen_says_that_a_typed_pin_is_typed_again_and_why(phone: Phone) -> None:
    assert "PIN diketik lagi" not in cut_off(phone, *UP_TO_THE_PIN)
    phone.press("1")
    phone.press(PIN, PIN)
    phone.drop()
    again = "Lanjut daftar Siti? PIN diketik lagi karena tidak kami simpan."
    assert again in phone.dial()
    phone.drop()
    assert again in phone.dial(), "asked, and cut off once more"
    assert "Buat PIN" in phone.press("1")
    phone.drop()
    assert "PIN diketik lagi" not in phone.dial()


def test_an_answer_that_was_being_changed_is_taken_up_there_and_not_at_the_pin(phone: Phone) -> None:
    phone.dial()
    phone.press(*UP_TO_THE_PIN, PIN, PIN)
    phone.read_on()
    phone.press("2", BUDI_NIK)
    phone.drop()
    assert "PIN diketik lagi" not in phone.dial()
    assert "nama lengkap" in phone.press("1")


VILLAGE = (
    "INSERT INTO villages (code, short_code, name, district, regency, zone)"
    " SELECT '3599019999', '99991', 'AAA', district, regency, zone FROM villages WHERE short_code = '35013'"
)
NO_VILLAGE = "DELETE FROM villages WHERE code = '3599019999'"


def test_a_village_that_is_gone_is_asked_for_again_and_nothing_else_is(world: World, phone: Phone) -> None:
    with changed(world, VILLAGE, NO_VILLAGE):
        phone.dial()
        assert "1. AAA" in phone.press("1", SITI_NIK, SITI)
        phone.press("1", "1", "1", "2")
        phone.drop()
        with changed(world, NO_VILLAGE, NO_VILLAGE):
            phone.dial()
            shown = phone.press("1")
            assert "Sudah berubah, jawab lagi.\nDesa/kelurahan Anda?" in shown
            assert "AAA" not in shown
            assert "Buat PIN" in phone.press("4", SUKAMAJU)
            phone.press(PIN, PIN)
            assert "AAA" not in phone.read_on()
            assert "dikirim ke BPJS" in phone.press("1")


def test_a_call_cut_off_while_asked_again_still_goes_on_behind_it(world: World, phone: Phone) -> None:
    with changed(world, VILLAGE, NO_VILLAGE):
        phone.dial()
        phone.press("1", SITI_NIK, SITI, "1", "1", "1", "2")
        phone.drop()
        with changed(world, NO_VILLAGE, NO_VILLAGE):
            phone.dial()
            phone.press("1", "4")
            phone.drop()
            phone.dial()
            assert "Ketik kode desa" in phone.press("1")
            assert "Buat PIN" in phone.press(SUKAMAJU)


def test_a_typed_village_code_that_is_gone_is_asked_for_again(world: World, phone: Phone) -> None:
    with changed(world, VILLAGE.replace("'99991'", "'99992'"), NO_VILLAGE):
        code = world.one("SELECT short_code FROM villages WHERE name = 'AAA'")
        assert code == "99992"
        phone.dial()
        phone.press("1", SITI_NIK, SITI, "1", "1")
        phone.press("0", "0")
        assert "kode desa" in phone.press("5")
        assert "Pekerjaan" in phone.press(code)
        phone.press("1", "1")
        phone.drop()
        with changed(world, NO_VILLAGE, NO_VILLAGE):
            phone.dial()
            assert "Sudah berubah, jawab lagi.\nKetik kode desa" in phone.press("1")
            assert "Pilih program" in phone.press(SUKAMAJU)


def test_who_crossed_the_age_meanwhile_is_told_so(world: World, phone: Phone) -> None:
    cut_off(phone, "1", "3599012411610007", SITI, "4", SUKAMAJU)
    world.clock.forward(days=1)
    assert "15 sampai 64" in phone.press("1")
    assert not phone.live


def test_a_price_that_changed_is_asked_again_and_then_the_pin(world: World, phone: Phone) -> None:
    phone.dial()
    assert "Rp28.400" in phone.press(*UP_TO_THE_PIN[:-1])
    phone.press("2")
    phone.drop()
    world.clock.forward(days=60)
    phone.dial()
    shown = phone.press("1")
    assert "Sudah berubah, jawab lagi.\nPilih program" in shown
    assert "Rp36.800" in shown
    assert "Buat PIN" in phone.press("2")


def test_a_bank_that_is_no_longer_offered_is_asked_for_again_and_its_account_is_not(world: World, phone: Phone) -> None:
    enrol(phone)
    phone.dial()
    shown = phone.press("2")
    bank = next(line for line in shown.splitlines() if line[3:] and line.startswith("1. "))[3:]
    phone.press("1", GOOD, "1")
    phone.drop()
    off = f"UPDATE banks SET connected = false WHERE name = '{bank}'"
    with changed(world, off, off.replace("false", "true")):
        phone.dial()
        shown = phone.press("1")
        assert "Sudah berubah, jawab lagi.\nBank rekening Anda?" in shown
        assert bank not in shown
        assert "Debit tiap tanggal" in phone.press("1")


def test_a_way_that_is_gone_ends_where_it_now_leads(world: World, phone: Phone) -> None:
    """The mandate that was to be replaced ended meanwhile: the call goes on to a new one instead of failing."""
    enrol(phone)
    world.exchange()
    authorise(phone)
    world.ask_banks()
    phone.dial()
    assert "Ganti autodebit" in phone.press("2", "4")
    phone.press("1", "1")
    phone.drop()
    phone.text("STOP")
    phone.text("2")
    assert world.one("SELECT count(*) FROM mandates WHERE state = 'cancelled'") == 1
    assert "Lanjut autodebit?" in phone.dial()
    assert "nomor rekening" in phone.press("1")
    phone.press(GOOD, "1", "2")
    phone.read_on()
    assert "Permintaan dikirim" in phone.press("1", PIN)
    assert world.one("SELECT count(*) FROM mandates WHERE state = 'replaced'") == 0


def test_a_payment_whose_mandate_ended_meanwhile_ends_in_no_trouble(world: World, phone: Phone) -> None:
    enrol(phone)
    world.exchange()
    authorise(phone)
    world.ask_banks()
    phone.dial()
    assert "Bayar apa" in phone.press("2", "2")
    phone.press("1")
    phone.drop()
    phone.text("STOP")
    phone.text("2")
    phone.dial()
    assert "Bank rekening Anda?" in phone.press("1")


def test_a_yes_is_read_again_in_the_call_that_closes_it(world: World, phone: Phone) -> None:
    enrol(phone)
    world.clock.forward(days=30)
    phone.dial()
    phone.press("2", "1", GOOD, "1", "2")
    phone.read_on()
    assert "Ketik PIN" in phone.press("1")
    phone.drop()
    phone.dial()
    assert phone.press("1").startswith("LATIHAN Saya setuju")
    phone.read_on()
    assert "Ketik PIN" in phone.press("1")
    assert world.one("SELECT count(*) FROM mandates") == 0
    phone.press(PIN)
    assert world.one("SELECT count(*) FROM mandates") == 1


def test_after_going_on_the_way_back_is_the_way_that_was_come(phone: Phone) -> None:
    cut_off(phone, "1", SITI_NIK, SITI, "4", SUKAMAJU)
    assert "Pekerjaan" in phone.press("1")
    assert "Ketik kode desa" in phone.press("0")
    assert "Desa/kelurahan" in phone.press("0")
    assert "1. Daftar" in phone.press("00")


def test_a_journey_through_another_menu_starts_anew(world: World, phone: Phone) -> None:
    journeys = Journeys(world.ports.redis, world.ports.keys)
    caller = world.ports.keys.index("phone", SITI_PHONE).hex()
    for version, said in ((MENU_VERSION - 1, "1. Daftar"), (MENU_VERSION, "Lanjut daftar NIK")):
        held = journeys.hold(caller)
        assert held is not None
        old = Journey(session="s", screen="enrol.name", answers={"nik": SITI_NIK}, trail=("main", "enrol.nik"))
        old = old.with_answer("pin", "hash").with_secret("pin", "enrol.pin")
        journeys.save(held, old.but(menu=version), Left(world.clock.now.date(), 0, ()))
        assert said in phone.dial(), "with its secrets too"
