"""Day files as they come: bad, doubled, late, long, cut off by a crash; and the commands that take and show them."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from time import perf_counter

import pytest
from click.testing import Result

from autodebit.settle import settle
from banks.settlement import SettlementFiles
from insurance import settlements
from tests.settling import BANK, DAY, Bank, line, many, paid, state, tomorrow, unknown
from tests.world import World

# Files


def test_the_same_file_again_changes_nothing(world: World, desk: Bank) -> None:
    debit = unknown(world)
    tomorrow(world)
    for _ in range(3):
        desk.gives([line("debit", debit)])
        (taken,) = desk.settle()
        assert taken.refused == ""
    assert world.one("SELECT count(*) FROM settlement_lines") == 1
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'paid'") == 1
    assert desk.items() == []


def test_a_day_under_another_name_or_with_other_lines_is_for_a_person(world: World, desk: Bank) -> None:
    debit = paid(world)
    tomorrow(world)
    desk.gives([line("debit", debit)])
    desk.settle()
    desk.gives([line("debit", debit)], name="again.csv")
    assert desk.refused() == "again.csv: the same day again"
    desk.gives([line("debit", debit), line("debit", "NOBODYS00001")])
    assert desk.refused() == f"day-{DAY}.csv: the day has another file already"
    assert desk.items() == [("bad_file", "the same day again"), ("bad_file", "the day has another file already")]
    assert world.one("SELECT count(*) FROM settlement_lines") == 1
    assert (desk.folder / "refused" / "again.csv").exists()


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (cut, "too long, or cut off"),
        (lambda content: content.replace(b"28400", b"28401", 1), "trailer: counts, sum or checksum"),
        (lambda content: content.replace(b",114,", b",128,", 1), "header: another bank"),
        (lambda content: content + content, "something after the trailer"),
    ],
)
def test_a_file_that_does_not_add_up_books_nothing(
    world: World, desk: Bank, damage: Callable[[bytes], bytes], why: str
) -> None:
    debit = unknown(world)
    tomorrow(world)
    path = desk.folder / desk.gives([line("debit", debit)])
    path.write_bytes(damage(path.read_bytes()))
    refused = desk.refused()
    assert refused.startswith(f"{path.name}: line ")
    assert refused.endswith(why)
    assert desk.items() == [("bad_file", refused.removeprefix(f"{path.name}: ")[:40])]
    assert state(world) == "unknown"
    assert debit not in refused
    desk.gives([line("debit", debit)])
    assert desk.settle()[0].found == {"settled": 1}, "the right file is taken after the bad one"


@pytest.mark.parametrize("day", [DAY + timedelta(days=1), DAY - timedelta(days=92), DAY + timedelta(days=31)])
def test_a_day_that_is_not_over_or_long_ago_is_refused(world: World, desk: Bank, day: date) -> None:
    tomorrow(world)
    desk.gives([], day)
    assert desk.refused().endswith("not a day of the last 92 that is over")


def test_a_bank_that_owes_its_file_is_a_matter_until_it_comes(world: World, desk: Bank) -> None:
    debit = paid(world)
    world.exchange()
    tomorrow(world)
    desk.settle()
    assert desk.items() == [], "it has today to send it"
    tomorrow(world)
    desk.settle()
    assert desk.items() == [("difference", "no_file")]
    desk.gives([line("debit", debit)])
    desk.settle()
    assert desk.items() == []


# Crashes and volume


def test_a_crash_in_the_middle_is_gone_on_from(world: World, crowd: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd.gives(many(crowd, 2500))
    tomorrow(world)
    taking, calls = settlements.take, 0

    def dies(*given: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise SystemExit
        return taking(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(settlements, "take", dies)
    with pytest.raises(SystemExit):
        crowd.settle()
    monkeypatch.undo()
    assert world.one("SELECT count(*) FROM settlement_lines") == 1000
    assert world.one("SELECT done FROM settlement_files WHERE taken_at IS NULL") == 1000
    assert world.one("SELECT count(*) FROM reconciled_days") == 0, "half a file says nothing about the day"
    (taken,) = crowd.settle()
    assert (taken.found, taken.refused) == ({"settled": 1500}, "")
    assert world.one("SELECT count(*) FROM attempts WHERE state = 'settled'") == 2500
    assert world.one("SELECT count(*) FROM events WHERE after = 'settled'") == 2500
    assert sum(one.difference_rp for one in crowd.number().values()) == 0


def test_a_crash_before_the_file_is_put_aside_repeats_nothing(world: World, desk: Bank) -> None:
    debit = paid(world)
    tomorrow(world)
    name = desk.gives([line("debit", debit)])

    class Dies(SettlementFiles):
        def take(self, name: str) -> None:
            raise SystemExit

    with pytest.raises(SystemExit):
        settle(replace(desk.ports, settlements={BANK: Dies(BANK, desk.folder)}))
    (taken,) = desk.settle()
    assert (taken.found, taken.refused) == ({}, "")
    assert (desk.folder / "taken" / name).exists()
    assert world.one("SELECT count(*) FROM events WHERE after = 'settled'") == 1


def test_twenty_thousand_lines_take_seconds(world: World, crowd: Bank) -> None:
    crowd.gives(many(crowd, 20_000))
    tomorrow(world)
    began = perf_counter()
    (taken,) = crowd.settle()
    assert (taken.found, taken.refused) == ({"settled": 20_000}, "")
    took_s = perf_counter() - began
    number = crowd.number()
    assert (number["JHT"].bank_rp, number["JHT"].insurer_rp) == (400_000_000, 400_000_000)
    assert sum(one.difference_rp for one in number.values()) == 0
    assert took_s < 60, f"{took_s:.1f} s"


def test_a_longer_file_takes_no_more_memory(world: World, crowd: Bank) -> None:
    peaks = []
    for count in (1_000, 5_000):
        world.reset()
        tracemalloc.start()
        crowd.gives(many(crowd, count), name=f"{count}.csv")
        tomorrow(world)
        tracemalloc.reset_peak()
        assert crowd.settle()[0].day == DAY
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5


def test_another_process_with_the_same_file_is_left_alone(world: World, desk: Bank) -> None:
    lines = list(many(desk, 2))
    desk.gives(lines)
    tomorrow(world)
    file = SettlementFiles(BANK, desk.folder).read(f"day-{DAY}.csv")
    with world.ports.transaction() as work:
        assert settlements.begin(work, file, settlements.content(file.lines)) == 0
        settlements.take(work, BANK, DAY, 0, lines)
    with world.ports.transaction() as work, pytest.raises(settlements.Busy):
        settlements.take(work, BANK, DAY, 0, lines)


# Commands


def invoke(world: World, words: list[str]) -> Result:
    with world.app.app_context():
        return world.app.test_cli_runner().invoke(args=words)


def test_the_commands_take_and_show_and_leave_a_code_that_tells(world: World, desk: Bank) -> None:
    debit = paid(world)
    tomorrow(world)
    world.app.extensions["ports"], kept = desk.ports, world.app.extensions["ports"]
    try:
        shown = invoke(world, ["reconcile", "show", "--day", str(DAY)])
        assert (shown.exit_code, "its file was not taken" in shown.output) == (2, True)
        desk.gives([line("debit", debit)])
        taken = invoke(world, ["reconcile", "take"])
        assert (taken.exit_code, "settled 1" in taken.output) == (0, True)
        shown = invoke(world, ["reconcile", "show"])
        assert (shown.exit_code, "Rp20.000" in shown.output) == (0, True)
        (desk.folder / "broken.csv").write_text("H\n")
        assert invoke(world, ["reconcile", "take"]).exit_code == 2
        assert invoke(world, ["reconcile", "show", "--day", "x"]).exit_code == 1
    finally:
        world.app.extensions["ports"] = kept
