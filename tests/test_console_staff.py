"""Operators and the audit log at the console: made and changed by admins alone, and every act of a person listed."""

import re

import pytest

from models import Role
from tests.console_desk import Console, Desk, paid_member
from tests.people import SITI, SITI_NIK, SITI_PHONE


def act(desk: Desk, what: str, **typed: str) -> str:
    desk.post(f"/staff/{what}", page="/staff/", **typed)
    return desk.text if desk.last.status_code == 200 else desk.get("/staff/").get_data(as_text=True)


def test_an_operator_is_made_and_comes_in_by_the_code_that_is_shown_once(console: Console) -> None:
    admin = console.desk(Role.ADMIN)
    shown = act(admin, "add", name="rina", role="branch", regencies="3599, 9199")
    code = re.search(r"<code>([A-Z2-9-]{19})</code>", shown)
    assert code is not None
    assert code[1] not in admin.get("/staff/").get_data(as_text=True), "shown once"
    rina = console.browser("rina")
    rina.first_way(code[1])
    rina.log_in()
    assert console.world.one("SELECT regencies FROM operators WHERE name = 'rina'") == ["3599", "9199"]
    assert console.events("added")[-1][2:] == ("admin.one", "")


def test_a_role_is_changed_and_open_sessions_end(console: Console) -> None:
    admin, viewer = console.desk(Role.ADMIN), console.desk(Role.VIEWER)
    assert viewer.get("/").status_code == 200
    assert "sesi yang terbuka diakhiri" in act(admin, "role", name="viewer.one", role="finance", regencies="")
    assert viewer.get("/").status_code == 302
    assert console.world.one("SELECT role FROM operators WHERE name = 'viewer.one'") == "finance"


def test_an_account_is_turned_off_on_and_given_a_new_way_in(console: Console) -> None:
    admin, viewer = console.desk(Role.ADMIN), console.desk(Role.VIEWER)
    act(admin, "active", name="viewer.one", active="no")
    assert viewer.get("/").status_code == 302
    act(admin, "active", name="viewer.one", active="yes")
    assert console.world.one("SELECT active FROM operators WHERE name = 'viewer.one'") is True
    assert re.search(r"<code>[A-Z2-9-]{19}</code>", act(admin, "way-in", name="viewer.one"))


@pytest.mark.parametrize(
    ("what", "typed", "said"),
    [
        ("add", {"name": "X", "role": "viewer"}, "2 sampai 40 huruf kecil"),
        ("add", {"name": "admin.one", "role": "viewer"}, "sudah ada"),
        ("add", {"name": "rina", "role": "king"}, "Peran itu tidak ada"),
        ("add", {"name": "rina", "role": "branch"}, "kabupaten/kota yang dikenal"),
        ("add", {"name": "rina", "role": "branch", "regencies": "0000"}, "kabupaten/kota yang dikenal"),
        ("role", {"name": "nobody.x", "role": "viewer"}, "tidak dikenal"),
        ("role", {"name": "admin.one", "role": "viewer"}, "akunnya sendiri"),
        ("active", {"name": "admin.one", "active": "no"}, "akunnya sendiri"),
        ("way-in", {"name": "admin.one"}, "akunnya sendiri"),
    ],
)
def test_what_may_not_be_is_said(console: Console, what: str, typed: dict[str, str], said: str) -> None:
    admin = console.desk(Role.ADMIN)
    before = console.world.rows("SELECT name, role, active FROM operators ORDER BY id")
    assert said in act(admin, what, **typed)
    assert console.world.rows("SELECT name, role, active FROM operators ORDER BY id") == before


def test_the_audit_log_lists_what_people_did_without_a_persons_data(console: Console) -> None:
    paid_member(console.world)
    reference = str(console.world.one("SELECT reference FROM memberships"))
    branch = console.desk(Role.BRANCH)
    branch.post("/people/", typed=SITI)
    branch.get(f"/people/{reference}")
    console.world.phone("+6281200000001").text("CEK")
    admin = console.desk(Role.ADMIN)
    shown = admin.get("/audit/").get_data(as_text=True)
    for part in ("branch.one", "viewed", "listed", "head [0-9]+", "check"):
        assert re.search(part, shown), part
    for told in (SITI, SITI.upper(), SITI_NIK, SITI_PHONE):
        assert told not in shown
    assert "timetable" not in shown
    only = admin.get("/audit/?who=branch.one").get_data(as_text=True)
    assert "viewed" in only
    assert "head " not in only
    assert "Tidak ada pada hari itu" in admin.get("/audit/?day=2026-11-22").get_data(as_text=True)
    assert admin.get("/audit/?day=x&before=-1").status_code == 200


def test_the_audit_log_is_paged_by_key(console: Console) -> None:
    """Of two acts at the edge of a page the one that began later has the smaller id: none is lost between pages."""
    branch = console.desk(Role.BRANCH)
    with console.world.ports.database.begin() as db:
        db.exec_driver_sql(
            "INSERT INTO events (month, at, subject, subject_id, actor, why, code, before, after) "
            "SELECT '2026-11-01', timestamptz '2026-11-23 09:00+07' + "
            "CASE n WHEN 51 THEN 50 WHEN 50 THEN 51 ELSE n END * interval '1 second', 'worker', '1', "
            "'branch.x', 'viewed', 'n' || n, '', '' FROM generate_series(1, 150) n"
        )
    admin = console.desk(Role.ADMIN)
    first = admin.get("/audit/?who=branch.x").get_data(as_text=True)
    older = re.search(r'href="(/audit/\?[^"]*before=[0-9]+)"', first)
    assert older is not None
    second = admin.get(older[1].replace("&amp;", "&")).get_data(as_text=True)
    listed = [set(re.findall(r"viewed (n[0-9]+)", page)) for page in (first, second)]
    assert [len(page) for page in listed] == [100, 50]
    assert not listed[0] & listed[1]
    assert branch.get("/audit/").status_code == 403
