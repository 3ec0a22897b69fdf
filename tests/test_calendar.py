"""Debit days, retries and cut-offs: on working days, in the month, told in time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insurance.calendar import (
    CutOff,
    chosen_day,
    debit_day,
    earliest_noticed_day,
    is_open,
    is_working_day,
    next_opening,
    retry_day,
)
from insurance.work import Work
from tests.people import PIN, authorise, enrol
from tests.world import World
from units.clock import JAKARTA, jakarta_day, next_daytime
from units.month import add_months, last_day, month_of

DAYS = st.dates(date(2026, 1, 1), date(2028, 12, 31))
HOURS = st.times().map(lambda at: at.replace(microsecond=0))


def on(day: date, at: time = time(9)) -> datetime:
    return datetime.combine(day, at, JAKARTA).astimezone(UTC)


def with_due_day(work: Work, due_day: int) -> Work:
    return replace(work, settings=work.settings.model_copy(update={"DUE_DAY": due_day}))


def working_days(work: Work, first: date, last: date) -> list[date]:
    days = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
    return [day for day in days if is_working_day(work, day)]


@pytest.fixture
def work(world: World) -> Iterator[Work]:
    with world.ports.transaction() as work:
        yield work


# The debit day


@pytest.mark.parametrize(
    ("due_day", "month", "day", "falls_on"),
    [
        (15, (2026, 12), 2, (2026, 12, 2)),
        (15, (2026, 11), 7, (2026, 11, 9)),
        # The due day is a Sunday: the Friday before it, not the Monday in grace.
        (15, (2026, 11), 15, (2026, 11, 13)),
        (28, (2026, 8), 17, (2026, 8, 18)),
        # Nyepi, Eid and joint leave from the 18th to the 24th of March.
        (28, (2026, 3), 18, (2026, 3, 25)),
        (20, (2026, 3), 18, (2026, 3, 17)),
        # New Year's Day and a weekend are all there is up to the due day.
        (3, (2027, 1), 1, (2027, 1, 4)),
        # A due day that was brought forward after the member chose.
        (15, (2026, 12), 28, (2026, 12, 15)),
        (28, (2027, 2), 28, (2027, 2, 26)),
    ],
)
def test_a_debit_falls_on_the_next_working_day_that_is_not_past_the_due_day(
    work: Work, due_day: int, month: tuple[int, int], day: int, falls_on: tuple[int, int, int]
) -> None:
    assert debit_day(with_due_day(work, due_day), date(*month, 1), day) == date(*falls_on)


def test_every_debit_day_is_a_working_day_of_its_month_and_before_grace_where_there_is_one(work: Work) -> None:
    @given(DAYS, st.integers(1, 28), st.integers(1, 28))
    @settings(max_examples=400)
    def holds(any_day: date, day: int, due_day: int) -> None:
        month = month_of(any_day)
        found, due = debit_day(with_due_day(work, due_day), month, day), month.replace(day=due_day)
        assert month_of(found) == month
        assert is_working_day(work, found)
        in_time = working_days(work, month, due)
        if in_time:
            wanted = min(day, due_day)
            later = [each for each in in_time if each.day >= wanted]
            assert found == (later[0] if later else in_time[-1])
        else:
            assert found == working_days(work, due, last_day(month))[0]

    holds()


def test_the_day_after_the_harvest_is_that_of_the_month() -> None:
    harvest = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert [chosen_day(15, harvest, date(2027, month, 1)) for month in range(1, 13)] == harvest
    assert chosen_day(15, None, date(2027, 4, 1)) == 15


# The day of a retry


@pytest.mark.parametrize(
    ("failed", "n", "falls_on"),
    [
        # A Wednesday: five days later is a Monday.
        (on(date(2026, 12, 2)), 2, date(2026, 12, 7)),
        # A Tuesday: five days later is a Sunday.
        (on(date(2026, 11, 3)), 2, date(2026, 11, 9)),
        (on(date(2026, 11, 9)), 3, date(2026, 11, 27)),
        # The last Friday of the year is Christmas.
        (on(date(2026, 12, 7)), 3, date(2026, 12, 31)),
        # The SMS of Wednesday morning is no notice of two days for Friday.
        (on(date(2026, 11, 24)), 3, date(2026, 11, 27)),
        (on(date(2026, 11, 25)), 3, date(2026, 11, 30)),
        # Five days later lies in the next month: the last working day, while there is time to say so.
        (on(date(2026, 11, 27)), 2, date(2026, 11, 30)),
        (on(date(2026, 11, 27), time(13)), 2, None),
        (on(date(2026, 11, 30)), 3, None),
        # No first and no fourth try is a retry.
        (on(date(2026, 11, 3)), 1, None),
        (on(date(2026, 11, 3)), 4, None),
    ],
)
def test_retries_are_few_and_on_days_when_there_may_be_money(
    work: Work, failed: datetime, n: int, falls_on: date | None
) -> None:
    failed_on = jakarta_day(failed)
    assert retry_day(replace(work, now=failed), failed_on, month_of(failed_on), n) == falls_on


def test_a_retry_is_never_on_the_day_that_failed_nor_before_its_notice_nor_out_of_its_month(work: Work) -> None:
    @given(DAYS, HOURS, st.sampled_from([2, 3]), st.integers(0, 1))
    @settings(max_examples=400)
    def holds(failed_on: date, at: time, n: int, ahead: int) -> None:
        now = replace(work, now=on(failed_on, at))
        month = add_months(month_of(failed_on), ahead)
        found = retry_day(now, failed_on, month, n)
        first = max(failed_on + timedelta(days=1), earliest_noticed_day(now), month)
        left = working_days(work, first, last_day(month))
        assert (found is None) == (left == [])
        if found is not None:
            assert found in left
            assert found > failed_on
            # The SMS on the failure may wait for the morning, and is the notice all the same.
            told_at = next_daytime(now.now, JAKARTA)
            assert on(found, time(0)) - told_at >= timedelta(hours=work.settings.NOTICE_HOURS)

    holds()


def test_three_tries_of_a_month_are_on_three_days_that_follow_each_other(work: Work) -> None:
    @given(DAYS, st.integers(1, 28), HOURS)
    def holds(any_day: date, day: int, at: time) -> None:
        month = month_of(any_day)
        tries = [debit_day(work, month, day)]
        for n in (2, 3):
            found = retry_day(replace(work, now=on(tries[-1], at)), tries[-1], month, n)
            if found is None:
                break
            tries.append(found)
        assert tries == sorted(set(tries))
        assert {month_of(each) for each in tries} == {month}

    holds()


# Cut-offs

NIGHT, NOON = (time(22), time(4)), (time(12), time(13))


@pytest.mark.parametrize(
    ("cut_off", "at", "opens"),
    [
        (None, time(3), None),
        (NIGHT, time(21, 59, 59), None),
        (NIGHT, time(22), (24, time(4))),
        (NIGHT, time(3, 59), (23, time(4))),
        (NIGHT, time(4), None),
        (NOON, time(12, 30), (23, time(13))),
        (NOON, time(13), None),
        ((time(22), time(22)), time(22), None),
        ((time(22), time(0)), time(23), (24, time(0))),
    ],
)
def test_a_bank_is_closed_in_its_window_and_opens_at_its_end(
    cut_off: CutOff | None, at: time, opens: tuple[int, time] | None
) -> None:
    asked = on(date(2026, 11, 23), at)
    assert is_open(cut_off, asked) is (opens is None)
    assert next_opening(cut_off, asked) == (on(date(2026, 11, opens[0]), opens[1]) if opens else asked)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)), HOURS, HOURS)
def test_a_bank_is_open_at_its_next_opening_which_is_within_a_day(at: datetime, closes: time, opens: time) -> None:
    asked = at.replace(tzinfo=UTC)
    found = next_opening((closes, opens), asked)
    assert is_open((closes, opens), found)
    assert asked <= found < asked + timedelta(days=1)
    assert (found == asked) == is_open((closes, opens), asked)


# Three time zones


def test_half_past_midnight_in_papua_is_still_the_month_before_in_jakarta(world: World) -> None:
    """It is 1 December for the member and 30 November for the bank and the insurer: November is what is paid."""
    world.clock.now = on(date(2026, 11, 30), time(22, 30))
    phone = world.phone()
    enrol(phone)
    with world.ports.database.begin() as connection:
        connection.exec_driver_sql("UPDATE workers SET village_code = '9199012001'")
    world.exchange()
    # By name, as no bank of this province is connected: after bjb and Bank Jateng.
    authorise(phone, bank="2")
    world.ask_banks()
    world.collect()
    assert world.one("SELECT month FROM attempts WHERE state = 'confirmed'") == date(2026, 11, 1)
    assert world.one("SELECT paid_on FROM months") == date(2026, 11, 30)
    assert any("Iuran Nov 2026" in sms and "30-11-2026" in sms for sms in world.owed_to(phone.number))
    phone.dial()
    phone.press("4", "1")
    phone.press(PIN, "135790", "135790")
    assert "01-12-2026 00.30 WIT" in world.last_sms()
