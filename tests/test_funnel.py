"""The funnel: what each hop adds to its screen, how that reaches the rows and Prometheus, and that nobody is in it."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from handset.phone import Phone
from tests.people import BUDI_PHONE, PIN, SITI, SITI_NIK, SITI_PHONE, SUKAMAJU, enrol
from tests.world import World
from units.clock import jakarta_day
from ussd import funnel
from ussd.journeys import Journeys

Counts = dict[tuple[str, str], int]


@pytest.fixture
def phone(world: World) -> Phone:
    return world.phone()


def counts(world: World, language: str = "id") -> Counts:
    day = jakarta_day(world.clock.now)
    found = funnel.counted(Journeys(world.ports.redis, world.ports.keys), day)
    return {
        (screen, event): count
        for (screen, spoken, gateway), events in found.items()
        for event, count in events.items()
        if spoken == language and gateway == "africastalking"
    }


def added(world: World, before: Counts) -> Counts:
    return {key: count - before.get(key, 0) for key, count in counts(world).items() if count != before.get(key, 0)}


def test_a_whole_enrolment_is_entered_and_answered_screen_by_screen(world: World, phone: Phone) -> None:
    enrol(phone)
    seen = counts(world)
    asked = "main enrol.nik enrol.name enrol.village_pick enrol.village_code enrol.sector enrol.income"
    for screen in f"{asked} enrol.programmes enrol.pin enrol.pin_again enrol.confirm".split():
        assert seen.pop((screen, "entered")) == seen.pop((screen, "answered")) == 1, screen
    assert seen == {("enrol.done", "entered"): 1}


def test_what_each_kind_of_hop_adds(world: World, phone: Phone) -> None:
    phone.dial()
    phone.press("1")
    for pressed, expected in (
        ("12", {("enrol.nik", "wrong"): 1}),
        ("", {}),
        (SITI_NIK, {("enrol.nik", "answered"): 1, ("enrol.name", "entered"): 1}),
        ("0", {("enrol.nik", "entered"): 1}),
        ("00", {("main", "entered"): 1}),
        ("9", {("main", "wrong"): 1}),
        ("98", {("main", "wrong"): 1}),
    ):
        before = counts(world)
        phone.press(pressed)
        assert added(world, before) == expected, pressed
    before = counts(world)
    phone.repeat()
    assert added(world, before) == {}, "a turn that is delivered again happened once"
    phone.press("9")
    assert not phone.live
    assert added(world, before) == {("main", "wrong"): 1}, "the third wrong one ends the call and is one more"


def test_turning_a_page_adds_nothing(world: World, phone: Phone) -> None:
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)
    before = counts(world)
    phone.press("98")
    assert added(world, before) == {}


def test_languages_are_counted_apart(world: World, phone: Phone) -> None:
    phone.dial()
    phone.press("6", "2", "1")
    assert counts(world) == {("main", "entered"): 1, ("main", "answered"): 1, ("language", "entered"): 1}
    english = {
        ("language", "answered"): 1,
        ("main", "entered"): 1,
        ("main", "answered"): 1,
        ("enrol.nik", "entered"): 1,
    }
    assert counts(world, "en") == english


def rows(world: World) -> dict[tuple[str, str], tuple[int, ...]]:
    found = world.rows("SELECT day, screen, language, gateway, entered, answered, wrong, dropped FROM funnel_days")
    return {(str(row[0]), row[1]): tuple(row[4:]) for row in found}


def test_the_counts_are_written_by_day_and_to_write_them_again_changes_nothing(world: World, phone: Phone) -> None:
    phone.dial()
    phone.press("1", "12")
    assert rows(world) == {}, "no hop writes a row"
    expected = {("2026-11-23", "main"): (1, 1, 0, 0), ("2026-11-23", "enrol.nik"): (1, 0, 1, 0)}
    for _ in range(2):
        assert funnel.keep(world.ports) == 2
        assert rows(world) == expected
    world.phone(BUDI_PHONE).dial()
    # Redis lost the day: what the rows had stays.
    for key in world.ports.redis.keys("f:*"):
        world.ports.redis.delete(key)
    world.phone("+6285700000009").dial()
    funnel.keep(world.ports)
    assert rows(world) == expected


def test_the_last_minute_of_a_day_is_written_the_next_day_and_the_new_day_apart(world: World, phone: Phone) -> None:
    phone.dial()
    world.clock.now += timedelta(days=1)
    phone.press("1")
    funnel.keep(world.ports)
    assert rows(world) == {
        ("2026-11-23", "main"): (1, 0, 0, 0),
        ("2026-11-24", "main"): (0, 1, 0, 0),
        ("2026-11-24", "enrol.nik"): (1, 0, 0, 0),
    }


def test_prometheus_reads_todays_counts_of_all_callers(world: World, phone: Phone) -> None:
    enrol(phone)
    other = world.phone(BUDI_PHONE)
    other.dial()
    other.press("1")
    answer = world.app.test_client().get("/metrics")
    assert answer.mimetype == "text/plain"
    page = answer.get_data(as_text=True)
    (family,) = text_string_to_metric_families(page)
    assert (family.name, family.type) == ("iuran_ussd_screen", "counter")
    told = {(s.labels["screen"], s.labels["event"]): s.value for s in family.samples if s.name.endswith("_total")}
    assert told["main", "entered"] == 2
    assert told["enrol.nik", "answered"] == 1
    assert told["enrol.nik", "dropped"] == 0
    assert {s.labels["gateway"] for s in family.samples} == {"africastalking"}
    assert not any(secret in page for secret in (SITI, SITI_NIK, PIN, SITI_PHONE, SITI_PHONE[1:], BUDI_PHONE[1:]))


def test_a_hop_that_counts_asks_redis_no_more_often_than_before(world: World, phone: Phone) -> None:
    """One round trip takes the place and one puts it back; the first hop of a call asks for its session too."""
    asked: list[str] = []
    redis: Any = world.ports.redis
    execute = redis.execute_command

    def counted(*words: Any, **options: Any) -> Any:
        asked.append(str(words[0]))
        return execute(*words, **options)

    phone.dial()
    redis.execute_command = counted
    try:
        phone.press("1")
        assert asked == ["EVALSHA", "EVALSHA"]
    finally:
        redis.execute_command = execute
