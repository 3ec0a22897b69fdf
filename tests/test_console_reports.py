"""Reports, funnel and texts at the console: files without formulas and small cells, screens, texts set aside."""

import csv
import io
import zipfile

import pytest
from sqlalchemy import text

from console.reports import hidden_codes
from console.sheets import as_csv, as_xlsx, harmless
from models import Role
from tests.console_desk import Console
from tests.villagers import count, settle_in, village


@pytest.mark.parametrize("cell", ["=1+1", "+62812", "-2", "@SUM(A1)", "\tx", "\rx", "=cmd|' /C calc'!A0"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless("Sukamaju=1") == "Sukamaju=1"
    assert harmless(-5) == -5
    (_, row) = csv.reader(io.StringIO(as_csv(["a"], [[cell]]).decode("utf-8-sig"), newline=""))
    assert row == [f"'{cell}"]
    with zipfile.ZipFile(io.BytesIO(as_xlsx(["a"], [[cell, 7]]))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<v>7</v>" in sheet


def test_small_parts_of_a_region_are_hidden_two_at_least() -> None:
    assert hidden_codes({"3599": 100, "3501": 80}, 5) == set()
    assert hidden_codes({"3599": 100, "3501": 3, "3502": 60}, 5) == {"3501", "3502"}
    assert hidden_codes({"3599": 100, "3501": 1, "3502": 2, "3503": 9}, 5) == {"3501", "3502", "3503"}
    assert hidden_codes({"3599": 3, "9199": 100}, 5) == {"3599"}, "another province tells nothing of it"
    villages = {"3599012001": 3, "3599012002": 50, "3599022001": 50}
    assert hidden_codes(villages, 5) == {"3599012001", "3599012002"}


def test_a_report_is_a_file_of_counts(console: Console) -> None:
    village(console.world)
    count(console.world)
    desk = console.desk(Role.VIEWER)
    answer = desk.get("/reports/regencies.csv")
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows[0] == ["code", "name", "enrolled", "protected", "grace", "lapsed", "waiting"]
    assert rows[1] == ["3599", "Kab. Contoh Timur", "30", "19", "11", "0", "0"]
    assert 'filename="regencies-2026-11-23.csv"' in answer.headers["Content-Disposition"]
    assert desk.get("/reports/villages.xlsx").get_data()[:2] == b"PK"
    assert [event[2:] for event in console.events("report")] == [(desk.name, "regencies"), (desk.name, "villages")]
    for path in ("/reports/people.csv", "/reports/regencies.pdf", "/reports/..csv"):
        assert desk.get(path).status_code == 404


def test_few_members_are_in_no_report_whoever_asks(console: Console) -> None:
    settle_in(console.world, 4)
    count(console.world)
    for role in (Role.VIEWER, Role.ADMIN):
        page = console.desk(role).get("/reports/regencies.csv").get_data(as_text=True)
        assert "3599,Kab. Contoh Timur,*,*,*,*,*" in page


def test_a_branch_reports_on_its_own_regencies(console: Console) -> None:
    village(console.world)
    count(console.world)
    assert "3599" not in console.desk(Role.BRANCH, regency="9199").get("/reports/villages.csv").get_data(as_text=True)


def test_the_funnel_is_told_by_screen_language_and_gateway(console: Console) -> None:
    with console.world.ports.database.begin() as db:
        db.exec_driver_sql(
            "INSERT INTO funnel_days VALUES ('2026-11-22', 'enrol.nik', 'id', 'africastalking', 1000, 900, 50, 40), "
            "('2026-11-23', 'enrol.nik', 'jv', 'hubtel', 11, 9, 1, 2), "
            "('2026-11-01', 'enrol.nik', 'id', 'hubtel', 7777, 1, 1, 1)"
        )
    desk = console.desk(Role.VIEWER)
    page = desk.get("/funnel/").get_data(as_text=True)
    assert "1.011" in page
    assert "7.777" not in page
    assert "1.011" not in desk.get("/funnel/?language=jv").get_data(as_text=True)
    assert "1.000" in desk.get("/funnel/?gateway=africastalking").get_data(as_text=True)
    assert "enrol.nik,1011,909,51,42" in desk.get("/reports/funnel.csv").get_data(as_text=True)


def test_a_stopped_gateway_is_taken_up_by_an_admin(console: Console) -> None:
    with console.world.ports.database.begin() as db:
        db.execute(text("INSERT INTO sms_routes VALUES ('africastalking', 1, now(), now(), '402')"))
    desk = console.desk(Role.ADMIN)
    assert "menolak: 402" in desk.get("/texts/").get_data(as_text=True)
    desk.post("/texts/gateways/africastalking/resume", page="/texts/")
    assert "menerima SMS lagi" in desk.get("/texts/").get_data(as_text=True)
    assert console.world.one("SELECT stopped_at FROM sms_routes") is None
    desk.post("/texts/gateways/africastalking/resume", page="/texts/")
    assert "tidak berhenti" in desk.get("/texts/").get_data(as_text=True)


def test_a_text_that_broke_us_is_read_by_name_and_answered_again(console: Console) -> None:
    shared = console.ports.keys.shared
    with console.world.ports.database.begin() as db:
        db.execute(
            text(
                "INSERT INTO inbound_sms (gateway_id, received_at, sender_sealed, sender_index, text_sealed, word, "
                "reason) VALUES ('AT1', now(), :sender, :index, :words, '!', 'KeyError')"
            ),
            {
                "sender": shared.seal("+6281234567890", "inbound.sender"),
                "index": console.ports.keys.index("phone", "+6281234567890"),
                "words": shared.seal("BANTUAN", "inbound.text"),
            },
        )
    desk = console.desk(Role.ADMIN)
    assert "KeyError" in desk.get("/texts/").get_data(as_text=True)
    assert "BANTUAN" not in desk.text
    desk.post("/texts/aside/read", page="/texts/", id="AT1")
    assert "BANTUAN" in desk.text
    assert console.world.rows("SELECT actor FROM events WHERE actor = :name AND why LIKE '%read%'", name=desk.name)
    assert desk.post("/texts/aside/read", page="/texts/", id="nothing").status_code == 404
    desk.post("/texts/aside/again", page="/texts/", id="AT1")
    again = console.events("again")
    assert [(what, which, actor) for what, which, actor, _ in again] == [("inbound_sms", "AT1", desk.name)]
    assert "Sudah dijawab" in desk.get("/texts/").get_data(as_text=True)
