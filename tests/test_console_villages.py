"""Regions at the console: counts down to the village, small ones hidden from who needs no people, rosters by line."""

import csv
import io
from pathlib import Path

import pytest
from sqlalchemy import text
from werkzeug.datastructures import FileStorage

from models import Role
from tests.console_desk import Console, Desk
from tests.people import BUDI_NIK, SITI_NIK, enrol
from tests.villagers import VILLAGE, count, village
from tests.world import World

HEAD_LINE = "nik,name,village,phone"
GOOD = f"{SITI_NIK},Siti Rahmawati,{VILLAGE},+6281234567890"
WITHOUT_PHONE = f"{BUDI_NIK},Budi Santoso,{VILLAGE},"


def upload(desk: Desk, *lines: str, load: bool = False, code: str = VILLAGE, head: str = HEAD_LINE) -> str:
    data = io.BytesIO("\n".join([head, *lines, ""]).encode())
    more = {"load": "yes"} if load else {}
    desk.post(f"/villages/{code}/roster", page="/villages/", file=FileStorage(data, "daftar.csv"), **more)
    return desk.text


def invited(world: World) -> int:
    return int(world.one("SELECT count(*) FROM invitations"))


def test_counts_go_down_from_province_to_village(console: Console) -> None:
    village(console.world)
    count(console.world)
    desk = console.desk(Role.VIEWER)
    for within, shown in (
        ("", "in=35"),
        ("35", "Kab. Contoh Timur"),
        ("3599", "Kec. Contoh"),
        ("359901", "Sukamaju Jaya"),
    ):
        page = desk.get(f"/villages/?in={within}").get_data(as_text=True)
        assert shown in page
        assert "<b>63 %</b>" in page, "19 of 30"
    for rubbish in ("3", "35x9", "3599012001", "٣٥"):
        assert desk.get(f"/villages/?in={rubbish}").status_code == 404


def test_a_branch_sees_its_own_regencies_alone(console: Console) -> None:
    village(console.world)
    count(console.world)
    far = console.desk(Role.BRANCH, regency="9199")
    assert "Belum ada peserta" in far.get("/villages/?in=3599").get_data(as_text=True)
    assert far.get(f"/villages/{VILLAGE}").status_code == 404
    assert upload(far, GOOD) != ""
    assert far.last.status_code == 404


def test_who_sees_no_people_is_told_of_no_small_group(console: Console) -> None:
    """Of 30 members 19 are protected and 11 in grace; then two of them lapse."""
    village(console.world)
    with console.world.ports.database.begin() as db:
        db.execute(text("DELETE FROM months WHERE worker_id IN (7, 8)"))
        db.execute(text("INSERT INTO standing_marks (worker_id, village_code) SELECT id, village_code FROM workers"))
    count(console.world)
    page = console.desk(Role.VIEWER).get("/villages/?in=359901").get_data(as_text=True)
    assert "menunggu 2" not in page
    assert "menunggu –" in page
    assert "menunggu 2" in console.desk(Role.ADMIN).get("/villages/?in=359901").get_data(as_text=True)


def test_a_village_has_its_heads_and_whom_to_visit(console: Console) -> None:
    village(console.world)
    with console.world.ports.database.begin() as db:
        db.execute(
            text("INSERT INTO visits (worker_id, village_code, since) VALUES (3, :code, now())"), {"code": VILLAGE}
        )
    page = console.desk(Role.BRANCH).get(f"/villages/{VILLAGE}").get_data(as_text=True)
    assert "+62812***" in page
    assert "+6281200000001" not in page
    assert "P.3. 003/005" in page
    assert [event[:3] for event in console.events("listed")] == [("worker", "3", "branch.one")]


def test_a_roster_is_looked_through_line_by_line_and_nobody_is_invited(console: Console) -> None:
    desk = console.desk(Role.BRANCH)
    page = upload(desk, GOOD, f"123,Tono,{VILLAGE},", "3599014503850007,Siti,3599012002,", load=True)
    assert "3 baris, 2 dengan kesalahan" in page
    for line, why in ((3, "the NIK has not 16 digits"), (4, "another village than"), (4, "the NIK of line 2 again")):
        assert f">{line}</th>" in page
        assert why in page.replace("&#39;", "'")
    assert SITI_NIK not in page
    assert invited(console.world) == 0
    assert "1 baris tanpa kesalahan" in upload(desk, GOOD)
    assert invited(console.world) == 0
    assert [event[3] for event in console.events("roster")] == ["load", "preview"]


def test_a_roster_without_faults_invites_and_gives_slips_for_who_has_no_phone(console: Console) -> None:
    desk = console.desk(Role.BRANCH)
    slips = upload(desk, GOOD, WITHOUT_PHONE, load=True)
    assert desk.last.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(slips)))
    assert rows[0] == ["slip", "dial", "name", "village"]
    assert [row[2] for row in rows[1:]] == ["BUDI SANTOSO"]
    assert invited(console.world) == 2
    assert "ajak S.R. daftar BPJS" in console.world.last_sms()


@pytest.mark.parametrize(
    ("head", "lines", "said"),
    [
        ("name,nik", (), "tidak dapat dibaca"),
        (HEAD_LINE, (), "tidak berisi satu baris"),
        (HEAD_LINE, ("x\0y",), "not a line of CSV"),
        (HEAD_LINE, ("=cmd|' /C calc'!A0,x,y,z",), "dengan kesalahan"),
        (HEAD_LINE, tuple(["1,2,3,4"] * 5001), "more than 5000 lines"),
    ],
)
def test_a_broken_roster_gets_a_clear_answer(console: Console, head: str, lines: tuple[str, ...], said: str) -> None:
    desk = console.desk(Role.BRANCH)
    assert said in upload(desk, *lines, head=head)
    assert desk.last.status_code == 200
    assert invited(console.world) == 0


def test_a_file_that_is_too_big_is_refused(console: Console) -> None:
    desk = console.desk(Role.BRANCH)
    upload(desk, "x" * 2_100_000)
    assert desk.last.status_code == 413


def test_no_upload_is_left_behind(console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    upload(console.desk(Role.BRANCH), GOOD)
    assert list(tmp_path.iterdir()) == []


def test_a_head_is_given_a_term_and_it_is_ended(console: Console) -> None:
    world, desk = console.world, console.desk(Role.BRANCH)
    page, phone = f"/villages/{VILLAGE}", "081277770000"
    typed = {"phone": phone, "place": "RT 003/005", "from": "2026-11-23", "until": "2030-12-31"}
    desk.post(f"{page}/heads", page=page, **typed)
    assert "Disimpan" in desk.get(page).get_data(as_text=True)
    world.phone("+6281277770000").text("CEK")
    assert "belum terdaftar" not in world.last_sms("+6281277770000")
    desk.post(f"{page}/heads", page=page, **{**typed, "from": "2020-01-01", "until": "2026-11-22"})
    world.clock.forward(minutes=1)
    world.phone("+6281277770000").text("CEK")
    assert "belum terdaftar" in world.last_sms("+6281277770000")
    assert world.one("SELECT count(*) FROM heads WHERE place = 'r003/005'") == 1, "one term, changed"
    assert [event[2] for event in console.events("head")] == ["branch.one"] * 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"phone": "12"}, "Bukan nomor HP Indonesia"),
        ({"place": "NOSUCH"}, "Bagian ditulis"),
        ({"from": "x"}, "Tanggal mulai"),
        ({"until": "2020-01-01"}, "sebelum mulai"),
    ],
)
def test_a_head_that_cannot_be_is_refused(console: Console, typed: dict[str, str], said: str) -> None:
    desk, page = console.desk(Role.BRANCH), f"/villages/{VILLAGE}"
    before = console.world.one("SELECT count(*) FROM heads")
    given = {"phone": "081277770000", "place": "", "from": "2026-11-23", "until": "2030-12-31"} | typed
    desk.post(f"{page}/heads", page=page, **given)
    assert said in desk.get(page).get_data(as_text=True)
    assert console.world.one("SELECT count(*) FROM heads") == before


def test_a_visit_that_was_made_is_off_the_list_and_of_elsewhere_none(console: Console) -> None:
    world = console.world
    enrol(world.phone())
    with world.ports.database.begin() as db:
        db.exec_driver_sql(
            "INSERT INTO visits (worker_id, village_code, since) SELECT id, village_code, enrolled_at FROM workers"
        )
    worker = str(world.one("SELECT id FROM workers"))
    desk, page = console.desk(Role.BRANCH), f"/villages/{VILLAGE}"
    assert desk.post("/villages/3599012002/visits", page=page, worker=worker).status_code == 404
    assert "S.R." in desk.get(page).get_data(as_text=True)
    desk.post(f"{page}/visits", page=page, worker=worker)
    assert "S.R." not in desk.get(page).get_data(as_text=True)
    assert console.events("visited")[0][2] == "branch.one"
    assert desk.post(f"{page}/visits", page=page, worker="999").status_code == 404
