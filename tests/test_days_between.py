"""Debits that wait for another day, and a clock of ours that is off: the same request, and never a second debit."""

from dataclasses import replace
from datetime import timedelta

import requests
from structlog.testing import capture_logs

from autodebit.collect import collect
from banks.asked import CollectRequest
from banks.base import BankAnswer, BankRefused, Reason
from banks.connect import connect_banks
from banks.settings import load_banks
from tests.stand_ins import Away
from tests.test_autodebit import attempt, debits, member
from tests.world import World


def test_what_did_not_leave_today_goes_tomorrow_as_the_very_same_request(world: World) -> None:
    """The reference and the moment are part of what a bank knows a debit by: another day changes neither."""
    member(world)

    class Later(Away):
        def collect(self, debit: CollectRequest) -> BankAnswer:
            seen.append(debit)
            raise BankRefused(Reason.NOT_NOW, "4037106")

    seen: list[CollectRequest] = []
    ports = replace(world.ports, banks={"114": Later()})
    for _ in range(3):
        collect(ports)
        world.clock.forward(days=1)
        world.clock.forward(hours=1)
    assert len(seen) == 3
    assert seen[0] == seen[1] == seen[2]
    assert debits(world) == []


def test_with_our_clock_off_by_ten_minutes_the_lane_rests_and_nothing_is_debited(world: World) -> None:
    member(world)
    theirs = world.clock.now + timedelta(minutes=10)
    requests.put(f"{world.sandbox.url}/clock", json={"now": theirs.isoformat()}, timeout=5).raise_for_status()
    ports = replace(world.ports, banks=connect_banks(load_banks(world.sandbox.folder / "banks.toml"), world.clock))
    with capture_logs() as logs:
        done = collect(ports)
    assert set(done.sick) == {"114"}
    assert (done.by_state, debits(world)) == ({"noticed": 1}, [])
    assert attempt(world)[0] == "noticed"
    refused = [line for line in logs if line["event"] == "bank_refuses_us"]
    assert all(line["bank"] == "114" for line in refused)
    assert [kind for (kind,) in world.rows("SELECT kind FROM messages WHERE kind LIKE 'failed%'")] == []
    # The clock is put right: the same debit goes, once.
    world.clock.forward(minutes=30)
    assert collect(ports).by_state == {"confirmed": 1}
    assert len(debits(world)) == 1
