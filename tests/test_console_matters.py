"""Matters at the console: two people decide, by the rules of the commands; who sees the member answers a ticket."""

import re
from datetime import date, timedelta

import pytest

from autodebit.decide import decide
from console.keys import read_key, write_key
from insurance import work_items
from models import Role, WorkKind
from tests.console_desk import Console
from tests.heard import item, items
from tests.people import SITI, enrol
from tests.test_refunds import surplus
from tests.test_reports import call


def open_refund(console: Console) -> int:
    surplus(console.world)
    return int(item(console.world, "refund"))


def test_a_refund_is_agreed_to_by_two_people_and_not_by_one_twice(strict: Console) -> None:
    number = open_refund(strict)
    first = strict.desk(Role.FINANCE)
    assert f"/matters/{number}" in first.get("/matters/").get_data(as_text=True)
    for _ in range(2):
        first.post(f"/matters/{number}/decision", page=f"/matters/{number}", decision="refund")
    assert items(strict.world) == [("refund", "open")]
    second = strict.desk(Role.FINANCE, name="finance.two")
    assert "finance.one" in second.get(f"/matters/{number}").get_data(as_text=True)
    second.post(f"/matters/{number}/decision", page=f"/matters/{number}", decision="refund")
    assert items(strict.world) == [("refund", "approved")]
    page = second.get(f"/matters/{number}").get_data(as_text=True)
    assert "disetujui" in page
    assert 'name="decision"' not in page
    assert page.count("approve ") >= 3, "the trail has every yes"


def test_who_agreed_at_the_terminal_is_the_same_person_here(strict: Console) -> None:
    number = open_refund(strict)
    desk = strict.desk(Role.FINANCE)
    decide(strict.ports, number, " Finance.ONE ", "refund")
    desk.post(f"/matters/{number}/decision", page=f"/matters/{number}", decision="refund")
    assert items(strict.world) == [("refund", "open")]


def test_an_admin_decides_nothing_about_money_and_finance_no_errand_of_the_admins(strict: Console) -> None:
    number = open_refund(strict)
    admin = strict.desk(Role.ADMIN)
    assert 'name="decision"' not in admin.get(f"/matters/{number}").get_data(as_text=True)
    for path in ("decision", "refusal"):
        status = admin.post(f"/matters/{number}/{path}", page=f"/matters/{number}", decision="refund").status_code
        assert status == 403
    with strict.ports.transaction() as work:
        errand = work_items.open_item(work, WorkKind.FRAUD, "8F3K2M7Q1R4T").id
    finance = strict.desk(Role.FINANCE)
    assert finance.post(f"/matters/{errand}/refusal", page="/matters/").status_code == 403
    admin.post(f"/matters/{errand}/refusal", page="/matters/")
    assert ("fraud", "refused") in items(strict.world)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"decision": "run"}, "tidak cocok"),
        ({"decision": ""}, "tidak cocok"),
        ({"decision": "refund", "reference": "BANK1"}, "tidak cocok"),
    ],
)
def test_a_decision_that_does_not_fit_is_said_and_changes_nothing(
    strict: Console, fields: dict[str, str], said: str
) -> None:
    number = open_refund(strict)
    desk = strict.desk(Role.FINANCE)
    desk.post(f"/matters/{number}/decision", page=f"/matters/{number}", **fields)
    assert said in desk.get(f"/matters/{number}").get_data(as_text=True)
    desk.post(f"/matters/{number}/refusal", page=f"/matters/{number}")
    assert "perlu keputusan" in desk.get(f"/matters/{number}").get_data(as_text=True)
    assert items(strict.world) == [("refund", "open")]
    assert strict.world.rows("SELECT * FROM approvals") == []


def test_matters_are_paged_by_their_key_and_narrowed_by_kind(console: Console) -> None:
    with console.ports.transaction() as work:
        for number in range(60):
            work_items.open_item(work, WorkKind.BAD_FILE, f"file {number}", days=number % 7)
        work_items.open_item(work, WorkKind.NOTICE, "N1")
    desk = console.desk(Role.FINANCE)
    first = desk.get("/matters/").get_data(as_text=True)
    after = first.split("after=")[1].split('"')[0]
    second = desk.get(f"/matters/?after={after}").get_data(as_text=True)
    assert [page.count("<tr>") - 1 for page in (first, second)] == [50, 11]
    listed = [set(re.findall(r"/matters/([0-9]+)", page)) for page in (first, second)]
    assert len(listed[0] | listed[1]) == 61
    assert "after=" not in second
    assert desk.get("/matters/?kind=notice").get_data(as_text=True).count("<tr>") == 2
    assert desk.get("/matters/?after=rubbish").status_code == 200
    console.world.clock.now += timedelta(days=1)
    desk.log_in()
    assert "LEWAT" in desk.get("/matters/").get_data(as_text=True)


def test_a_key_in_an_address_is_a_day_and_a_number_or_the_beginning() -> None:
    key = (date(2026, 11, 30), 17)
    assert read_key(write_key(*key)) == key
    for rubbish in ("", "2026-11-30", "2026-11-30.x", "2026-13-30.1", f"2026-11-30.{'9' * 30}", "x.1"):
        assert read_key(rubbish) is None


def ticket(console: Console) -> str:
    """Siti complains; its reference."""
    world = console.world
    enrol(world.phone())
    world.clock.forward(minutes=1)
    call(world.phone(), "2", "2")
    return str(world.one("SELECT reference FROM tickets"))


def test_a_complaint_is_answered_by_sms_in_its_regency_and_the_look_is_recorded(console: Console) -> None:
    reference = ticket(console)
    elsewhere = console.desk(Role.BRANCH, name="branch.far", regency="9199")
    assert reference not in elsewhere.get("/tickets/").get_data(as_text=True)
    assert elsewhere.get(f"/tickets/{reference}").status_code == 404
    assert elsewhere.post(f"/tickets/{reference}/answer", page="/tickets/", words="Halo").status_code == 404
    desk = console.desk(Role.BRANCH)
    assert reference in desk.get("/tickets/").get_data(as_text=True)
    assert SITI.upper() in desk.get(f"/tickets/{reference}").get_data(as_text=True)
    assert [event[2] for event in console.events("ticket")] == ["branch.one"]
    desk.post(f"/tickets/{reference}/answer", page=f"/tickets/{reference}", words="Uang kembali besok → ya")
    assert "Tidak dikirim" in desk.get(f"/tickets/{reference}").get_data(as_text=True)
    desk.post(f"/tickets/{reference}/answer", page=f"/tickets/{reference}", words="Uang Anda kembali besok.")
    assert "Uang Anda kembali besok." in console.world.last_sms()
    assert reference not in desk.get("/tickets/").get_data(as_text=True)
    assert "dijawab" in desk.get(f"/tickets/{reference}").get_data(as_text=True)


def test_a_ticket_past_its_day_is_marked(console: Console) -> None:
    ticket(console)
    desk = console.desk(Role.BRANCH)
    assert "5 hari lagi" in desk.get("/tickets/").get_data(as_text=True)
    console.world.clock.now += timedelta(days=6)
    desk.log_in()
    assert "LEWAT" in desk.get("/tickets/").get_data(as_text=True)


def test_a_strangers_ticket_is_for_an_admin(console: Console) -> None:
    call(console.world.phone("+6285700000009"), "2", "1")
    reference = str(console.world.one("SELECT reference FROM tickets"))
    assert reference not in console.desk(Role.BRANCH).get("/tickets/").get_data(as_text=True)
    admin = console.desk(Role.ADMIN)
    assert reference in admin.get("/tickets/").get_data(as_text=True)
    assert "bukan peserta" in admin.get(f"/tickets/{reference}").get_data(as_text=True)


def test_a_reported_death_is_decided_by_two_who_see_the_member(strict: Console) -> None:
    world = strict.world
    enrol(world.phone())
    world.clock.forward(minutes=1)
    call(world.phone(), "1", "2", "1")
    reference = str(world.one("SELECT reference FROM tickets"))
    first, second = strict.desk(Role.BRANCH), strict.desk(Role.BRANCH, name="branch.two")
    far = strict.desk(Role.BRANCH, name="branch.far", regency="9199")
    assert far.post(f"/tickets/{reference}/decision", page="/tickets/", decision="dead").status_code == 404
    finance = strict.desk(Role.FINANCE)
    number = item(world, "death")
    assert 'name="decision"' not in finance.get(f"/matters/{number}").get_data(as_text=True)
    assert finance.post(f"/matters/{number}/decision", page="/matters/", decision="alive").status_code == 403
    first.post(f"/tickets/{reference}/decision", page=f"/tickets/{reference}", decision="alive")
    assert world.one("SELECT held_at FROM workers") is not None
    second.post(f"/tickets/{reference}/decision", page=f"/tickets/{reference}", decision="alive")
    assert world.one("SELECT held_at FROM workers") is None
    assert "dijawab" in first.get(f"/tickets/{reference}").get_data(as_text=True)


def test_the_days_numbers_are_shown_by_bank(console: Console) -> None:
    with console.world.ports.database.begin() as db:
        db.exec_driver_sql(
            "INSERT INTO reconciled_days (bank_code, day, programme, bank_rp, ledger_rp, insurer_rp, difference_rp, "
            "explained_rp, counted_at) VALUES ('114', '2026-11-22', 'JKK', 10000, 9000, 9000, 1000, 400, now()), "
            "('114', '2026-11-22', 'JKM', 6800, 6800, 6800, 0, 0, now()), "
            "('114', '2026-09-22', 'JKM', 777, 777, 777, 0, 0, now())"
        )
    page = console.desk(Role.VIEWER).get("/reconciliation/").get_data(as_text=True)
    assert "Rp16.800" in page
    assert "Rp600" in page
    assert "Rp777" not in page
