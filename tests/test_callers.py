"""The simulator of callers: its one fitted number is fitted without resume, and its callers know every screen."""

import pytest

from bench.caller_model import FINISHED_WITHOUT_RESUME, PROFILES, REDIAL, OnPaper, call, drops_that_lose, people
from bench.callers import Bench
from tests.world import World

COUNT = 400


@pytest.fixture(scope="module")
def drops() -> float:
    return drops_that_lose(COUNT)


def test_without_resume_as_many_finish_on_paper_as_the_model_says(drops: float) -> None:
    everyone = people(COUNT, drops)
    for person in everyone:
        while not person.over:
            call(person, OnPaper(), REDIAL)
    assert sum(person.finished for person in everyone) / COUNT == pytest.approx(FINISHED_WITHOUT_RESUME, abs=0.01)
    assert {person.profile for person in everyone} == set(PROFILES)
    assert max(person.calls for person in everyone) == 3


def test_callers_find_their_way_through_the_real_menu_and_resume_loses_nobody(world: World, drops: float) -> None:
    """All profiles once; those who share a phone never take up each other's enrolment."""
    bench = Bench(world.ports)
    off = bench.run(60, drops, 1.0, resume=False)
    on = bench.run(60, drops, 1.0, resume=True)
    assert off.started == on.started
    assert sum(on.finished.values()) >= sum(off.finished.values()) > 40
    assert world.one("SELECT count(*) FROM workers") == sum(on.finished.values()) + sum(off.finished.values())
