"""The console as a person has it before them: every page and role, at a desk and on a phone, in a real browser."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from passlib.totp import TOTP

from autodebit.collect import collect
from jobs import plan_months
from models import Role
from tests.browser import DESK, PHONE, Site
from tests.console_desk import PASSWORD, Console, paid_member
from tests.crew import crew
from tests.heard import item
from tests.people import SITI, SITI_NIK, SITI_PHONE
from tests.test_reports import call
from tests.villagers import VILLAGE, count

# One browser a worker process: its pages go one after the other.
pytestmark = pytest.mark.xdist_group("browser")
PICTURES = Path(__file__).parent.parent / "docs" / "screenshots"
PICTURED = ("today", "person", "village", "runs", "matter", "reports")
PAGES = {
    "today": ("/", list(Role)),
    "runbook": ("/runbook", [Role.VIEWER]),
    "people": ("/people/", [Role.BRANCH, Role.ADMIN]),
    "person": ("/people/{member}", [Role.BRANCH, Role.ADMIN]),
    "tickets": ("/tickets/", [Role.BRANCH, Role.ADMIN]),
    "ticket": ("/tickets/{ticket}", [Role.BRANCH]),
    "villages": ("/villages/?in=359901", list(Role)),
    "village": (f"/villages/{VILLAGE}", [Role.BRANCH, Role.ADMIN]),
    "runs": ("/runs/", [Role.VIEWER, Role.FINANCE]),
    "matters": ("/matters/", [Role.FINANCE, Role.ADMIN]),
    "matter": ("/matters/{matter}", [Role.FINANCE]),
    "reconciliation": ("/reconciliation/", [Role.VIEWER, Role.FINANCE]),
    "texts": ("/texts/", [Role.VIEWER, Role.ADMIN]),
    "funnel": ("/funnel/", [Role.VIEWER]),
    "reports": ("/reports/", list(Role)),
    "prices": ("/prices/", [Role.VIEWER, Role.FINANCE]),
    "staff": ("/staff/", [Role.ADMIN]),
    "audit": ("/audit/", [Role.ADMIN]),
}


def lived_in(console: Console) -> dict[str, str]:
    """Siti is a member with a paid month and a complaint; one matter waits; days and screens were counted."""
    world = console.world
    paid_member(world)
    count(world)
    call(world.phone(), "2", "2")
    with world.ports.database.begin() as db:
        db.exec_driver_sql(
            "INSERT INTO reconciled_days (bank_code, day, programme, bank_rp, ledger_rp, insurer_rp, difference_rp, "
            "explained_rp, counted_at) SELECT '114', day, 'JKK', rp, rp, rp, 0, 0, now() FROM "
            "(SELECT date '2026-11-02' + n AS day, 9000000 + 1700000 * (n * 7 %% 11) AS rp "
            "FROM generate_series(0, 18) n) days"
        )
        db.exec_driver_sql(
            "INSERT INTO funnel_days VALUES ('2026-11-22', 'enrol.nik', 'id', 'africastalking', 1000, 900, 50, 40)"
        )
    console.ports.reference.clear()
    return {
        "member": str(world.one("SELECT reference FROM memberships")),
        "ticket": str(world.one("SELECT reference FROM tickets")),
        "matter": str(world.one("SELECT id FROM work_items WHERE kind = 'complaint'")),
    }


def test_every_page_is_usable_by_each_role_at_a_desk_and_on_a_phone(strict: Console, site: Site) -> None:
    """No grave finding of axe-core, nothing wider than the window, nothing the browser complained of."""
    made, wrong = lived_in(strict), list[str]()
    for role in Role:
        desk = strict.desk(role)
        for viewport in (DESK, PHONE):
            visit = site.open(desk, viewport)
            for name, (path, roles) in PAGES.items():
                if role not in roles:
                    continue
                visit.go(path.format(**made))
                found = [*visit.faults(), *visit.complaints]
                found += [f"{visit.overflow()} px too wide"] if visit.overflow() > 0 else []
                wrong += [f"{role.value} {name} {viewport['width']}: {one}" for one in found]
                visit.complaints.clear()
                if (
                    viewport is DESK
                    and name in PICTURED
                    and role is roles[-1]
                    and os.environ.get("SCREENSHOTS") == "write"
                ):
                    PICTURES.mkdir(exist_ok=True)
                    visit.page.screenshot(path=PICTURES / f"{name}.png", full_page=False)
            visit.close()
    assert wrong == []


def test_an_operator_comes_in_by_code_password_and_app(strict: Console, site: Site) -> None:
    code = strict.add("rina", Role.ADMIN)
    visit = site.open(viewport=PHONE)
    page = visit.page
    visit.go("/login/first")
    assert visit.faults() == []
    for field, value in (("name", "rina"), ("code", code), ("password", PASSWORD), ("again", PASSWORD)):
        page.fill(f"#{field}", value)
    page.click("main button")
    page.fill("#name", "rina")
    page.fill("#password", PASSWORD)
    assert visit.faults() == []
    page.click("main button")
    page.click("main button")
    assert visit.faults() == []
    secret = re.search(r"([A-Z2-7]{4}-){7}[A-Z2-7]{4}", page.inner_text("main"))
    assert secret
    assert page.evaluate("document.querySelector('.qr').naturalWidth") > 0, "the picture is let through by the policy"
    strict.world.clock.now += timedelta(seconds=30)
    page.fill("#code", str(TOTP(key=secret[0]).generate(time=strict.world.clock()).token))
    page.click("main button")
    assert "Hari ini" in page.inner_text("h1")
    assert page.evaluate("document.cookie") == "", "no script reads the session's name"
    page.click("text=Keluar")
    assert "Masuk" in page.inner_text("h1")
    assert visit.complaints == []
    visit.close()


def test_a_viewer_is_refused_what_is_not_theirs(strict: Console, site: Site) -> None:
    visit = site.open(strict.desk(Role.VIEWER))
    visit.go("/")
    assert visit.page.locator("nav a", has_text="Peserta").count() == 0
    assert "Bukan untuk Anda" in visit.go("/people/")
    assert len(strict.events("refused")) == 1
    visit.close()


def test_a_member_is_found_and_the_trail_shown_in_place(strict: Console, site: Site) -> None:
    lived_in(strict)
    visit = site.open(strict.desk(Role.BRANCH), PHONE)
    visit.go("/people/")
    visit.page.fill("#typed", SITI_NIK)
    visit.page.click("main button")
    visit.page.click(f"text={SITI.upper()}")
    visit.page.click("text=Tampilkan jejak")
    visit.page.wait_for_selector("#trail-part table")
    assert "enrol" in visit.page.inner_text("#trail-part")
    assert visit.overflow() == 0
    assert visit.complaints == []
    visit.close()


def test_an_erasure_is_asked_for_and_stopped_in_the_browser(strict: Console, site: Site) -> None:
    made = lived_in(strict)
    visit = site.open(strict.desk(Role.BRANCH))
    visit.go(f"/people/{made['member']}")
    visit.page.fill("#erase_ends", SITI_PHONE[-4:])
    visit.page.click("text=Minta penghapusan")
    assert "Dimulai. Peserta diberi tahu lewat SMS" in visit.page.inner_text("main")
    assert "Penghapusan diminta; berjalan setelah 26-11-2026" in visit.page.inner_text("main")
    assert visit.faults() == []
    visit.page.click("text=Batalkan penghapusan")
    assert "Dibatalkan. Autodebit tetap berhenti" in visit.page.inner_text("main")
    assert strict.world.rows("SELECT state FROM erasures") == [("stopped",)]
    assert visit.complaints == []
    visit.close()


def test_a_broken_roster_is_shown_line_by_line(strict: Console, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "daftar.csv"
    file.write_text(f"nik,name,village\n{SITI_NIK},Siti,{VILLAGE}\n123,Tono,{VILLAGE}\n")
    visit = site.open(strict.desk(Role.BRANCH), PHONE)
    visit.go(f"/villages/{VILLAGE}")
    visit.page.set_input_files("#file", file)
    visit.page.check("input[name=load]")
    visit.page.click("text=Periksa")
    said = visit.page.inner_text("#main")
    assert "2 baris, 1 dengan kesalahan" in said
    assert "the NIK has not 16 digits" in said
    assert visit.faults() == []
    assert visit.overflow() == 0
    assert strict.world.one("SELECT count(*) FROM invitations") == 0
    visit.close()


def test_a_run_is_started_by_one_and_approved_by_another(strict: Console, site: Site) -> None:
    collect(crew(strict.world, {"114": 3}))
    first = site.open(strict.desk(Role.FINANCE))
    first.go("/runs/?month=2026-12")
    first.page.click("main button:text-is('Mulai')")
    assert "menunggu persetujuan" in first.page.inner_text("main")
    second = site.open(strict.desk(Role.FINANCE, name="finance.two"))
    second.go(f"/matters/{item(strict.world, 'run')}")
    assert "finance.one" in second.page.inner_text("main")
    second.page.click("main button:text-is('Setujui')")
    assert "disetujui" in second.page.inner_text("main")
    plan_months(strict.ports)
    assert strict.world.one("SELECT count(*) FROM attempts WHERE month = '2026-12-01'") == 3
    for visit in (first, second):
        assert visit.complaints == []
        visit.close()


def test_the_money_of_the_month_is_drawn(strict: Console, site: Site) -> None:
    lived_in(strict)
    visit = site.open(strict.desk(Role.VIEWER), PHONE)
    visit.go("/")
    visit.page.wait_for_selector(".chart canvas")
    assert visit.complaints == []
    visit.close()
