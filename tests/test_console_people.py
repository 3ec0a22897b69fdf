"""People at the console: found by what they show, seen by who may, every look recorded, a PIN reset begun."""

import json
import re

import pytest
from sqlalchemy import text

from insurance import name_words, work_items
from insurance.operators import ALL, Sight
from insurance.trails import TRAIL
from jobs import carry_out_erasures
from models import Role
from models.machine import Cause
from tests.console_desk import Console, Desk, paid_member
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, SITI, SITI_NIK, SITI_PHONE, enrol
from tests.villagers import THIS
from tests.world import World


@pytest.fixture
def siti(console: Console) -> str:
    """Her reference: enrolled, accepted, autodebit active, this month paid and posted."""
    world = console.world
    paid_member(world)
    return str(world.one("SELECT reference FROM memberships"))


def search(desk: Desk, typed: str) -> str:
    desk.post("/people/", typed=typed)
    return desk.text


def kpj(world: World) -> str:
    """Of who was accepted first."""
    held = "SELECT data_key, kpj_sealed FROM workers JOIN memberships ON worker_id = id WHERE kpj_sealed IS NOT NULL"
    data_key, sealed = world.rows(held)[0]
    return world.ports.keys.person(data_key).open(sealed, "membership.kpj")


@pytest.mark.parametrize("how", ["nik", "phone", "kpj", "reference", "name", "half", "lower", "spaced"])
def test_a_member_is_found_by_what_they_show_or_say(console: Console, siti: str, how: str) -> None:
    typed = {
        "nik": SITI_NIK,
        "phone": "0812 3456 7890",
        "kpj": kpj(console.world),
        "reference": siti.lower(),
        "name": SITI,
        "half": "rahmawati",
        "lower": "RAHMAWATI siti",
        "spaced": f"{SITI_NIK[:6]} {SITI_NIK[6:12]} {SITI_NIK[12:]}",
    }[how]
    page = search(console.desk(Role.BRANCH), typed)
    assert SITI.upper() in page.upper()
    assert f"/people/{siti}" in page
    assert SITI_NIK not in page.replace(typed, "")
    found = {"half": "name", "lower": "name", "spaced": "nik"}.get(how, how)
    assert console.events("listed")[-1][2:] == ("branch.one", found)


@pytest.mark.parametrize("typed", ["", "siti wulandari", "9" * 16, "0899 9999 9999", "%", "si", "' OR 1=1 --"])
def test_nobody_is_found_by_what_fits_nobody(console: Console, siti: str, typed: str) -> None:
    page = search(console.desk(Role.BRANCH), typed)
    assert "Tidak ada di wilayah Anda" in page
    assert siti not in page
    assert console.events("listed") == []


def test_a_branch_neither_finds_nor_opens_a_member_of_elsewhere(console: Console, siti: str) -> None:
    desk = console.desk(Role.BRANCH, regency="9199")
    for typed in (SITI_NIK, SITI_PHONE, SITI, siti, kpj(console.world)):
        assert siti not in search(desk, typed).replace(f'value="{typed}"', "")
    for path in (f"/people/{siti}", f"/people/{siti}/trail"):
        assert desk.get(path).status_code == 404
    assert desk.post(f"/people/{siti}/pin-reset", page="/", ends="7890").status_code == 404
    assert console.events("viewed") == console.events("listed") == []
    assert console.world.rows("SELECT * FROM pin_resets") == []
    admin = console.desk(Role.ADMIN)
    assert siti in search(admin, SITI)


def test_a_page_shows_cover_months_mandate_consent_and_texts(console: Console, siti: str) -> None:
    page = console.desk(Role.BRANCH).get(f"/people/{siti}").get_data(as_text=True)
    for shown in (
        "terlindungi",
        "s.d. 30-11-2026",
        "Nov 2026",
        "Bank Jatim",
        "***2345",
        "Rp28.400",
        kpj(console.world),
    ):
        assert shown in page, shown
    consents = console.world.rows("SELECT text_hash, version FROM consents")
    assert len(consents) == 2
    for text_hash, version in consents:
        assert text_hash in page
        assert version in page
    assert page.count("cocok") >= 2
    assert "TIDAK COCOK" not in page
    assert "LATIHAN" in page, "the texts that were sent"


def test_neither_nik_nor_the_end_of_a_number_is_shown(console: Console, siti: str) -> None:
    """Its end is what the member is asked for before a PIN is reset."""
    page = console.desk(Role.BRANCH).get(f"/people/{siti}").get_data(as_text=True)
    assert SITI_NIK not in page
    assert SITI_PHONE[-4:] not in page
    assert "***0007" in page
    assert "+62812***" in page


def test_words_that_were_changed_behind_a_consent_are_seen(console: Console, siti: str) -> None:
    with console.world.ports.database.begin() as db:
        db.exec_driver_sql(
            "SET LOCAL session_replication_role = replica; UPDATE consents SET text_hash = repeat('0', 64)"
        )
    assert console.desk(Role.BRANCH).get(f"/people/{siti}").get_data(as_text=True).count("TIDAK COCOK") == 2


def test_every_look_is_recorded_with_who_looked_and_at_whom(console: Console, siti: str) -> None:
    worker = str(console.world.one("SELECT id FROM workers"))
    desk = console.desk(Role.BRANCH)
    desk.get(f"/people/{siti}")
    trail = desk.get(f"/people/{siti}/trail").get_data(as_text=True)
    assert console.events("viewed") == [("worker", worker, desk.name, "")]
    assert console.events("trail") == [("worker", worker, desk.name, "")]
    assert "viewed" in trail
    assert desk.name in trail
    assert "enrol" in trail


def test_the_trail_is_read_by_its_own_index(console: Console, siti: str) -> None:
    with console.world.ports.transaction() as work:
        work.db.execute(text("SET LOCAL enable_seqscan = off"))
        given = {"since": THIS, "ids": ["1"], "own": "1", "mandates": [], "resets": [], "most": 10}
        plan = "\n".join(work.db.scalars(text(f"EXPLAIN {TRAIL.text}"), given))
    assert "subject_id_idx" in plan
    assert "Seq Scan" not in plan


def test_what_is_typed_and_who_is_seen_are_in_no_address_and_no_log(
    console: Console, siti: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk = console.desk(Role.BRANCH)
    search(desk, SITI_NIK)
    desk.get(f"/people/{siti}")
    assert desk.last.request.path == f"/people/{siti}"
    assert desk.get(f"/people/?typed={SITI_NIK}").get_data(as_text=True).count(siti) == 0
    assert SITI_NIK not in caplog.text
    assert SITI not in caplog.text


def test_a_reset_begins_with_the_end_of_the_number_only(console: Console, siti: str) -> None:
    desk = console.desk(Role.BRANCH)
    for ends in ("1234", "", "789", "78 9", "٧٨٩٠", "67890"):
        desk.post(f"/people/{siti}/pin-reset", page=f"/people/{siti}", ends=ends)
        assert "berakhiran lain" in desk.get(f"/people/{siti}").get_data(as_text=True), ends
    assert console.world.rows("SELECT * FROM pin_resets") == []
    desk.post(f"/people/{siti}/pin-reset", page=f"/people/{siti}", ends="7890")
    page = desk.get(f"/people/{siti}").get_data(as_text=True)
    assert "Dimulai." in page
    assert "Menunggu; kode dikirim 24-11-2026" in page
    assert console.world.one("SELECT state FROM pin_resets") == "waiting"
    assert ("worker", "branch.one") in {(event[0], event[2]) for event in console.events("branch")}
    desk.post(f"/people/{siti}/pin-reset", page=f"/people/{siti}", ends="7890")
    assert "masih menunggu" in desk.get(f"/people/{siti}").get_data(as_text=True)
    assert "PIN" in console.world.last_sms()


def test_an_admin_makes_a_copy_of_all_for_the_member(console: Console, siti: str) -> None:
    branch = console.desk(Role.BRANCH)
    assert branch.post(f"/people/{siti}/copy", page="/").status_code == 403
    admin = console.desk(Role.ADMIN)
    answer = admin.post(f"/people/{siti}/copy", page="/")
    copied = json.loads(answer.get_data())
    assert (copied["nik"], copied["name"], copied["phones"]) == (SITI_NIK, SITI.upper(), [SITI_PHONE])
    assert copied["months"][0]["state"] == "covered"
    assert {consent["kind"] for consent in copied["consents"]} == {"enrolment", "mandate"}
    assert copied["cover"]["state"] == "protected"
    assert re.search(r'attachment; filename="[A-Z0-9]{12}\.json"', answer.headers["Content-Disposition"])
    assert [event[2] for event in console.events("copied")] == [admin.name]


def test_names_of_many_are_paged_by_key(console: Console) -> None:
    world = console.world
    for number, letter in enumerate("abcdefghijklmnopqrstuvwxy", 1):
        nik = f"3599011503850{number:03}"
        enrol(world.phone(f"+62812000001{number:02}"), nik, f"Sri Wahyuni {letter}{letter}")
    desk = console.desk(Role.BRANCH)
    first = search(desk, "sri wahyuni")
    past = dict(re.findall(r'name="(regency|after)" value="([^"]+)"', first))
    desk.post("/people/", typed="sri wahyuni", **past)
    listed = [set(re.findall(r"/people/([A-Z0-9]{12})", page)) for page in (first, desk.text)]
    assert [len(page) for page in listed] == [20, 5]
    assert len(listed[0] | listed[1]) == 25
    assert 'name="after"' not in desk.text
    assert len(console.events("listed")) == 25


def test_who_moves_to_another_regency_is_found_there(console: Console, siti: str) -> None:
    world = console.world
    with world.ports.database.begin() as db:
        db.execute(text("UPDATE workers SET village_code = '9199012001'"))
    assert siti in search(console.desk(Role.BRANCH, regency="9199"), SITI)
    assert siti not in search(console.desk(Role.BRANCH, name="branch.two"), SITI)


def test_members_from_before_the_index_are_indexed_by_the_command(console: Console, siti: str) -> None:
    world = console.world
    enrol(world.phone(BUDI_PHONE), BUDI_NIK, BUDI)
    with world.ports.database.begin() as db:
        db.execute(text("DELETE FROM worker_words"))
        db.execute(text("UPDATE memberships SET kpj_index = NULL"))
    with world.app.app_context():
        done = world.app.test_cli_runner().invoke(args=["workers", "index"])
    assert (done.exit_code, done.output) == (0, "2 members indexed.\n")
    with world.ports.transaction() as work:
        assert len(name_words.named(work, ALL, "budi", ("", 0), 5)) == 1
        assert len(name_words.named(work, Sight(("3599",)), "siti", ("", 0), 5)) == 1
    assert siti in search(console.desk(Role.BRANCH), kpj(world))


def test_words_of_a_name_are_as_somebody_types_it_who_heard_it() -> None:
    assert name_words.words_of("Siti Nur'aini bt. A. Ahmad-Siti") == ["siti", "nuraini", "bt", "ahmad"]
    assert name_words.words_of("... ") == []


def test_the_index_holds_no_name(console: Console, siti: str) -> None:
    kept = b"".join(bytes(row[0]) for row in console.world.rows("SELECT word_index FROM worker_words"))
    assert b"siti" not in kept.lower()
    assert len(kept) == 32


def test_an_erasure_is_asked_for_shown_and_stopped(console: Console, siti: str) -> None:
    desk = console.desk(Role.BRANCH)
    page = f"/people/{siti}"
    assert "Minta penghapusan" in desk.get(page).get_data(as_text=True)
    desk.post(f"{page}/erase", page=page, erase_ends="0000")
    assert console.world.rows("SELECT 1 FROM erasures") == []
    desk.post(f"{page}/erase", page=page, erase_ends=SITI_PHONE[-4:])
    shown = desk.get(page).get_data(as_text=True)
    assert "Penghapusan diminta; berjalan setelah" in shown
    assert "Minta penghapusan" not in shown
    assert console.world.rows("SELECT state FROM mandates") == [("cancelled",)]
    desk.post(f"{page}/keep", page=page)
    assert "Minta penghapusan" in desk.get(page).get_data(as_text=True)
    asked = console.world.rows("SELECT actor, after FROM events WHERE subject = 'erasure' ORDER BY id")
    assert asked == [("branch.one", "waiting"), ("branch.one", "stopped")]


def test_who_was_erased_is_on_no_list_and_on_no_page(console: Console, siti: str) -> None:
    desk, world = console.desk(Role.BRANCH), console.world
    desk.post(f"/people/{siti}/erase", page=f"/people/{siti}", erase_ends=SITI_PHONE[-4:])
    with world.ports.transaction() as work:
        for item in work_items.waiting(work, 10, "cancel_at_bank"):
            work_items.close(work, item, Cause("ani", "by_hand"))
    world.clock.forward(hours=72)
    carry_out_erasures(world.ports)
    desk.log_in()
    assert "Menunggu berkas berikutnya kepada BPJS" in desk.get(f"/people/{siti}").get_data(as_text=True)
    world.exchange()
    world.clock.forward(hours=1)
    carry_out_erasures(world.ports)
    desk.log_in()
    for typed in (SITI, SITI_NIK, SITI_PHONE, siti):
        assert siti not in search(desk, typed).replace(f'value="{typed}"', "")
    assert "sudah dihapus" in desk.get(f"/people/{siti}").get_data(as_text=True)
    assert desk.get(f"/people/{siti}/trail").status_code == 200
    admin = console.desk(Role.ADMIN)
    assert admin.post(f"/people/{siti}/copy", page="/people/").status_code == 410
