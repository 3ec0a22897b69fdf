"""Working days: the library's holidays, the rows over them, and the file from which an operator loads those."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from config import Settings
from data import BadHolidays, load_holidays
from insurance.calendar import debit_day, is_working_day
from insurance.work import Work
from models import Holiday
from tests.sandboxed import ROOT
from tests.test_background import flask
from tests.world import World


@pytest.fixture
def work(world: World) -> Iterator[Work]:
    with world.ports.transaction() as work:
        yield work


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 11, 23), True),
        (date(2026, 11, 21), False),
        (date(2026, 11, 22), False),
        (date(2026, 8, 17), False),
        (date(2026, 3, 18), False),
        (date(2026, 3, 25), True),
        (date(2027, 3, 10), False),
    ],
    ids=["Monday", "Saturday", "Sunday", "Independence", "joint leave", "after Eid", "estimated Eid"],
)
def test_working_days_leave_out_weekends_holidays_and_joint_leave(work: Work, day: date, works: bool) -> None:
    assert is_working_day(work, day) is works


def test_a_row_adds_a_holiday_or_takes_one_back_and_no_row_makes_a_sunday_a_working_day(work: Work) -> None:
    eid, later, sunday = date(2027, 3, 10), date(2027, 3, 16), date(2027, 3, 28)
    work.db.add_all([Holiday(day=day, name="SKB", is_holiday=day == later) for day in (eid, later, sunday)])
    work.db.flush()
    assert [is_working_day(work, day) for day in (eid, later, sunday)] == [True, False, False]


@contextmanager
def counted(database: Engine | Connection) -> Iterator[list[str]]:
    """Every statement that is sent meanwhile."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(database, "before_cursor_execute", note)
    yield said
    event.remove(database, "before_cursor_execute", note)


def test_the_rows_are_read_once_however_many_mandates_ask(work: Work) -> None:
    with counted(work.db.connection()) as said:
        for day in range(1, 29):
            debit_day(work, date(2026, 12, 1), day)
    assert len(said) == 1


def test_a_process_that_only_answers_calls_never_loads_the_library() -> None:
    command = [sys.executable, "-c", "import app, jobs, sys; sys.exit('holidays' in sys.modules)"]
    assert subprocess.run(command, cwd=ROOT, timeout=60).returncode == 0


# The file of an operator

GOOD = "day,name,is_holiday\n2027-03-10,Idul Fitri bergeser,false\n2027-03-16,Idul Fitri,true\n"


def test_holidays_are_imported_all_or_none_with_each_bad_line_named(world: World, tmp_path: Path) -> None:
    file = tmp_path / "holidays.csv"
    for bad, faults in (
        (GOOD + "2027-02-30,X,true\n16-03-2027,X,ya\n2027-03-16,,true\n", "456"),
        ("day,name\n2027-03-16,X\n", "2"),
        (GOOD + "2027-W10-1,X,true\n20270316,X,true\n2027-03-17,X\n", "456"),
        ("day,name,is_holiday\n2027-03-16," + "x" * 61 + ",true\n", "2"),
    ):
        file.write_text(bad)
        with pytest.raises(BadHolidays) as found, world.ports.transaction() as work:
            load_holidays(work, file)
        assert sorted({line.split()[1].rstrip(":") for line in str(found.value).splitlines()}) == list(faults)
        assert world.rows("SELECT 1 FROM holidays") == []
    assert "line 4: is_holiday" not in str(found.value)
    for empty in (b"", b"day,name,is_holiday\n", b"\xff\xfe\x00day"):
        file.write_bytes(empty)
        with pytest.raises(BadHolidays), world.ports.transaction() as work:
            load_holidays(work, file)


def test_an_import_is_seen_at_once_and_a_repeat_brings_the_rows_to_what_the_file_says(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "holidays.csv"
    for text, works in ((GOOD, [True, False]), (GOOD.replace("true", "false"), [True, True])):
        file.write_text(text)
        with world.ports.transaction() as work:
            assert is_working_day(work, date(2027, 3, 9)) is False
            assert load_holidays(work, file) == 2
            assert [is_working_day(work, date(2027, 3, day)) for day in (10, 16)] == works
    assert world.one("SELECT count(*) FROM holidays") == 2


def test_the_command_says_what_it_loaded_or_the_lines_that_are_bad(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "holidays.csv"
    file.write_text(GOOD)
    done = flask(settings, "holidays", "import", str(file))
    assert (done.returncode, done.stdout) == (0, "2 days loaded.\n")
    file.write_text(GOOD + "2027-03-16,again,true\n")
    done = flask(settings, "holidays", "import", str(file))
    assert done.returncode == 1
    assert "line 4: day stands twice" in done.stderr
    assert "Traceback" not in done.stderr
