"""The USSD contract: the new input by prefix, repeats, drops, races, shared phones, and whatever else comes in."""

import threading
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app import create_app
from handset.phone import Phone
from insurance.waking import DRAIN_SMS, wake
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
from tests.world import World
from units.clock import JAKARTA

PATH = "/ussd/africastalking"


def hop(world: World, **changed: str) -> tuple[int, str]:
    form = {
        "phoneNumber": SITI_PHONE,
        "serviceCode": "*500*73#",
        "text": "",
        "sessionId": "ATUid_1",
        "networkCode": "99999",
        **changed,
    }
    answer = world.app.test_client().post(PATH, data=form)
    assert answer.mimetype == "text/plain"
    return answer.status_code, answer.get_data(as_text=True)


def test_a_star_that_was_typed_is_part_of_the_answer_and_not_a_new_one(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK)
    assert "huruf" in phone.press("Si*ti")
    assert "Desa/kelurahan" in phone.press(SITI)


def test_an_empty_answer_shows_the_screen_again(world: World) -> None:
    phone = world.phone()
    phone.dial()
    shown = phone.press("1")
    assert phone.press("") == shown
    assert "nama lengkap" in phone.press(SITI_NIK)


def test_a_repeated_turn_is_answered_the_same_and_a_late_one_moves_nothing_back(world: World) -> None:
    phone = world.phone()
    phone.dial()
    shown = phone.press("1")
    assert phone.repeat() == shown
    now = phone.press(SITI_NIK)
    typed, phone.typed = phone.typed, "1"
    assert phone.repeat() == now
    phone.typed = typed
    assert "Desa/kelurahan" in phone.press(SITI)


def test_one_wrong_answer_keeps_the_screen_with_a_line_and_three_end_politely(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1")
    assert phone.press("123").startswith("LATIHAN NIK harus 16 angka.\nKetik NIK")
    assert "Tanggal lahir" in phone.press("3599013213850007")
    assert phone.live
    assert "Tiga kali salah" in phone.press("x")
    assert not phone.live


def test_after_three_wrong_answers_the_earlier_ones_are_not_lost(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, "1", "2", "3")
    assert not phone.live
    assert "terputus: pendaftaran" in phone.dial()
    assert "nama lengkap" in phone.press("1")


@pytest.mark.parametrize(
    ("nik", "line"),
    [
        ("3599013213850007", "Tanggal lahir"),
        ("3599013002850007", "Tanggal lahir"),
        ("359901450385000", "16 angka"),
        ("0099014503850007", "Kode daerah"),
        ("3599014503850000", "Empat angka akhir"),
        ("😀" * 16, "16 angka"),
    ],
)
def test_an_impossible_nik_is_named(world: World, nik: str, line: str) -> None:
    phone = world.phone()
    phone.dial()
    assert line in phone.press("1", nik)


def test_full_width_digits_and_blanks_are_read_as_meant(world: World) -> None:
    phone = world.phone()
    phone.dial()
    wide = " " + "".join(chr(ord(digit) + 0xFEE0) for digit in SITI_NIK) + " "
    assert "nama lengkap" in phone.press("１", wide)


@pytest.mark.parametrize("age_nik", ["3599010101200007", "3599010101610007"])
def test_too_young_and_too_old_end_with_the_ages(world: World, age_nik: str) -> None:
    phone = world.phone()
    phone.dial()
    assert "15 sampai 64" in phone.press("1", age_nik)
    assert not phone.live


@pytest.mark.parametrize(
    ("name", "line"), [("W" * 200, "terlalu panjang"), ("😀", "dengan huruf"), ("123", "dengan huruf")]
)
def test_a_name_that_cannot_be_one_is_named(world: World, name: str, line: str) -> None:
    phone = world.phone()
    phone.dial()
    assert line in phone.press("1", SITI_NIK, name)


def test_an_unknown_village_and_a_code_with_a_wrong_digit_are_named(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4")
    assert "tidak dikenal" in phone.press("35014")
    assert "tidak dikenal" in phone.press("99999")
    assert "Pekerjaan" in phone.press(SUKAMAJU)


def test_back_and_home_lose_no_confirmed_step(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI)
    assert "nama lengkap" in phone.press("0")
    assert "Ketik NIK" in phone.press("0")
    assert "1. Daftar" in phone.press("00")


def test_a_dropped_call_takes_up_where_it_stopped(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU)
    phone.drop()
    assert "terputus: pendaftaran" in phone.dial()
    assert "Pekerjaan" in phone.press("1")
    phone.press("1", "1", "2", PIN, PIN)
    phone.read_on()
    assert "dikirim ke BPJS" in phone.press("1")


def test_a_call_dropped_after_the_pin_asks_for_the_pin_again(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)
    phone.drop()
    phone.dial()
    assert "Buat PIN" in phone.press("1")


def test_who_is_not_the_one_who_was_cut_off_starts_anew_and_sees_nothing(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI)
    phone.drop()
    assert "Siti" not in phone.dial()
    assert "1. Daftar" in phone.press("3")
    phone.drop()
    assert "1. Daftar" in phone.dial()


def test_a_call_dropped_while_asked_whether_to_go_on_is_asked_again(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI)
    phone.drop()
    phone.dial()
    phone.drop()
    assert "terputus" in phone.dial()
    assert "Desa/kelurahan" in phone.press("1")


def test_an_answer_after_the_end_starts_at_the_top_and_does_nothing_twice(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phone.press("2")
    assert not phone.live
    assert "1. Daftar" in phone.press("1")
    assert world.one("SELECT count(*) FROM workers") == 1


def test_an_unknown_service_code_is_turned_away(world: World) -> None:
    status, body = hop(world, serviceCode="*999#")
    assert (status, body[:4]) == (200, "END ")
    assert "tidak dikenal" in body


def test_another_phone_on_a_known_session_is_turned_away(world: World) -> None:
    hop(world)
    hop(world, text="1")
    status, body = hop(world, text=f"1*{SITI_NIK}", phoneNumber=BUDI_PHONE)
    assert (status, body[:4]) == (200, "END ")
    assert "nomor lain" in body


def test_a_call_whose_place_we_lost_is_walked_through_plain_menus_only(world: World) -> None:
    status, body = hop(world, text=f"1*{SITI_NIK}*{SITI}")
    assert status == 200
    assert "Ketik NIK" in body
    _, body = hop(world, sessionId="ATUid_2", text="6*1", phoneNumber=BUDI_PHONE)
    assert "1. Daftar" in body


def test_missing_and_repeated_fields_and_nul_bytes_get_an_end(world: World) -> None:
    client = world.app.test_client()
    for body in (
        "",
        "sessionId=1",
        "sessionId=1&sessionId=2&serviceCode=%2A500%2A73%23&phoneNumber=%2B6281234567890&text=",
        "sessionId=1&serviceCode=%2A500%2A73%23&phoneNumber=%2B6281234567890&text=%00",
        "sessionId=1&serviceCode=%2A500%2A73%23&phoneNumber=%2B254700000001&text=",
        "x" * 100_000,
    ):
        answer = client.post(PATH, data=body, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 200
        assert answer.get_data(as_text=True).startswith("END LATIHAN ")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.lists(st.text(max_size=40), max_size=6))
def test_whatever_is_typed_gets_an_answer_and_writes_nothing_by_accident(world: World, typed: list[str]) -> None:
    world.ports.redis.flushdb()
    status, body = 200, ""
    text = ""
    for part in ["", *typed]:
        text = f"{text}*{part}" if text else part
        status, body = hop(world, text=text)
        assert status == 200
        assert body[:4] in ("CON ", "END ")
    assert world.one("SELECT count(*) FROM workers") == 0


def test_the_event_of_a_calls_end_is_kept_without_what_was_typed(world: World) -> None:
    form = {
        "date": "2026-11-23 02:00:00",
        "sessionId": "ATUid_1",
        "serviceCode": "*500*73#",
        "networkCode": "99999",
        "phoneNumber": SITI_PHONE,
        "status": "Incomplete",
        "cost": "0.00",
        "durationInMillis": "192",
        "hopsCount": "3",
        "input": f"1*{SITI_NIK}*{PIN}",
        "lastAppResponse": f"CON {SITI}",
        "errorMessage": "",
    }
    assert world.app.test_client().post(f"{PATH}/events", data=form).status_code == 200
    assert world.app.test_client().post(f"{PATH}/events", data={"rubbish": "1"}).status_code == 200
    rows = world.rows("SELECT * FROM gateway_reports")
    assert len(rows) == 1
    assert not any(secret in str(rows[0]) for secret in (SITI_NIK, PIN, SITI, SITI_PHONE))


def test_two_turns_of_one_phone_never_race(world: World) -> None:
    """The confirmation is delivered eight times at once; one worker, one receipt, one answer."""
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)
    phone.read_on()
    typed = f"{phone.typed}*1"
    answers: list[str] = []

    def confirm() -> None:
        answers.append(hop(world, text=typed, sessionId=phone.session)[1])

    threads = [threading.Thread(target=confirm) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert set(answers) == {answers[0]}
    assert "dikirim ke BPJS" in answers[0]
    assert world.one("SELECT count(*) FROM workers") == 1
    assert world.one("SELECT count(*) FROM messages") == 1


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
    first = enrol(phone)
    assert enrol(phone) == first
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


def test_a_weak_pin_is_refused_and_a_second_that_differs_is_asked_again(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2")
    for weak, line in (("12345", "6 angka"), ("123456", "mudah ditebak"), ("050385", "tanggal lahir")):
        assert line in phone.press(weak)
        assert "sekali lagi" in phone.press(PIN)
        assert "Buat PIN" in phone.press("0")
    phone.press(PIN)
    assert "tidak sama" in phone.press("274914")


def test_three_wrong_pins_lock_for_a_growing_time_told_by_sms(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phone.dial()
    phone.press("3", "1", "111112", "111113")
    assert "23-11-2026 09.30 WIB" in phone.press("111114")
    assert "terkunci sampai 23-11-2026 09.30 WIB" in world.last_sms()
    phone.dial()
    assert "terkunci" in phone.press("3", "1", PIN)
    world.clock.forward(minutes=31)
    phone.dial()
    assert "Iuran lewat kami" in phone.press("3", "1", PIN)
    phone.dial()
    world.clock.forward(minutes=1)
    phone.press("3", "1", "111112", "111113", "111114")
    assert "10.02" in phone.screen
    until = world.one("SELECT pin_locked_until FROM workers")
    assert until.astimezone(JAKARTA).strftime("%H.%M") == "10.02"


def test_wrong_pins_count_over_calls_and_threads(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phones = [replace(world.phone(), session="", calls=[]) for _ in range(4)]
    for each in phones:
        each.dial()
        each.press("3", "1", "111112")
        each.drop()
    assert world.one("SELECT pin_locks FROM workers") == 1


def test_the_pin_is_changed_with_the_old_one_and_told(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phone.dial()
    assert "sudah diganti" in phone.press("4", "1", PIN, "918273", "918273")
    assert "PIN SITI RAHMAWATI diganti" in world.last_sms()
    phone.dial()
    assert "PIN salah" in phone.press("3", "1", PIN)
    assert "Iuran lewat kami" in phone.press("918273")


def test_the_language_is_remembered_beyond_the_call(world: World) -> None:
    phone = world.phone()
    phone.dial()
    assert "Join" in phone.press("6")
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
    assert "mulai Jan 2027 Rp36.800" in words
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


def test_no_screen_after_a_pin_repeats_it_and_redis_holds_nothing_readable(world: World) -> None:
    phone: Phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)
    assert PIN not in phone.screen
    assert SITI_NIK not in phone.screen
    redis = world.ports.redis
    for key in redis.scan_iter():
        held = redis.get(key) or b""
        assert not any(secret.encode() in key + held for secret in (PIN, SITI_NIK, SITI, "81234567890"))


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
        wake(batch, DRAIN_SMS)
        phone = world.phone()
        assert "dikirim ke BPJS" in enrol(phone)
        phone.dial()
        phone.press("3", "1", "111112", "111113")
        assert "terkunci" in phone.press("111114")
        batch.rollback()
    assert world.one("SELECT pin_locks FROM workers") == 1
