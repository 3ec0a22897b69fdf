"""Who calls: one NIK one worker, shared phones, PINs and locks, languages, consents, and failures around them."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from app import create_app
from insurance import contacts, numbers
from insurance.waking import drain_at, wake
from tests.people import (
    BUDI,
    BUDI_NIK,
    BUDI_PHONE,
    CLOSED,
    PIN,
    SITI,
    SITI_NIK,
    SITI_PHONE,
    SUKAMAJU,
    authorise,
    enrol,
)
from tests.test_ussd import PATH
from tests.world import World
from units.clock import JAKARTA


def test_one_nik_from_two_phones_at_once_is_one_worker(world: World) -> None:
    phones = [world.phone(), world.phone(BUDI_PHONE)]
    for phone in phones:
        phone.dial()
        phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)
        phone.read_on()
    threads = [threading.Thread(target=phone.press, args=("1",)) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("sudah terdaftar" in phone.screen for phone in phones) == [False, True]
    assert world.one("SELECT count(*) FROM workers") == 1
    assert world.one("SELECT count(*) FROM memberships") == 1


def test_a_nik_that_is_enrolled_under_another_number_is_refused_without_a_word_about_its_owner(world: World) -> None:
    enrol(world.phone())
    other = world.phone(BUDI_PHONE)
    shown = enrol(other)
    assert "sudah terdaftar" in shown
    assert "SITI" not in shown
    assert world.owed_to(BUDI_PHONE) == []


def test_enrolling_again_from_the_same_number_lands_on_what_was_done(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    assert "PIN yang pertama tetap berlaku" in enrol(phone)
    assert "Kembali" not in phone.screen
    assert world.one("SELECT count(*) FROM workers") == 1


def test_two_workers_share_a_phone_and_are_asked_for_by_initials(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    enrol(phone, BUDI_NIK, BUDI)
    phone.dial()
    shown = phone.press("3")
    assert "1. S.R." in shown
    assert "2. B.S." in shown
    assert phone.press("2").startswith("LATIHAN BUDI SANTOSO")


def test_a_phone_serves_no_more_workers_than_configured(world: World) -> None:
    phone = world.phone()
    for serial in range(1, 6):
        enrol(phone, f"359901171090{serial:04d}", f"Budi {'ABCDE'[serial - 1]}a")
    assert "sudah dipakai 5 peserta" in enrol(phone, "3599011710900006", "Budi Keenam")


def test_of_two_who_come_to_one_number_at_once_the_second_finds_it_full(world: World) -> None:
    phone, budi = world.phone(), world.phone(BUDI_PHONE)
    for serial in range(1, 5):
        enrol(phone, f"359901171090{serial:04d}", f"Budi {'ABCDE'[serial - 1]}a")
    enrol(budi, BUDI_NIK, BUDI)
    with world.ports.transaction() as work:
        mover = contacts.at(work, work.keys.index("phone", BUDI_PHONE))[0].worker
        numbers.ask(work, mover, BUDI_PHONE, SITI_PHONE)
    code = re.findall(r"NOMOR ([0-9]{6})", world.last_sms())[0]
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)
    phone.read_on()
    with ThreadPoolExecutor(1) as others:
        with world.ports.transaction() as work:
            numbers.confirm(work, SITI_PHONE, code)
            enrolled = others.submit(phone.press, "1")
            world.until_one_waits()
        assert "sudah dipakai 5 peserta" in enrolled.result()
    index = world.ports.keys.index("phone", SITI_PHONE)
    assert world.one("SELECT count(*) FROM contacts WHERE phone_index = :index", index=index) == 5


def test_a_weak_pin_is_refused_and_a_second_that_differs_is_asked_again(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2")
    for weak, line in (("12345", "6 angka"), ("123456", "urut (123456)"), ("050385", "tanggal lahir")):
        assert line in phone.press(weak)
        assert "sekali lagi" in phone.press(PIN)
        assert "Buat PIN" in phone.press("0")
    phone.press(PIN)
    assert "tidak sama" in phone.press("274914")


def test_three_wrong_pins_lock_for_a_growing_time_told_by_sms(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phone.dial()
    phone.press("3", "111112", "111113")
    assert "23-11-2026 09.30 WIB" in phone.press("111114")
    assert "terkunci sampai 23-11-2026 09.30 WIB" in world.last_sms()
    phone.dial()
    assert "terkunci" in phone.press("3", PIN)
    world.clock.forward(minutes=31)
    phone.dial()
    assert "Iuran lewat kami" in phone.press("3", PIN)
    phone.dial()
    world.clock.forward(minutes=1)
    phone.press("3", "111112", "111113", "111114")
    assert "10.02" in phone.screen
    until = world.one("SELECT pin_locked_until FROM workers")
    assert until.astimezone(JAKARTA).strftime("%H.%M") == "10.02"


def test_wrong_pins_count_over_calls_and_threads(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phones = [replace(world.phone(), session="", calls=[]) for _ in range(4)]
    for each in phones:
        each.dial()
        each.press("3", "111112")
        each.drop()
    assert world.one("SELECT pin_locks FROM workers") == 1


def test_the_pin_is_changed_with_the_old_one_and_told(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phone.dial()
    assert "sudah diganti" in phone.press("4", "1", PIN, "918273", "918273")
    assert "PIN SITI RAHMAWATI diganti" in world.last_sms()
    phone.dial()
    assert "PIN salah" in phone.press("3", PIN)
    assert "Iuran lewat kami" in phone.press("918273")


def test_the_language_is_remembered_beyond_the_call(world: World) -> None:
    phone = world.phone()
    phone.dial()
    assert "Join" in phone.press("6", "2")
    phone.drop()
    assert "Cover & balance" in phone.dial()
    enrol(phone)
    assert "enrolled" in world.last_sms()


def test_a_consent_cannot_be_given_before_its_last_page_was_shown(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)
    assert "98 Lanjut" in phone.screen
    assert "Pilih angka" in phone.press("1")
    assert world.one("SELECT count(*) FROM workers") == 0


def test_the_consent_keeps_the_very_words_with_their_hash(world: World) -> None:
    import hashlib

    phone = world.phone()
    enrol(phone)
    authorise(phone, CLOSED)
    with world.ports.transaction() as work:
        from models import Consent, Worker

        worker = work.db.query(Worker).one()
        kept = {c.kind: c for c in work.db.query(Consent)}
        words = work.box(worker).open(kept["mandate"].text_sealed, "consent.text")
    assert kept.keys() == {"enrolment", "mandate"}
    assert "Rp28.400 utk iuran Nov 2026" in words
    assert "Mulai Jan 2027: Rp36.800" in words
    assert "Maks Rp36.800" in words
    assert "tgl 5" in words
    assert kept["mandate"].text_hash == hashlib.sha256(words.encode()).hexdigest()


def test_a_price_that_changed_between_the_screen_and_the_yes_is_shown_anew(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    world.clock.forward(days=30)
    phone.dial()
    phone.press("2", "1", CLOSED, "1", "2")
    phone.read_on()
    phone.press("1")
    world.clock.forward(days=15)
    assert "iuran Jan 2027" in phone.press(PIN)
    assert world.one("SELECT count(*) FROM mandates") == 0


def test_after_a_wrong_answer_every_option_is_still_shown_by_turning_on(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1")
    assert "4. Rp1,5-1,7 juta" in phone.screen
    phone.press("9")
    assert phone.screen.startswith("LATIHAN Pilih angka")
    assert "98 Lanjut" in phone.screen
    assert "Pilih angka" in phone.press("4"), "what was not shown cannot be meant"
    assert "4. Rp1,5-1,7 juta" in phone.press("98")
    assert "Pilih program" in phone.press("4")


def test_a_failure_after_the_deed_says_that_it_may_have_been_done(world: World) -> None:
    """The lock is gone when the place is to be kept, as after a pause of the process."""
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)
    phone.read_on()
    ticks = iter(range(100))

    def slow_clock() -> object:
        if next(ticks) == 0:
            world.ports.redis.delete(*world.ports.redis.keys("k:*"))
        return world.clock.now

    app = create_app(world.ports.settings, clock=slow_clock)
    answer = app.test_client().post(
        PATH,
        data={
            "phoneNumber": SITI_PHONE,
            "serviceCode": "*500*73#",
            "text": f"{phone.typed}*1",
            "sessionId": phone.session,
            "networkCode": "99999",
        },
    )
    assert "Mungkin sudah diproses" in answer.get_data(as_text=True)
    assert world.one("SELECT count(*) FROM workers") == 1


def test_an_error_is_logged_by_kind_and_place_and_never_by_words(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken_clock() -> object:
        raise RuntimeError(f"{SITI_NIK} {PIN} {SITI_PHONE}")

    app = create_app(world.ports.settings, clock=broken_clock)
    form = {
        "phoneNumber": SITI_PHONE,
        "serviceCode": "*500*73#",
        "text": f"1*{SITI_NIK}",
        "sessionId": "ATUid_7",
        "networkCode": "99999",
    }
    client = app.test_client()
    client.post(PATH, data={**form, "text": ""})
    client.post(PATH, data={**form, "text": "1"})
    assert "Coba lagi" in client.post(PATH, data=form).get_data(as_text=True)
    said = "".join(capfd.readouterr())
    assert "RuntimeError" in said
    assert not any(secret in said for secret in (SITI_NIK, PIN, SITI_PHONE, SITI_PHONE[1:], "81234567890"))


def test_a_batch_that_holds_the_same_job_keeps_no_caller_waiting(world: World) -> None:
    """A run in an open transaction has woken the sender already; an enrolment and a PIN's lock go on beside it."""
    with Session(world.ports.database) as batch:
        wake(batch, drain_at(0))
        phone = world.phone()
        assert "dikirim ke BPJS" in enrol(phone)
        phone.dial()
        phone.press("3", "111112", "111113")
        assert "terkunci" in phone.press("111114")
        batch.rollback()
    assert world.one("SELECT pin_locks FROM workers") == 1


def test_half_a_pin_is_a_slip_and_locks_nobody_out(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    for slips in (("7", "abc"), ("73915", "2749130")):
        phone.dial()
        phone.press("3")
        assert all("PIN harus 6 angka" in phone.press(slip) for slip in slips)
    phone.dial()
    assert "Iuran lewat kami" in phone.press("3", PIN)
    assert world.one("SELECT pin_wrong FROM workers") == 0
