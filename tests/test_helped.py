"""What a helper prepares comes to nothing without the own yes: by call or SMS, with a code, within seven days."""

import json
from datetime import date

import pytest
from sqlalchemy import text

from insurance import invitations
from jobs import end_invitations
from models import Invitation
from tests.helping import (
    HELPER_PHONE,
    STRANGER,
    VILLAGE,
    code_for,
    invite,
    make_helper,
    states,
)
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, SITI, SITI_NIK, SITI_PHONE, enrol
from tests.world import START, World

HEAD = "+6281200000001"


def test_what_a_helper_prepares_is_no_worker_and_asks_the_member_with_price_and_code(world: World) -> None:
    helper = make_helper(world)
    assert "belum terdaftar" in invite(helper)
    assert world.one("SELECT count(*) FROM workers") == 0
    assert states(world) == ["awaiting_yes"]
    (asked,) = world.owed_to(SITI_PHONE)
    code = code_for(world)
    assert asked == (
        "LATIHAN Pak Joko ajak S.R. daftar BPJS: Rp8.400/bln. Mulai Jan 2027: Rp16.800. Setuju? "
        f"Balas YA {code} atau tekan *500*73#. Bukan Anda? Abaikan"
    )
    assert world.owed_to(HELPER_PHONE) == []


def test_nothing_of_the_invited_stands_readable_and_the_code_is_in_no_row(world: World) -> None:
    invite(make_helper(world))
    code = code_for(world)
    with world.ports.transaction() as work:
        row = work.db.query(Invitation).one()
        assert (
            json.loads(work.keys.person(row.data_key or b"").open(row.person_sealed or b"", "invitation.person"))["nik"]
            == SITI_NIK
        )
    (kept,) = world.rows("SELECT invitations::text FROM invitations")
    events = world.rows("SELECT events::text FROM events")
    for secret in (SITI_NIK, "SITI", SITI_PHONE[1:], code):
        assert secret.encode().hex() not in kept[0]
        assert not any(secret in event[0] for event in events)


def test_seven_days_and_it_is_over_and_its_data_are_gone(world: World) -> None:
    invite(make_helper(world))
    code = code_for(world)
    world.clock.forward(days=6, hours=23)
    end_invitations(world.ports)
    assert states(world) == ["awaiting_yes"]
    world.clock.forward(hours=1)
    phone = world.phone()
    phone.text(f"YA {code}")
    assert "lewat waktunya" in world.last_sms()
    end_invitations(world.ports)
    assert states(world) == ["expired"]
    gone = "SELECT data_key, person_sealed, nik_index, phone_index, code_index, worker_id FROM invitations"
    assert world.rows(gone) == [(None,) * 6]
    (row,) = world.rows("SELECT state, phone_index, text_sealed, phone_sealed FROM messages WHERE kind = 'invited'")
    assert row[0] == "expired"
    assert row[1] == b""
    shared = world.ports.keys.shared
    assert shared.open(bytes(row[2]), "message.text") == ""
    assert shared.open(bytes(row[3]), "message.phone") == ""
    assert "belum terdaftar" in invite(make_helper(world)), "and may be invited again"


def test_a_helper_or_a_head_cannot_say_yes_by_their_own_number(world: World) -> None:
    helper = make_helper(world)
    other = make_helper(world, "+6281200000078")
    helper.dial()
    assert "nomor petugas" in helper.press("5", "3", SITI_NIK, SITI, "1", "1", "1", HELPER_PHONE)
    assert "nomor petugas" in helper.press("0812-0000-0078")
    assert "Itu nomor petugas" not in helper.press(SITI_PHONE)
    helper.read_on()
    helper.press("1")
    # One that became a helper after the code was sent.
    make_helper(world, SITI_PHONE)
    phone = world.phone()
    phone.text(f"YA {code_for(world)}")
    assert "milik petugas" in world.last_sms()
    phone.dial()
    assert "Nomor petugas" in phone.press("1", code_for(world))
    for official in (other, world.phone(HEAD)):
        official.text("YA 123456")
        assert "milik petugas" in world.last_sms(official.number)
    assert world.one("SELECT count(*) FROM workers") == 0


def test_a_helpers_own_number_enrols_its_owner_and_nobody_else(world: World) -> None:
    helper = make_helper(world)
    enrol(helper, BUDI_NIK, BUDI)
    assert "tidak bisa menyetujui" in enrol(helper)
    assert world.one("SELECT count(*) FROM workers") == 1


def test_a_number_that_says_yes_for_a_fourth_person_is_looked_at(world: World) -> None:
    helper = make_helper(world)
    phone = world.phone()
    for serial in range(1, 5):
        assert world.one("SELECT count(*) FROM work_items") == 0
        invite(helper, f"359901171090{serial:04d}", f"Budi {'ABCD'[serial - 1]}a")
        phone.text(f"YA {code_for(world)}")
    assert world.one("SELECT count(*) FROM workers") == 4
    ((kind, about),) = world.rows("SELECT kind, about FROM work_items")
    newest = world.one("SELECT reference FROM memberships ORDER BY worker_id DESC LIMIT 1")
    assert (kind, about) == ("many_confirmed", newest)


def test_whom_one_number_enrolled_directly_and_who_moved_away_since_count_as_well(world: World) -> None:
    phone = world.phone(BUDI_PHONE)
    for serial in range(1, 4):
        enrol(phone, f"359901171090{serial:04d}")
    with world.ports.database.begin() as connection:
        connection.execute(text("DELETE FROM contacts WHERE worker_id = (SELECT min(id) FROM workers)"))
    assert world.rows("SELECT 1 FROM work_items") == []
    enrol(phone, "3599011710900004")
    [(kind, about)] = world.rows("SELECT kind, about FROM work_items")
    newest = world.one("SELECT reference FROM memberships ORDER BY worker_id DESC LIMIT 1")
    assert (kind, about) == ("many_confirmed", newest)


def test_whom_others_enrolled_already_the_helper_learns_nothing_of(world: World) -> None:
    helper = make_helper(world)
    unknown = invite(helper)
    enrol(world.phone(BUDI_PHONE), BUDI_NIK, BUDI)
    assert invite(helper, BUDI_NIK, BUDI, "+6285700000003") == unknown
    assert world.owed_to("+6285700000003") == []
    assert states(world) == ["awaiting_yes"]


def test_the_same_sent_again_asks_once_and_another_asks_anew(world: World) -> None:
    helper = make_helper(world)
    invite(helper)
    first = code_for(world)
    invite(helper)
    assert len(world.owed_to(SITI_PHONE)) == 1
    invite(helper, member=STRANGER)
    assert states(world) == ["expired", "awaiting_yes"]
    world.phone().text(f"YA {first}")
    assert "Kode YA salah" in world.last_sms()
    assert world.one("SELECT count(*) FROM workers") == 0


def test_only_a_helper_in_office_gets_past_the_door(world: World) -> None:
    stranger = world.phone(STRANGER)
    stranger.dial()
    assert "Hanya untuk nomor petugas" in stranger.press("5", "3")
    helper = make_helper(world, until=START.date())
    helper.dial()
    assert "NIK peserta" in helper.press("5", "3")
    helper.press(SITI_NIK, SITI, "1", "1", "1", SITI_PHONE)
    helper.read_on()
    world.clock.forward(days=1)
    assert "Hanya untuk nomor petugas" in helper.press("1")
    assert states(world) == []


def test_a_helper_of_two_villages_says_which(world: World) -> None:
    make_helper(world)
    helper = make_helper(world, village="3599011003")
    helper.dial()
    shown = helper.press("5", "3")
    assert "1. Kel. Mekarwangi" in shown
    assert "2. Sukamaju Jaya" in shown
    helper.press("2", SITI_NIK, SITI, "1", "1", "1", SITI_PHONE)
    helper.read_on()
    helper.press("1")
    assert world.one("SELECT village_code FROM invitations") == VILLAGE
    helper.dial()
    helper.press("5", "3", "1", BUDI_NIK, BUDI, "1", "1", "1", BUDI_PHONE)
    helper.read_on()
    helper.press("1")
    newest = world.one("SELECT village_code FROM invitations ORDER BY id DESC LIMIT 1")
    assert newest == "3599011003", "residents of a kelurahan may join"


def test_a_helper_is_told_of_wrong_ages_and_numbers(world: World) -> None:
    helper = make_helper(world)
    helper.dial()
    assert "usia" in helper.press("5", "3", "3599010101610007")
    helper.dial()
    helper.press("5", "3", SITI_NIK, SITI, "1", "1", "1")
    assert "Nomor HP salah" in helper.press("02112345678")


def test_a_helpers_dropped_call_is_taken_up(world: World) -> None:
    helper = make_helper(world)
    helper.dial()
    helper.press("5", "3", SITI_NIK, SITI)
    helper.drop()
    assert "terputus. Lanjut mengajak peserta" in helper.dial()
    assert "Pekerjaan utama peserta" in helper.press("1")


def test_a_helper_invites_no_more_than_so_many_a_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "HELPED_A_DAY_MAX", 1)
    helper = make_helper(world)
    invite(helper)
    assert "Sudah 1 orang" in invite(helper, BUDI_NIK, BUDI, BUDI_PHONE)
    assert states(world) == ["awaiting_yes"]
    world.clock.forward(days=1)
    assert "belum terdaftar" in invite(helper, BUDI_NIK, BUDI, BUDI_PHONE)


def test_the_term_of_a_helper_is_changed_by_a_repeat(world: World) -> None:
    make_helper(world)
    make_helper(world, until=date(2026, 11, 22))
    assert world.one("SELECT count(*) FROM helpers WHERE village_code = :code", code=VILLAGE) == 1
    helper = world.phone(HELPER_PHONE)
    helper.dial()
    assert "Hanya untuk nomor petugas" in helper.press("5", "3")
