"""Steps of cover are told before they bite, once each, and to nobody whose money is under way."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

import jobs
from insurance.cover import CoverState, History, compute
from insurance.grace import STEP_NOTICE_DAYS, next_step, tell_steps
from models import CoverMonth
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, SILENT, SITI_PHONE, enrol
from tests.test_autodebit import member
from tests.test_holidays import counted
from tests.world import START, World
from units.clock import JAKARTA
from units.month import Month, add_months, month_of

NOV, DEC = date(2026, 11, 1), date(2026, 12, 1)
IN_GRACE = (CoverState.GRACE_1, CoverState.GRACE_2, CoverState.GRACE_3)
# The first morning on which the step into the first grace, on 16-12-2026, is told.
TOLD_ON = date(2026, 12, 13)


def pays(world: World, worker_id: int, month: Month, *, posted: bool = True) -> None:
    with world.ports.transaction() as work:
        on = month if posted else None
        work.db.add(CoverMonth(worker_id=worker_id, month=month, state="covered", payer="self", posted_on=on))


def ids(world: World) -> list[int]:
    return [row[0] for row in world.rows("SELECT id FROM workers ORDER BY id")]


@pytest.fixture
def paid_november(world: World) -> World:
    """Siti is verified, and November is paid and posted."""
    enrol(world.phone())
    world.exchange()
    pays(world, ids(world)[0], NOV)
    return world


def at_seven(world: World, day: date) -> None:
    world.clock.now = datetime.combine(day, time(7), JAKARTA).astimezone(UTC)


def told(world: World, first: date, last: date, number: str = SITI_PHONE) -> list[tuple[date, str]]:
    """The job runs every morning from `first` to `last`: each new text with the day it was owed on."""
    found, known = [], len(world.owed_to(number))
    day = first
    while day <= last:
        at_seven(world, day)
        jobs.tell_cover_steps(world.ports)
        owed = world.owed_to(number)
        found += [(day, sms) for sms in owed[known:]]
        known = len(owed)
        day += timedelta(days=1)
    return found


def test_every_step_down_to_the_lapse_is_told_once_before_it_bites(paid_november: World) -> None:
    found = told(paid_november, date(2026, 11, 24), date(2027, 5, 31))
    assert [f"{day:%d-%m-%Y}" for day, _ in found] == [
        "13-12-2026",
        "13-01-2027",
        "13-02-2027",
        "26-02-2027",
        "01-03-2027",
    ]
    first, second, third, warning, lapsed = (sms for _, sms in found)
    for sms, count, month, day in ((first, 1, "Des 2026", "16-12"), (second, 2, "Jan 2027", "16-01")):
        assert f"iuran {month} belum dibayar, tercatat s.d. 30-11-2026. Mulai {day}" in sms
        assert f"masa tenggang ke-{count}. Bayar: tekan *500*73#" in sms
    assert "masa tenggang ke-3" in third
    assert "Mulai 01-03-2027 nonaktif. Bayar iuran Feb 2027 dulu" in warning
    assert "nonaktif sejak 01-03-2027, tidak terlindungi. Tunggakan lama tidak ditagih" in lapsed
    assert "Bayar iuran Mar 2027" in lapsed
    assert not any("terlindungi s.d." in sms for _, sms in found)
    assert not any("etor" in sms for _, sms in found), "she has no autodebit: what lies in her account pays nothing"


def test_a_job_that_did_not_run_for_two_days_tells_what_is_left_to_tell(paid_november: World) -> None:
    assert len(told(paid_november, date(2026, 12, 15), date(2026, 12, 15))) == 1
    assert told(paid_november, date(2026, 12, 16), date(2026, 12, 20)) == [], "what has bitten is no news"
    lapse = told(paid_november, date(2027, 3, 3), date(2027, 3, 3))
    assert ["sejak 01-03-2027" in sms for _, sms in lapse] == [True]
    assert told(paid_november, date(2027, 3, 4), date(2027, 3, 20)) == []


def test_the_words_arrive_in_the_morning_of_the_member_and_not_after_the_step(paid_november: World) -> None:
    told(paid_november, TOLD_ON, TOLD_ON)
    jakarta = paid_november.rows("SELECT not_before, expires_at FROM messages ORDER BY id DESC LIMIT 1")[0]
    assert jakarta[0] == datetime(2026, 12, 13, 8, tzinfo=JAKARTA)
    assert jakarta[1] == datetime(2026, 12, 16, tzinfo=JAKARTA)


def test_nobody_is_told_to_pay_while_a_paid_month_is_not_posted(paid_november: World) -> None:
    pays(paid_november, ids(paid_november)[0], DEC, posted=False)
    assert told(paid_november, date(2026, 12, 1), date(2027, 5, 1)) == []


def test_nobody_is_told_to_pay_while_a_debit_has_no_clear_answer(world: World) -> None:
    member(world, SILENT)
    world.collect()
    assert world.one("SELECT state FROM attempts") == "unknown"
    pays(world, ids(world)[0], add_months(NOV, -1))
    assert told(world, date(2026, 11, 24), date(2026, 12, 20)) == []
    with world.ports.database.begin() as connection:
        connection.execute(text("UPDATE attempts SET state = 'failed_soft'"))
    assert len(told(world, date(2027, 1, 13), date(2027, 1, 15))) == 1


@pytest.mark.parametrize(
    ("change", "to_do"),
    [
        ("UPDATE attempts SET state = 'noticed' WHERE month > '2026-11-01'", "Akan didebit: setor ke rekening"),
        ("UPDATE attempts SET state = 'failed_soft' WHERE month > '2026-11-01'", "Bayar: tekan *500*73#"),
        ("UPDATE mandates SET state = 'suspended'", "Bayar: tekan *500*73#"),
    ],
)
def test_only_whose_debit_is_planned_is_told_to_pay_in(world: World, change: str, to_do: str) -> None:
    member(world)
    world.collect()
    with world.ports.database.begin() as connection:
        connection.execute(text("UPDATE months SET posted_on = month"))
    world.clock.forward(days=8)
    world.plan(DEC)
    with world.ports.database.begin() as connection:
        connection.execute(text(change))
    [(_, sms)] = told(world, TOLD_ON, TOLD_ON)
    assert to_do in sms
    assert ("etor" in sms) == ("Akan didebit" in to_do)


def test_who_pays_in_time_hears_nothing_more(paid_november: World) -> None:
    assert len(told(paid_november, TOLD_ON, TOLD_ON)) == 1
    pays(paid_november, ids(paid_november)[0], DEC)
    assert told(paid_november, TOLD_ON, date(2027, 1, 12)) == []


def test_who_wants_no_reminders_hears_of_the_lapse_alone(paid_november: World) -> None:
    with paid_november.ports.database.begin() as connection:
        connection.execute(text("UPDATE workers SET reminders = false"))
    found = told(paid_november, date(2026, 11, 24), date(2027, 4, 30))
    assert [f"{day:%d-%m}" for day, _ in found] == ["26-02", "01-03"]


def test_whose_membership_has_ended_hears_nothing(paid_november: World) -> None:
    with paid_november.ports.database.begin() as connection:
        connection.execute(text("UPDATE memberships SET state = 'ended'"))
    assert told(paid_november, date(2026, 12, 1), date(2027, 4, 30)) == []


def test_one_person_whose_key_is_gone_keeps_no_other_from_being_told(paid_november: World) -> None:
    enrol(paid_november.phone(BUDI_PHONE), BUDI_NIK, BUDI)
    paid_november.exchange()
    siti, budi = ids(paid_november)
    pays(paid_november, budi, NOV)
    with paid_november.ports.database.begin() as connection:
        connection.execute(text("UPDATE workers SET data_key = '' WHERE id = :id"), {"id": siti})
    at_seven(paid_november, TOLD_ON)
    assert jobs.tell_cover_steps(paid_november.ports) == 1
    assert "BUDI SANTOSO: iuran Des 2026" in paid_november.last_sms(BUDI_PHONE)


def test_workers_are_told_chunk_by_chunk_and_a_second_run_tells_nobody(paid_november: World) -> None:
    enrol(paid_november.phone(BUDI_PHONE), BUDI_NIK, BUDI)
    paid_november.exchange()
    siti, budi = ids(paid_november)
    pays(paid_november, budi, NOV)
    at_seven(paid_november, TOLD_ON)
    for expected in ([(1, siti), (1, budi), (0, None)], [(0, siti), (0, budi), (0, None)]):
        after = 0
        for count, last in expected:
            with paid_november.ports.transaction() as work:
                assert tell_steps(work, after, 1) == (count, last)
            after = last or 0
    with paid_november.ports.transaction() as work:
        assert tell_steps(work, 0, 500) == (0, budi)


def test_on_days_without_a_step_no_row_is_read_and_nobody_costs_a_query_of_their_own(paid_november: World) -> None:
    at_seven(paid_november, date(2026, 12, 8))
    with counted(paid_november.ports.database) as said:
        jobs.tell_cover_steps(paid_november.ports)
    assert said == []
    pays(paid_november, ids(paid_november)[0], DEC)
    at_seven(paid_november, TOLD_ON)
    with counted(paid_november.ports.database) as said:
        jobs.tell_cover_steps(paid_november.ports)
    assert len(said) == 3, "the workers, their months, and that there are no more workers"


# What holds for every history

HISTORIES = st.sets(st.integers(-4, 3)).map(lambda ahead: {add_months(NOV, each) for each in ahead})


@given(HISTORIES, st.integers(1, 28))
def test_whoever_sinks_into_grace_or_lapses_was_told_within_the_days_before(paid: set[Month], due_day: int) -> None:
    days = [date(2026, 8, 1) + timedelta(days=ahead) for ahead in range(400)]
    states = {day: compute(paid, paid, day, due_day).state for day in days}
    steps = {day: next_step(History(paid, paid), day, due_day) for day in days}
    sunk = {
        day: states[day]
        for day in days[STEP_NOTICE_DAYS:]
        if states[day] is not states[day - timedelta(days=1)] and states[day] in (*IN_GRACE, CoverState.LAPSED)
    }
    said = {(step.day, step.state) for step in steps.values() if step and step.ahead and step.day in sunk}
    assert said == set(sunk.items())
    for day, state in sunk.items():
        before = steps[day - timedelta(days=1)]
        assert before is not None
        assert (before.day, before.state, before.ahead) == (day, state, True)
        assert before.cover.owed not in paid
        assert before.cover.owed == month_of(day - timedelta(days=1))
        if state is CoverState.LAPSED:
            now = steps[day]
            assert now is not None
            assert (now.day, now.ahead, now.cover.owed) == (day, False, day)
    keys = [step.key(1) for step in steps.values() if step]
    assert len(set(keys)) == len({(step.day, step.state, step.ahead) for step in steps.values() if step})
    assert all(step is None or step.cover.until is not None for step in steps.values())


@given(HISTORIES, st.dates(START.date(), date(2027, 12, 31)), st.integers(1, 28))
def test_nothing_is_held_against_whoever_waits_for_posting(paid: set[Month], today: date, due_day: int) -> None:
    if so_far := [month for month in paid if month <= today]:
        assert next_step(History(paid, paid - {max(so_far)}), today, due_day) is None


def test_an_older_month_that_bpjs_does_not_post_hides_no_step_down() -> None:
    paid = {date(2026, 9, 1), date(2026, 10, 1)}
    steps = [next_step(History(paid, {date(2026, 10, 1)}), on, 15) for on in (date(2026, 11, 13), date(2027, 1, 29))]
    assert [step and step.state for step in steps] == [CoverState.GRACE_1, CoverState.LAPSED]
