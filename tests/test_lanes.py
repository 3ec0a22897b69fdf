"""One sick bank rests and no other waits for it; a drain, a cut-off and a pace hold what is sent to each bank."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from autodebit.collect import Collected, Debit, ask_all, collect
from autodebit.lanes import UNANSWERED_MAX, Health, Pace
from banks.asked import CollectRequest
from banks.base import BankAnswer, BankRefused, BankUnknown, BankUnreachable, LaneRules, Reason
from insurance import runs
from ports import Ports
from tests.crew import crew, with_bank
from tests.stand_ins import Paying
from tests.world import World
from units.clock import JAKARTA

SICK, WELL = "114", "128"


class Failing(Paying):
    """A bank that is asked, and fails each debit in the same way."""

    def __init__(self, failure: Exception, code: str = SICK) -> None:
        super().__init__(code)
        self.failure = failure

    def collect(self, debit: CollectRequest) -> BankAnswer:
        super().collect(debit)
        raise self.failure


def asked(ports: Ports, code: str) -> int:
    bank = ports.banks[code]
    assert isinstance(bank, Paying)
    return len(bank.debits)


def lane(world: World, code: str = SICK) -> tuple[int, timedelta]:
    """Failures in a row, and how long it still rests."""
    failures, until = world.rows("SELECT failures, rests_until FROM lanes WHERE bank_code = :code", code=code)[0]
    return failures, until - world.clock.now if until else timedelta()


@pytest.mark.parametrize(
    ("failure", "why", "sent", "left"),
    [
        (BankUnreachable("no route"), "unreachable", 1, "noticed"),
        (BankRefused(Reason.OURS, "4017000"), "4017000", 1, "noticed"),
        (BankUnknown("timeout"), "timeout", UNANSWERED_MAX, "unknown"),
    ],
)
def test_a_bank_that_cannot_answer_rests_and_the_other_bank_is_asked_in_the_same_round(
    world: World, failure: Exception, why: str, sent: int, left: str
) -> None:
    ports = with_bank(crew(world, {SICK: 5, WELL: 3}), Failing(failure))
    done = collect(ports)
    assert done.sick == {SICK: why}
    assert asked(ports, SICK) == sent
    assert asked(ports, WELL) == 3
    assert done.by_state["confirmed"] == 3
    assert done.by_state[left] == (5 if left == "noticed" else sent)
    assert lane(world) == (1, timedelta(minutes=1))
    assert world.rows("SELECT * FROM lanes WHERE bank_code = :code", code=WELL) == []
    assert collect(ports).by_state == {}, "and no process asks it while it rests"
    assert asked(ports, SICK) == sent


def test_what_was_not_sent_to_a_sick_bank_goes_once_and_in_full_when_it_is_well(world: World) -> None:
    ports = crew(world, {SICK: 5})
    collect(with_bank(ports, Failing(BankUnknown("timeout"))))
    world.clock.forward(minutes=11)
    assert collect(ports).by_state == {"confirmed": 5 - UNANSWERED_MAX}, "the unknown ones are asked for, not sent"
    assert asked(ports, SICK) == 5 - UNANSWERED_MAX


def test_an_answer_between_two_silences_begins_the_count_anew(world: World) -> None:
    class Moody(Paying):
        def collect(self, debit: CollectRequest) -> BankAnswer:
            answer = super().collect(debit)
            if len(self.debits) % UNANSWERED_MAX:
                raise BankUnknown("timeout")
            return answer

    ports = with_bank(crew(world, {SICK: 6}), Moody())
    done = collect(ports)
    assert done.sick == {}
    assert done.by_state == {"unknown": 4, "confirmed": 2}


def test_one_faulty_request_or_an_empty_account_makes_no_bank_sick(world: World) -> None:
    for failure in (BankRefused(Reason.OURS, "4007101"), BankRefused(Reason.NO_FUNDS, "4037114")):
        world.reset()
        ports = with_bank(crew(world, {SICK: 4}), Failing(failure))
        assert collect(ports).sick == {}
        assert asked(ports, SICK) == 4


def test_an_adapter_that_breaks_leaves_an_unknown_and_not_a_lost_claim(world: World) -> None:
    ports = with_bank(crew(world, {SICK: 2}), Failing(ZeroDivisionError()))
    assert collect(ports).by_state == {"unknown": 2}


def test_the_rest_grows_with_each_failure_and_ends_with_a_success(world: World) -> None:
    ports = crew(world, {SICK: 1})
    away = with_bank(ports, Failing(BankUnreachable("no route")))
    rests = []
    for _ in range(5):
        collect(away)
        failures, rest = lane(world)
        rests.append((failures, int(rest.total_seconds()) // 60))
        world.clock.forward(minutes=61)
    assert rests == [(1, 1), (2, 5), (3, 15), (4, 60), (5, 60)]
    assert collect(ports).by_state == {"confirmed": 1}
    failures, rest = lane(world)
    assert failures == 0
    assert rest <= timedelta()


def test_two_processes_that_find_a_bank_sick_at_once_lose_no_answer(world: World) -> None:
    ports = crew(world, {SICK: 1})
    with ThreadPoolExecutor(1) as other:
        with ports.transaction() as work:
            runs.failing(work, SICK, "unreachable")
            second = other.submit(Health(ports, SICK).stop, "unreachable")
            world.until_one_waits()
        second.result(timeout=10)
    assert lane(world)[0] == 2


def drained(ports: Ports, *, drained: bool) -> None:
    with ports.transaction() as work:
        runs.drain(work, SICK, "ani", drained=drained)


def test_a_drain_stops_new_debits_of_one_bank_and_resume_lets_them_go(world: World) -> None:
    ports = crew(world, {SICK: 2, WELL: 1})
    drained(ports, drained=True)
    assert collect(ports).by_state == {"confirmed": 1}
    assert (asked(ports, SICK), asked(ports, WELL)) == (0, 1)
    drained(ports, drained=False)
    assert collect(ports).by_state == {"confirmed": 2}


def test_a_drain_in_the_middle_ends_what_is_under_way_and_sends_nothing_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autodebit.collect.CLAIM_MAX", 2)
    ports = crew(world, {SICK: 5})

    def after_the_first_claim(_bank: str, _sums: Collected) -> None:
        drained(ports, drained=True)

    assert collect(ports, told=after_the_first_claim).by_state == {"confirmed": 2}
    assert world.one("SELECT count(*) FROM attempts WHERE state = 'scheduled'") == 3


def test_resume_ends_a_rest_and_forgets_its_failures(world: World) -> None:
    ports = crew(world, {SICK: 1})
    collect(with_bank(ports, Failing(BankRefused(Reason.OURS, "4017000"))))
    drained(ports, drained=False)
    assert lane(world) == (0, timedelta())
    world.clock.forward(minutes=11)
    assert collect(ports).by_state == {"confirmed": 1}


def test_a_cut_off_sends_nothing_until_it_ends(world: World) -> None:
    local = world.clock.now.astimezone(JAKARTA)
    closes, opens = local.time(), (local + timedelta(hours=2)).time()
    rules = LaneRules(pace_per_s=10_000.0, parallel_max=1, cut_off=(closes, opens))
    ports = with_bank(crew(world, {SICK: 2, WELL: 1}), Paying(SICK, rules))
    assert collect(ports).by_state == {"confirmed": 1}
    world.clock.now += timedelta(hours=2) - timedelta(seconds=1)
    assert collect(ports).by_state == {}
    assert asked(ports, SICK) == 0
    world.clock.forward(seconds=1)
    assert collect(ports).by_state == {"confirmed": 2}


def test_a_pace_spaces_the_requests_evenly_and_makes_up_for_no_idle_time(monkeypatch: pytest.MonkeyPatch) -> None:
    moment, waits = [100.0], list[float]()

    def sleep(seconds: float) -> None:
        waits.append(round(seconds, 6))
        moment[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: moment[0])
    monkeypatch.setattr(time, "sleep", sleep)
    pace = Pace(4.0)
    for _ in range(3):
        pace.wait()
    assert waits == [0.25, 0.25]
    moment[0] += 60
    for _ in range(2):
        pace.wait()
    assert waits == [0.25, 0.25, 0.25], "a minute of silence is no leave to send 240 at once"


def test_callers_that_come_together_get_a_turn_each(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = list[float]()
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(time, "sleep", lambda seconds: waits.append(round(seconds, 6)))
    pace = Pace(2.0)
    for _ in range(4):
        pace.wait()
    assert waits == [0.5, 1.0, 1.5]


def test_one_row_that_breaks_its_recording_loses_no_neighbours_outcome(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = crew(world, {SICK: 3})
    broken = world.rows("SELECT reference FROM attempts ORDER BY reference LIMIT 1 OFFSET 1")[0][0]
    refuse = (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN IF NEW.reference = '{broken}' THEN RAISE 'broken'; END IF; RETURN NEW; END $$"
    )
    with world.ports.database.begin() as connection:
        connection.execute(text(refuse))
        connection.execute(
            text(
                "CREATE TRIGGER refuse BEFORE INSERT ON transfers EXECUTE FUNCTION refuse()".replace(
                    "EXECUTE", "FOR EACH ROW EXECUTE"
                )
            )
        )
    try:
        assert collect(ports).by_state == {"confirmed": 2}
        assert world.one("SELECT state FROM attempts WHERE reference = :it", it=broken) == "sent"
    finally:
        with world.ports.database.begin() as connection:
            connection.execute(text("DROP TRIGGER refuse ON transfers"))
            connection.execute(text("DROP FUNCTION refuse()"))
    world.clock.forward(minutes=16)
    assert collect(ports).lost == 1
    assert world.one("SELECT state || ' ' || code FROM attempts WHERE reference = :it", it=broken) == "unknown lease"
    assert asked(ports, SICK) == 3, "and it is not sent again"


def test_a_lane_at_rest_is_shown_with_its_end(world: World) -> None:
    from autodebit.overview import overview

    ports = replace(crew(world, {SICK: 1}))
    collect(with_bank(ports, Failing(BankUnreachable("no route"))))
    with ports.transaction() as work:
        seen = overview(work, work.today.replace(day=1))
    assert {bank.code: bank.lane for bank in seen.banks}[SICK] == "rests until 09.01 WIB"


def debit(number: int) -> Debit:
    to: Any = None
    return Debit((date(2026, 11, 1), number, 1), to, None)


def test_every_debit_of_a_claim_is_asked_for_once_by_as_many_threads_as_the_bank_takes() -> None:
    together, claim = threading.Barrier(3, timeout=10), [debit(number) for number in range(60)]

    def ask(one: Debit) -> BankUnreachable:
        # Only three at the same time get past it.
        together.wait()
        return BankUnreachable(str(one.key))

    with ThreadPoolExecutor(3) as threads:
        said = ask_all(threads, 3, claim, ask)
    assert sorted((one.key, str(answer)) for one, answer in said) == [(one.key, str(one.key)) for one in claim]


def test_after_a_fault_of_ours_no_more_of_the_claim_is_sent_by_any_thread() -> None:
    sent, broken, both = list[Debit](), threading.Event(), threading.Barrier(2)

    def ask(one: Debit) -> BankUnreachable:
        sent.append(one)
        both.wait(10)
        if one.key[1] == 0:
            raise OSError("ours")
        assert broken.wait(10)
        return BankUnreachable("late")

    def ask_and_tell(one: Debit) -> BankUnreachable:
        try:
            return ask(one)
        finally:
            # The other thread goes on a moment after this one broke.
            threading.Timer(0.2, broken.set).start()

    with ThreadPoolExecutor(2) as threads, pytest.raises(OSError, match="ours"):
        ask_all(threads, 2, [debit(number) for number in range(10)], ask_and_tell)
    assert len(sent) == 2
