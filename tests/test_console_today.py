"""The first page: members as they stand, money as booked, and an alarm with its entry of the runbook."""

import hashlib
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from console.runbook import read_runbook
from console.today import RUNBOOK, alarms
from insurance import regions, runs
from insurance.operators import ALL, NOTHING, Sight
from insurance.today import Today, today
from models import Role
from tests.console_desk import Console
from tests.people import SILENT, authorise, enrol
from tests.villagers import THIS, VILLAGE, count, village
from tests.world import World

STATIC = Path(__file__).parent.parent / "console" / "static"


def put(world: World, sql: str, **values: object) -> None:
    with world.ports.database.begin() as db:
        db.execute(text(sql), values)


def seen(console: Console, sight: Sight = ALL) -> Today:
    console.ports.reference.clear()
    with console.ports.transaction() as work:
        return today(work, sight)


def test_members_are_told_as_protected_in_grace_and_lapsed(console: Console) -> None:
    village(console.world)
    count(console.world)
    members = seen(console).members
    assert (members.enrolled, members.groups["protected"], members.groups["grace"]) == (30, 19, 11)
    page = console.desk(Role.VIEWER).get("/").get_data(as_text=True)
    assert "<b>19</b> terlindungi" in page
    assert "<b>11</b> masa tenggang" in page


def test_a_branch_sees_the_members_of_its_own_regencies(console: Console) -> None:
    village(console.world)
    count(console.world)
    assert seen(console, Sight(("3599",))).members.enrolled == 30
    assert seen(console, Sight(("9199",))).members.enrolled == 0
    assert seen(console, NOTHING).members.enrolled == 0
    page = console.desk(Role.BRANCH, regency="9199").get("/").get_data(as_text=True)
    assert "<b>0</b> terlindungi" in page


def test_counts_are_told_by_province_regency_district_and_village(console: Console) -> None:
    village(console.world)
    count(console.world)
    with console.ports.transaction() as work:
        for digits, code in ((2, "35"), (4, "3599"), (6, "359901"), (10, VILLAGE)):
            assert {key: one.enrolled for key, one in regions.counts_by(work, digits, "", ALL).items()} == {code: 30}
        assert regions.counts_by(work, 10, "3599", Sight(("9199",))) == {}
        assert regions.counts_by(work, 10, VILLAGE, Sight(("3599",)))[VILLAGE].enrolled == 30
        assert regions.counts_by(work, 10, "9", ALL) == {}


def test_what_was_booked_is_told_by_day_and_drawn(console: Console) -> None:
    put(
        console.world,
        "INSERT INTO reconciled_days (bank_code, day, programme, bank_rp, ledger_rp, insurer_rp, difference_rp, "
        "explained_rp, counted_at) VALUES ('114', :day, 'JKK', 10000, 10000, 10000, 700, 200, now()), "
        "('114', :before, 'JKK', 4000, 4000, 4000, 0, 0, now())",
        day=THIS + timedelta(days=4),
        before=THIS + timedelta(days=3),
    )
    page = console.desk(Role.FINANCE).get("/").get_data(as_text=True)
    assert "Rp14.000" in page
    assert '"rp": [4000, 10000]' in page
    assert "Selisih bank 114 belum dijelaskan" in page
    (bank,) = [bank for bank in seen(console).banks if bank.code == "114"]
    assert (bank.difference_rp, bank.open_rp) == (700, 500)


def test_debits_without_an_answer_are_told_by_age(console: Console) -> None:
    world = console.world
    enrol(world.phone())
    world.exchange()
    authorise(world.phone(), SILENT)
    world.ask_banks()
    world.plan(THIS)
    world.send_sms()
    world.collect()
    assert seen(console).unknown.by_age == (1, 0, 0, 0)
    assert not [alarm for alarm in _alarms(console) if "unknown" in alarm]
    world.clock.now += timedelta(hours=2)
    assert seen(console).unknown.by_age == (0, 1, 0, 0)
    assert "unknown" in _alarms(console)
    world.clock.now += timedelta(days=6)
    assert "old_unknown" in _alarms(console)


def _alarms(console: Console) -> list[str]:
    return [alarm.word for alarm in alarms(seen(console))]


def test_a_receipt_that_comes_late_is_an_alarm(console: Console) -> None:
    world = console.world
    enrol(world.phone())
    world.send_sms()
    assert (seen(console).receipts, seen(console).in_time_percent) == (1, 100)
    enrol(world.phone("+6285700000002"), "3599011708900003", "Budi Santoso")
    assert seen(console).receipts == 1, "what is still in time is not counted against us"
    world.clock.now += timedelta(seconds=11)
    assert (seen(console).receipts, seen(console).in_time_percent) == (2, 50)
    assert "receipts" in _alarms(console)


def test_what_waits_for_long_is_an_alarm(console: Console) -> None:
    world = console.world
    enrol(world.phone())
    assert not {"texts", "overdue"} & set(_alarms(console))
    world.clock.now += timedelta(minutes=6)
    assert "texts" in _alarms(console)
    put(world, "INSERT INTO sms_routes VALUES ('africastalking', 1, now(), now(), '402')")
    with console.ports.transaction() as work:
        runs.drain(work, "114", "rina", drained=True)
    assert "stopped" in _alarms(console)
    assert [bank.lane for bank in seen(console).banks if bank.code == "114"] == ["drained"]


def test_each_alarm_leads_to_its_entry_of_the_runbook(console: Console) -> None:
    entries = {entry.key for entry in read_runbook()}
    assert set(RUNBOOK.values()) <= entries
    page = console.desk(Role.VIEWER).get("/runbook").get_data(as_text=True)
    for key in entries:
        assert f'id="{key}"' in page
    assert len(entries) == len(read_runbook()), "every entry has an address of its own"


def test_htmx_is_given_the_part_that_changes(console: Console) -> None:
    desk = console.desk(Role.VIEWER)
    part = desk.get("/", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "<html" not in part
    assert 'id="alarms"' in part


def test_the_browsers_libraries_are_those_that_were_pinned() -> None:
    folder = STATIC / "vendor"
    lines = [line.split() for line in (folder / "SHA256SUMS").read_text().splitlines()]
    found = [path for path in folder.iterdir() if path.suffix in (".js", ".css")]
    assert {name: digest for digest, name in lines} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found
    }
    assert {path.name for path in folder.glob("*.LICENSE.txt")} == {"htmx.org.LICENSE.txt", "uplot.LICENSE.txt"}
