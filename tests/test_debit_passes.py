"""Passes over the folders of banks without an API: all that is due, a broken folder alone, two passes at once."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Barrier, Thread

import pytest

from autodebit import files
from autodebit.collect import Collected
from autodebit.files import exchange_all, exchange_files
from banks.batch_file import BatchFiles, BatchResult, read_debit_file, write_result
from dayfiles import InFolder
from tests.crew import join
from tests.debit_folders import BANK, TOTAL_RP, Folders, done, items, member
from tests.settling import state

OTHER = "119"
NOV, DEC = date(2026, 11, 1), date(2026, 12, 1)


@pytest.fixture
def three(folders: Folders) -> Folders:
    """Siti's November is due, and two others have said yes to a mandate."""
    member(folders)
    for number in (1, 2):
        serial = f"000{number}"
        join(folders.ports, BANK, f"{BANK}000{serial}", f"359901170890{serial}", f"+62857000{serial}0")
    return folders


def breaks(folders: Folders) -> None:
    """No file can be handed over any more."""
    out = folders.root / "out"
    out.rename(folders.root / "out-before")
    out.write_text("no folder")


def test_one_pass_hands_over_all_that_is_due_in_as_many_files_as_it_takes(
    three: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "FILE_LINES_MAX", 1)
    before = set(three.names())
    assert three.exchange() == Collected(waiting=1)
    new = [read_debit_file(three.root / "out", name, BANK) for name in three.names() if name not in before]
    assert sorted((len(file.mandates), len(file.debits)) for file in new) == [(1, 0), (1, 1)]


def test_a_run_of_one_month_hands_over_no_other_months_debit(folders: Folders) -> None:
    member(folders)
    assert exchange_all(folders.ports, DEC) == Collected()
    assert state(folders.world) == "scheduled"
    assert exchange_all(folders.ports, NOV) == Collected(waiting=1)
    assert exchange_all(folders.ports, DEC) == Collected(), "November waits, and is no matter of this run"
    assert exchange_all(folders.ports) == Collected(waiting=1)


def test_what_results_bring_is_counted(asked: tuple[Folders, str]) -> None:
    folders, reference = asked
    heard = list[tuple[str, Collected]]()
    folders.says([], [done(reference)])
    brought = Collected({"confirmed": 1}, TOTAL_RP)
    assert exchange_all(folders.ports, NOV, lambda bank, sums: heard.append((bank, sums))) == brought
    assert heard == [(BANK, brought)]
    folders.says([], [done(reference)], to=str(folders.world.one("SELECT sent_in FROM attempts")))
    assert exchange_all(folders.ports, NOV) == Collected(), "the same again brings nothing"


def test_a_broken_folder_is_shown_and_holds_up_neither_its_results_nor_another_bank(
    asked: tuple[Folders, str], tmp_path: Path
) -> None:
    folders, reference = asked
    world = folders.world
    folders.says([], [done(reference)])
    breaks(folders)
    join(folders.ports, BANK, f"{BANK}0000001", "3599011708900001", "+62857000010")
    other = tmp_path / "other"
    write_result(other, BatchResult("result.csv", OTHER, world.clock.now.date(), "debit-119-x.csv", [], []))
    ports = replace(folders.ports, batches={BANK: folders.files, OTHER: BatchFiles(OTHER, tmp_path / "o", other)})
    result = exchange_all(ports)
    assert list(result.sick) == [BANK]
    assert "its files" in result.sick[BANK]
    assert state(world) == "confirmed", "its result was taken"
    assert result.not_taken == 1, "and the other bank's, which answers no file of ours, was refused"
    assert [kind for kind, _ in items(world)] == ["bad_file"]


def test_a_folder_that_is_mended_gets_what_it_was_owed(folders: Folders) -> None:
    member(folders)
    world = folders.world
    breaks(folders)
    assert list(exchange_all(folders.ports).sick) == [BANK]
    assert state(world) == "sent"
    (folders.root / "out").unlink()
    world.clock.forward(hours=1)
    assert exchange_all(folders.ports) == Collected(waiting=1)


# Two passes at once: the job and the command, or two workers


def test_a_result_that_another_pass_took_first_is_no_fault_of_ours(asked: tuple[Folders, str]) -> None:
    folders, reference = asked

    class Slow(BatchFiles):
        def read(self, name: str) -> BatchResult:
            folders.exchange()
            return super().read(name)

    folders.says([], [done(reference)])
    slow = Slow(BANK, folders.root / "out", folders.root / "in")
    assert exchange_files(replace(folders.ports, batches={BANK: slow}), BANK) == Collected()
    assert state(folders.world) == "confirmed"
    assert items(folders.world) == []


def test_a_result_that_two_passes_have_read_is_booked_once_and_put_aside_once(asked: tuple[Folders, str]) -> None:
    folders, reference = asked
    world = folders.world

    class Slow(BatchFiles):
        def read(self, name: str) -> BatchResult:
            result = super().read(name)
            folders.exchange()
            return result

    name = folders.says([], [done(reference)])
    slow = Slow(BANK, folders.root / "out", folders.root / "in")
    assert exchange_files(replace(folders.ports, batches={BANK: slow}), BANK) == Collected()
    assert (folders.root / "in" / "taken" / name).exists()
    assert world.one("SELECT sum(amount_rp) FROM transfers WHERE kind = 'collected'") == TOTAL_RP
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'paid'") == 1
    assert items(world) == []


def test_a_file_is_put_aside_by_whoever_is_first(tmp_path: Path) -> None:
    """Every place is in a race for every file: none of them finds fault with having lost."""
    names, racers, failed = [f"{number}.csv" for number in range(300)], 4, list[Exception]()
    for name in names:
        (tmp_path / name).write_text("a result")
    start = Barrier(racers)

    def race() -> None:
        try:
            start.wait()
            for name in names:
                InFolder(tmp_path).take(name)
        except Exception as error:
            failed.append(error)

    threads = [Thread(target=race) for _ in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == sorted(names)
