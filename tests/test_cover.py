"""Cover until a date: every row of docs/cover.md as the code has it, and what holds for every history there is."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from insurance.cover import MONTHS_BACK, Cover, CoverState, compute, covers
from insurance.wording import cover_line
from models import CoverMonth, Worker
from models.partitions import ensure_partitions
from tests.people import enrol
from tests.world import START, World
from texts import load_texts
from units.clock import JAKARTA, jakarta_day
from units.month import Month, add_months, last_day, month_of, parse_month

PAGE = Path(__file__).parent.parent / "docs" / "cover.md"
NOV, DEC = date(2026, 11, 1), date(2026, 12, 1)


TEXTS = load_texts(sandbox=False)


def line(name: str, /, **facts: str) -> str:
    return TEXTS.line(name, "id", **facts)


def said_of(cover: Cover, due_day: int) -> str:
    return cover_line(line, cover, "id", due_day)


def worked_rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def months(cell: str) -> set[Month]:
    """`2026-09, 2026-11..2027-01` as months, `-` as none."""
    found = set[Month]()
    for part in cell.split(", ") if cell != "-" else []:
        first, _, last = part.partition("..")
        month = parse_month(first)
        while month <= parse_month(last or first):
            found.add(month)
            month = add_months(month, 1)
    return found


@pytest.mark.parametrize("row", worked_rows(), ids=lambda row: row[0])
def test_the_worked_table_is_what_the_code_computes_and_says(row: list[str]) -> None:
    _, paid, posted, today, due_day, state, until, owed, said = row
    cover = compute(months(paid), months(posted), date.fromisoformat(today), int(due_day))
    assert cover.state.name == state
    assert (cover.until.isoformat() if cover.until else "-") == until
    assert f"{cover.owed:%Y-%m}" == owed
    assert cover.months_paid == len(months(paid))
    assert said_of(cover, int(due_day)) == said


def test_the_table_shows_every_state_and_no_history_twice() -> None:
    rows = worked_rows()
    assert {row[5] for row in rows} == {state.name for state in CoverState}
    assert len({row[0] for row in rows}) == len(rows) >= 12


# What holds for every history


@st.composite
def histories(draw: st.DrawFn) -> tuple[set[Month], set[Month], date, int]:
    """Paid months, those of them that are posted, today, the due day; the months lie around today."""
    today = draw(st.dates(date(2026, 1, 1), date(2028, 12, 31)))
    paid = {add_months(month_of(today), ahead) for ahead in draw(st.sets(st.integers(-8, 6)))}
    posted = {month for month in sorted(paid) if draw(st.booleans())}
    return paid, posted, today, draw(st.integers(1, 28))


History = tuple[set[Month], set[Month], date, int]
PAID_NEVER_POSTED: History = ({date(2026, 8, 1)}, set(), date(2026, 12, 20), 15)
PAID_AHEAD_ONLY: History = ({DEC}, {DEC}, date(2026, 11, 20), 15)


@given(histories())
def test_nobody_is_protected_unless_this_month_is_posted(history: History) -> None:
    _, posted, today, _ = history
    assert (compute(*history).state is CoverState.PROTECTED) == (month_of(today) in posted)


@given(histories())
def test_only_the_protected_are_told_that_they_are_protected_until_a_day(history: History) -> None:
    cover = compute(*history)
    said = said_of(cover, history[3])
    assert ("terlindungi s.d." in said) == (cover.state is CoverState.PROTECTED)


@given(histories())
def test_cover_is_never_until_a_day_after_the_last_posted_month(history: History) -> None:
    _, posted, today, _ = history
    cover = compute(*history)
    if cover.until is not None:
        assert month_of(cover.until) in posted
        assert cover.until == last_day(month_of(cover.until))
        assert cover.until <= last_day(max(posted))
    if cover.state is CoverState.PROTECTED:
        assert cover.until is not None
        assert cover.until >= today
    else:
        assert cover.until is None or cover.until < today


@given(histories())
def test_no_unposted_month_lies_within_a_promised_run(history: History) -> None:
    _, posted, today, _ = history
    cover = compute(*history)
    if cover.state is CoverState.PROTECTED:
        assert cover.until is not None
        month = month_of(today)
        while month <= cover.until:
            assert month in posted
            month = add_months(month, 1)
        assert month not in posted


@given(histories())
def test_the_month_owed_is_the_first_from_now_on_that_is_not_paid(history: History) -> None:
    paid, _, today, _ = history
    owed = month_of(today)
    while owed in paid:
        owed = add_months(owed, 1)
    assert compute(*history).owed == owed


@given(histories(), st.times(), st.times())
def test_cover_never_depends_on_the_time_of_day(history: History, one: time, other: time) -> None:
    paid, posted, today, due_day = history
    found = {
        repr(compute(paid, posted, jakarta_day(datetime.combine(today, at, JAKARTA).astimezone(UTC)), due_day))
        for at in (one, other, time.min, time.max)
    }
    assert found == {repr(compute(paid, posted, today, due_day))}


@given(histories())
def test_one_more_posted_month_never_shortens_cover(history: History) -> None:
    paid, posted, today, due_day = history
    before = compute(*history).until or date.min
    for month in paid - posted:
        assert (compute(paid, posted | {month}, today, due_day).until or date.min) >= before


@given(histories())
def test_grace_and_lapse_come_in_order_while_nothing_is_paid(history: History) -> None:
    paid, _, today, due_day = history
    order = list(CoverState)
    paid = {month for month in paid if month <= month_of(today)}
    if not paid:
        return
    went = [compute(paid, paid, today + timedelta(days=days), due_day).state for days in range(0, 200, 5)]
    assert [order.index(state) for state in went] == sorted(order.index(state) for state in went)
    assert went[-1] is CoverState.LAPSED


@given(histories())
@example(PAID_NEVER_POSTED)
def test_no_line_has_an_empty_place_where_a_date_should_stand(history: History) -> None:
    said = said_of(compute(*history), history[3])
    assert " ." not in said
    assert "  " not in said


@given(histories())
@example(PAID_AHEAD_ONLY)
def test_only_what_is_not_posted_yet_is_said_to_wait_for_posting(history: History) -> None:
    paid, posted, _, _ = history
    assert compute(*history).state is not CoverState.WAITING or paid - posted


# From the rows


def worker_id(world: World) -> int:
    enrol(world.phone())
    return int(world.one("SELECT id FROM workers"))


def row(worker: int, month: Month, state: str, posted_on: date | None) -> CoverMonth:
    return CoverMonth(worker_id=worker, month=month, state=state, payer="self", posted_on=posted_on)


def test_the_rows_of_a_worker_give_their_months_and_no_one_elses(world: World) -> None:
    worker = worker_id(world)
    with world.ports.transaction() as work:
        rows = [row(worker, NOV, "covered", NOV), row(worker, DEC, "covered", None)]
        work.db.add_all([*rows, row(worker, add_months(NOV, -1), "missed", None)])
    with world.ports.transaction() as work:
        found = covers(work.db, [worker, worker + 1], START.date(), 15)
    assert found[worker] == Cover(CoverState.PROTECTED, date(2026, 11, 30), date(2027, 1, 1), 2)
    assert found[worker + 1] == Cover(CoverState.NONE, None, NOV, 0)


def test_a_month_that_was_posted_and_then_reversed_covers_nothing(world: World) -> None:
    worker = worker_id(world)
    with world.ports.transaction() as work:
        work.db.add(row(worker, NOV, "open", NOV))
    with world.ports.transaction() as work:
        assert covers(work.db, [worker], START.date(), 15)[worker] == Cover(CoverState.NONE, None, NOV, 0)


def test_all_months_that_were_ever_paid_are_counted_however_long_ago(world: World) -> None:
    """The screen says the total of the whole ledger and this count in one breath."""
    worker, today = worker_id(world), START.date()
    long_ago = add_months(month_of(today), -MONTHS_BACK - 2)
    with world.ports.database.connect() as connection:
        # Never committed: the partitions of three years ago are for this test alone.
        ensure_partitions(connection, long_ago)
        with Session(connection) as db:
            assert db.get_one(Worker, worker)
            db.add(row(worker, long_ago, "covered", long_ago))
            db.flush()
            found = covers(db, [worker], today, 15)[worker]
            db.rollback()
    assert (found.state, found.months_paid) == (CoverState.LAPSED, 1)
