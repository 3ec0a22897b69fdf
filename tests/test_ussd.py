"""The USSD contract: the new input by prefix, repeats, drops, races, shared phones, and whatever else comes in."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.people import (
    BUDI_PHONE,
    PIN,
    SITI,
    SITI_NIK,
    SITI_PHONE,
    SUKAMAJU,
    enrol,
)
from tests.world import World

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
    assert "terputus. Lanjut daftar" in phone.dial()
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
    assert "terputus. Lanjut daftar" in phone.dial()
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
    assert "RAHMAWATI" not in phone.dial().upper()
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
    _, body = hop(world, sessionId="ATUid_2", text="6*3", phoneNumber=BUDI_PHONE)
    assert "Pilih bahasa:" in body, "what is picked from a list is pressed by a finger"


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
