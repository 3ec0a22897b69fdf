"""Results of a bank without an API that come twice, in part, or say two things: booked as said, never by guess."""

from dataclasses import replace
from datetime import time, timedelta

import pytest

from autodebit.collect import tidy
from autodebit.files import LEASE, exchange_files
from autodebit.settle import settle
from autodebit.unknown import ask_unknown
from banks.base import Reason
from banks.batch_file import BatchFiles, DebitResult, MandateResult
from banks.settlement import SettlementFiles, write_settlement
from tests.debit_folders import BANK, CHOICE, TOTAL_RP, Folders, active, consented, done, items, newest, refused
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, authorise, enrol
from tests.settling import state, tomorrow
from tests.world import World
from units.clock import jakarta_day


def again(folders: Folders, debits: list[DebitResult]) -> None:
    """One more result of the file that the first try stood in."""
    to = str(folders.world.one("SELECT sent_in FROM attempts WHERE n = 1"))
    folders.says([], debits, to=to)
    folders.exchange()


def posted_rp(world: World) -> int:
    return int(world.one("SELECT coalesce(sum(amount_rp), 0) FROM transfers WHERE kind = 'collected'"))


def told(world: World, kind: str) -> int:
    return int(world.one("SELECT count(*) FROM messages WHERE kind = :kind", kind=kind))


def test_a_yes_after_a_no_for_the_same_file_is_booked_and_nothing_is_tried_again(asked: tuple[Folders, str]) -> None:
    folders, reference = asked
    world = folders.world
    again(folders, [refused(reference)])
    assert (state(world), state(world, 2)) == ("failed_soft", "noticed")
    tomorrow(world)
    again(folders, [done(reference)])
    assert (state(world), state(world, 2)) == ("confirmed", "cancelled")
    assert (posted_rp(world), told(world, "paid")) == (TOTAL_RP, 1)
    world.clock.forward(days=6)
    files = len(folders.names())
    folders.exchange()
    assert len(folders.names()) == files, "no second debit leaves"


def test_a_no_after_a_yes_is_for_a_person_and_takes_no_cover_away(asked: tuple[Folders, str]) -> None:
    folders, reference = asked
    world = folders.world
    again(folders, [done(reference)])
    for _ in range(2):
        again(folders, [refused(reference)])
    assert state(world) == "confirmed"
    assert posted_rp(world) == TOTAL_RP
    assert world.one("SELECT count(*) FROM transfers WHERE kind = 'reversed'") == 0
    assert items(world) == [("notice", "NOFUNDS")]


def test_a_result_that_leaves_lines_out_is_not_the_last_word(asked: tuple[Folders, str]) -> None:
    folders, reference = asked
    world = folders.world
    again(folders, [])
    assert state(world) == "sent"
    name = newest(world)
    assert world.one("SELECT answered_at FROM bank_files WHERE name = :name", name=name) is None
    again(folders, [done(reference)])
    assert state(world) == "confirmed"
    assert world.one("SELECT answered_at FROM bank_files WHERE name = :name", name=name) is not None


def test_the_same_results_again_change_nothing(asked: tuple[Folders, str]) -> None:
    folders, reference = asked
    world = folders.world
    for _ in range(3):
        again(folders, [done(reference)])
        folders.says([active(world)], [], to=str(world.one("SELECT sent_in FROM mandates")))
        folders.exchange()
    assert (state(world), posted_rp(world), told(world, "paid")) == ("confirmed", TOTAL_RP, 1)
    assert told(world, "mandate_active") == 1
    assert items(world) == []


def test_not_now_for_what_has_become_unknown_is_a_no(asked: tuple[Folders, str]) -> None:
    folders, reference = asked
    world = folders.world
    world.clock.forward(days=LEASE.days, minutes=1)
    tidy(folders.ports)
    again(folders, [refused(reference, Reason.NOT_NOW, "CUTOFF")])
    assert state(world) == "failed_soft"
    assert posted_rp(world) == 0


@pytest.mark.parametrize(("first", "then"), [("ACTIVE", "REFUSED"), ("REFUSED", "ACTIVE")])
def test_two_words_about_one_mandate_are_for_a_person_and_the_first_stands(
    folders: Folders, first: str, then: str
) -> None:
    world = folders.world
    consented(world)
    folders.exchange()
    yes = active(world)
    no = MandateResult(yes.customer_id, "REFUSED", "", Reason.HOLDER, "HOLDER")
    lines = {"ACTIVE": yes, "REFUSED": no}
    name = newest(world)
    for word in (first, then, then):
        folders.says([lines[word]], [], to=name)
        folders.exchange()
    assert world.one("SELECT state FROM mandates") == ("active" if first == "ACTIVE" else "rejected")
    assert folders.files.waiting() == []
    kinds = [kind for kind, _ in items(world)]
    assert kinds == (["notice"] if first == "ACTIVE" else ["cancel_at_bank"])


@pytest.mark.parametrize("days", [-40, -1, 1, 40])
def test_a_result_of_another_day_is_refused_whole(asked: tuple[Folders, str], days: int) -> None:
    folders, reference = asked
    world = folders.world
    now = world.clock.now
    world.clock.now = now + timedelta(days=days)
    folders.says([], [done(reference)])
    world.clock.now = now
    folders.exchange()
    assert len(folders.refused()) == 1
    assert [kind for kind, _ in items(world)] == ["bad_file"]
    assert (state(world), posted_rp(world)) == ("sent", 0)


def test_past_the_banks_hour_no_debit_is_handed_over_until_the_next_day(folders: Folders) -> None:
    world = folders.world
    early = BatchFiles(BANK, folders.root / "out", folders.root / "in", time(10))
    ports = replace(world.ports, batches={BANK: early})
    consented(world)
    exchange_files(ports, BANK)
    folders.says([active(world)], [])
    exchange_files(ports, BANK)
    world.clock.forward(hours=2)
    files = len(folders.names())
    exchange_files(ports, BANK)
    assert (state(world), len(folders.names())) == ("scheduled", files)
    world.clock.forward(hours=16)
    exchange_files(ports, BANK)
    assert state(world) == "sent"


def test_no_day_file_frees_a_debit_whose_file_still_lies_at_the_bank(asked: tuple[Folders, str]) -> None:
    """A bank that rests over the holidays works the file off afterwards: a second try would be a second debit."""
    folders, reference = asked
    world, folder = folders.world, folders.root / "settlement"
    ports = replace(folders.ports, settlements={BANK: SettlementFiles(BANK, folder)})
    for _ in range(4):
        day = jakarta_day(world.clock.now)
        world.clock.forward(days=1)
        tidy(ports)
        write_settlement(folder, f"day-{day}.csv", BANK, day, [])
        settle(ports)
        ask_unknown(ports)
    assert state(world) == "unknown"
    assert world.rows("SELECT 1 FROM attempts WHERE n = 2") == []
    world.clock.forward(days=2)
    ask_unknown(ports)
    assert state(world) == "manual", "people ask the bank"
    again(folders, [done(reference)])
    assert (state(world), posted_rp(world), told(world, "paid")) == ("confirmed", TOTAL_RP, 1)


def test_a_result_without_the_line_frees_nothing_after_the_lease_either(asked: tuple[Folders, str]) -> None:
    folders, _ = asked
    world, folder = folders.world, folders.root / "settlement"
    ports = replace(folders.ports, settlements={BANK: SettlementFiles(BANK, folder)})
    began = jakarta_day(world.clock.now)
    world.clock.forward(days=LEASE.days, minutes=1)
    tidy(ports)
    again(folders, [])
    world.clock.forward(days=2)
    for day in (began + timedelta(days=ahead) for ahead in range(LEASE.days + 2)):
        write_settlement(folder, f"day-{day}.csv", BANK, day, [])
    settle(ports)
    assert state(world) == "unknown"
    assert world.rows("SELECT 1 FROM attempts WHERE n = 2") == [], "two debits could stand at the bank"


def test_a_second_yes_with_another_reference_is_for_a_person(folders: Folders) -> None:
    world = folders.world
    consented(world)
    folders.exchange()
    name = newest(world)
    for reference in ("M1", "M1", "M2"):
        folders.says([replace(active(world), mandate_reference=reference)], [], to=name)
        folders.exchange()
    assert world.rows("SELECT state, bank_reference FROM mandates") == [("active", "M1")]
    assert items(world) == [("notice", "ACTIVE")]


def test_a_late_result_settles_what_had_become_unknown(asked: tuple[Folders, str]) -> None:
    folders, reference = asked
    world = folders.world
    world.clock.forward(days=LEASE.days, minutes=1)
    tidy(folders.ports)
    folders.says([], [done(reference)])
    folders.exchange()
    assert state(world) == "confirmed"


# What was resent stands in a later file: an earlier file's result is no lie


@pytest.fixture
def resent(asked: tuple[Folders, str]) -> tuple[Folders, str, str]:
    """Siti's November, "not now" in its first file and handed over in a second one; its reference, the first's name."""
    folders, reference = asked
    world = folders.world
    first = newest(world)
    folders.says([], [refused(reference, Reason.NOT_NOW, "CUTOFF")])
    folders.exchange()
    world.clock.forward(hours=1)
    folders.exchange()
    assert (state(world), newest(world) != first) == ("sent", True)
    return folders, reference, first


@pytest.mark.parametrize("again", [("NOT_NOW", "CUTOFF"), ("NO_FUNDS", "NOFUNDS"), ("ACCOUNT", "CLOSED")])
def test_what_the_first_file_said_of_a_debit_that_was_resent_changes_nothing(
    resent: tuple[Folders, str, str], again: tuple[str, str]
) -> None:
    folders, reference, first = resent
    world = folders.world
    folders.says([], [refused(reference, Reason[again[0]], again[1])], to=first)
    folders.exchange()
    assert (state(world), items(world), folders.refused()) == ("sent", [], [])
    folders.says([], [done(reference)])
    folders.exchange()
    assert (state(world), posted_rp(world), told(world, "paid")) == ("confirmed", TOTAL_RP, 1)


def test_that_the_first_file_debited_what_was_resent_is_booked_once(resent: tuple[Folders, str, str]) -> None:
    folders, reference, first = resent
    world = folders.world
    for to in (first, newest(world), first):
        folders.says([], [done(reference)], to=to)
        assert folders.exchange().not_taken == 0
    assert (state(world), posted_rp(world), told(world, "paid")) == ("confirmed", TOTAL_RP, 1)
    assert items(world) == []


def test_another_amount_of_what_was_resent_is_refused_whole(resent: tuple[Folders, str, str]) -> None:
    folders, reference, first = resent
    folders.says([], [done(reference, TOTAL_RP + 1)], to=first)
    assert folders.exchange().not_taken == 1
    assert (state(folders.world), posted_rp(folders.world)) == ("sent", 0)


def test_a_file_between_the_two_that_never_had_the_debit_may_not_speak_of_it(asked: tuple[Folders, str]) -> None:
    folders, reference = asked
    world = folders.world
    folders.says([], [refused(reference, Reason.NOT_NOW, "CUTOFF")])
    folders.exchange()
    world.clock.forward(minutes=1)
    budi = world.phone(BUDI_PHONE)
    enrol(budi, BUDI_NIK, BUDI)
    authorise(budi, "1180054321", bank=CHOICE)
    folders.exchange()
    between = newest(world)
    world.clock.forward(hours=1)
    folders.exchange()
    assert state(world) == "sent"
    assert newest(world) != between
    folders.says([], [done(reference)], to=between)
    assert folders.exchange().not_taken == 1
    assert (state(world), posted_rp(world)) == ("sent", 0)


@pytest.mark.parametrize("word", ["ACTIVE", "REFUSED"])
def test_of_a_mandate_that_was_asked_again_the_first_files_yes_counts_and_its_no_does_not(
    folders: Folders, word: str
) -> None:
    world = folders.world
    consented(world)
    folders.exchange()
    first, yes = newest(world), active(world)
    folders.says([MandateResult(yes.customer_id, "REFUSED", "", Reason.NOT_NOW, "CUTOFF")], [])
    folders.exchange()
    world.clock.forward(hours=1)
    folders.exchange()
    assert newest(world) != first
    no = MandateResult(yes.customer_id, "REFUSED", "", Reason.HOLDER, "HOLDER")
    folders.says([yes if word == "ACTIVE" else no], [], to=first)
    assert folders.exchange().not_taken == 0
    assert world.one("SELECT state FROM mandates") == ("active" if word == "ACTIVE" else "submitted")
    folders.says([yes], [])
    assert folders.exchange().not_taken == 0
    assert world.rows("SELECT state, bank_reference FROM mandates") == [("active", "M1")]
    assert items(world) == []
