"""A bank without an API, played by the sandbox through folders: mandates, debits and receipts; files that lie."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from autodebit.collect import tidy
from autodebit.files import LEASE, exchange_files
from autodebit.settle import settle
from banks.base import Reason
from banks.batch_file import (
    BatchFiles,
    BatchResult,
    DebitResult,
    MandateResult,
    read_debit_file,
)
from banks.settlement import SettlementFiles, write_settlement
from handset.phone import Phone
from insurance import runs
from tests.debit_folders import BANK, CHOICE, GOOD, TOTAL_RP, Folders, consented, done, items, newest
from tests.people import authorise, enrol
from tests.settling import line, state
from tests.world import World


def exchange(world: World) -> None:
    """Hand over, wait until the sandbox has answered every file, take what it says."""
    exchange_files(world.ports, BANK)
    world.sandbox.look()
    exchange_files(world.ports, BANK)


def member(world: World, account: str = GOOD) -> Phone:
    phone = consented(world, account)
    exchange(world)
    return phone


def booked(world: World) -> list[int]:
    return [one["amount_rp"] for one in world.sandbox.book(BANK)["debits"] if one["status"] == "booked"]


# As the sandbox plays it


def test_a_member_is_asked_for_and_debited_by_file_with_receipts(world: World) -> None:
    consented(world)
    exchange(world)
    assert world.one("SELECT state FROM mandates") == "active"
    assert any("Iuran Nov 2026 Rp28.400 didebit segera" in sms for sms in world.owed_to("+6281234567890"))
    assert booked(world) == []
    exchange(world)
    assert state(world) == "confirmed"
    assert booked(world) == [TOTAL_RP]
    assert "Menunggu pencatatan BPJS" in world.last_sms()
    for _ in range(2):
        exchange(world)
    assert booked(world) == [TOTAL_RP]
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'paid'") == 1
    assert world.one("SELECT sum(amount_rp) FROM transfers WHERE kind = 'collected'") == TOTAL_RP


@pytest.mark.parametrize(("account", "code"), [("1180010005", "HOLDER"), ("1180010010", "NAME")])
def test_a_mandate_that_the_bank_refuses_is_told_and_debited_never(world: World, account: str, code: str) -> None:
    member(world, account)
    assert world.one("SELECT state FROM mandates") == "rejected"
    assert world.one("SELECT code FROM events WHERE after = 'rejected'") == code
    told = "nama beda dengan rekening" if code == "NAME" else "pemilik"
    assert told in world.last_sms()
    exchange(world)
    assert booked(world) == []


@pytest.mark.parametrize(
    ("account", "after", "code"),
    [
        ("1180010009", "failed_hard", "DORMANT"),
        ("1180010014", "failed_soft", "NOFUNDS"),
        ("1180010018", "failed_hard", "CLOSED"),
        ("1180010302", "failed_soft", "LIMIT"),
    ],
)
def test_a_refused_debit_follows_the_rules_of_its_reason(world: World, account: str, after: str, code: str) -> None:
    member(world, account)
    exchange(world)
    assert world.rows("SELECT state, code FROM attempts WHERE n = 1") == [(after, code)]
    assert world.one("SELECT count(*) FROM transfers") == 0
    assert world.one("SELECT state FROM mandates") == ("rejected" if after == "failed_hard" else "active")
    again = world.rows("SELECT why, state FROM attempts WHERE n = 2")
    assert again == ([] if after == "failed_hard" else [("retry", "noticed")])
    assert booked(world) == []


# Crashes


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_between_naming_writing_and_marking_leaves_one_file(folders: Folders, when: str) -> None:
    world = folders.world
    consented(world)
    folders.dies(when)
    before = [(folders.root / "out" / name).read_bytes() for name in folders.names()]
    world.clock.forward(hours=1)
    folders.exchange()
    (name,) = folders.names()
    assert name == newest(world)
    assert before in ([], [(folders.root / "out" / name).read_bytes()])
    assert len(read_debit_file(folders.root / "out", name, BANK).mandates) == 1


def test_a_file_left_unwritten_for_a_day_is_never_written_and_so_cannot_debit_with_its_retry(folders: Folders) -> None:
    world = folders.world
    consented(world)
    folders.dies("before")
    world.clock.forward(hours=25)
    folders.exchange()
    assert folders.names() == []


def test_a_debit_written_again_after_a_crash_is_the_same_to_the_byte(asked: tuple[Folders, str]) -> None:
    folders, _ = asked
    world = folders.world
    path = folders.root / "out" / newest(world)
    written = path.read_bytes()
    with world.ports.transaction() as work:
        work.db.connection().exec_driver_sql("UPDATE bank_files SET written_at = NULL WHERE answered_at IS NULL")
    world.clock.forward(hours=5)
    folders.exchange()
    assert path.read_bytes() == written


def test_a_crash_before_the_result_is_put_aside_changes_nothing_more(asked: tuple[Folders, str]) -> None:
    folders, reference = asked
    world = folders.world
    name = folders.says([], [done(reference)])

    class Dies(BatchFiles):
        def take(self, name: str) -> None:
            raise SystemExit

    with pytest.raises(SystemExit):
        exchange_files(
            replace(world.ports, batches={BANK: Dies(BANK, folders.root / "out", folders.root / "in")}), BANK
        )
    folders.exchange()
    assert (folders.root / "in" / "taken" / name).exists()
    assert state(world) == "confirmed"
    folders.says([], [done(reference)], to=str(world.one("SELECT sent_in FROM attempts")))
    folders.exchange()
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'paid'") == 1
    assert world.one("SELECT sum(amount_rp) FROM transfers WHERE kind = 'collected'") == TOTAL_RP
    assert items(world) == []


# Results that do not fit


def cut(folders: Folders, reference: str) -> None:
    path = folders.root / "in" / folders.says([], [done(reference)])
    path.write_bytes(path.read_bytes()[:-40])


def other_bank(folders: Folders, reference: str) -> None:
    folders.says([], [done(reference)], bank="114")


def unknown_file(folders: Folders, reference: str) -> None:
    folders.says([], [done(reference)], to="debit-118-20261123-NOBODYS.csv")


def not_asked(folders: Folders, reference: str) -> None:
    folders.says([], [done(reference), done("NOBODYS00001")])


def other_amount(folders: Folders, reference: str) -> None:
    folders.says([], [done(reference, TOTAL_RP + 1)])


def mandate_not_asked(folders: Folders, reference: str) -> None:
    folders.says([MandateResult("IU999999", "ACTIVE", "M9", None, "")], [done(reference)])


def unknown_code(folders: Folders, reference: str) -> None:
    refused = DebitResult(reference, "REFUSED", "", 0, Reason.OURS, "WHATEVER")
    folders.says([], [refused])


@pytest.mark.parametrize(
    "lie", [cut, other_bank, unknown_file, not_asked, other_amount, mandate_not_asked, unknown_code]
)
def test_a_result_that_does_not_fit_is_refused_whole_and_books_nothing(
    asked: tuple[Folders, str], lie: Callable[[Folders, str], None]
) -> None:
    folders, reference = asked
    world = folders.world
    lie(folders, reference)
    folders.exchange()
    assert len(folders.refused()) == 1
    assert [kind for kind, _ in items(world)] == ["bad_file"]
    assert state(world) == "sent"
    assert world.one("SELECT count(*) FROM transfers") == 0
    folders.says([], [done(reference)])
    folders.exchange()
    assert state(world) == "confirmed", "the right file is taken after the wrong one"


def test_a_fault_of_ours_leaves_one_result_waiting_and_holds_up_no_other(
    asked: tuple[Folders, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, reference = asked
    world = folders.world
    first, _ = folders.says([], [done(reference)]), folders.says([], [done(reference)])
    reading = BatchFiles.read

    def broken(self: BatchFiles, name: str) -> BatchResult:
        if name == first:
            raise KeyError(name)
        return reading(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(BatchFiles, "read", broken)
        folders.exchange()
    assert state(world) == "confirmed"
    assert folders.files.waiting() == [first]
    assert items(world) == [("bad_file", "fault of ours")]
    folders.exchange()
    assert folders.files.waiting() == []
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'paid'") == 1


# No result, no file


def test_a_file_that_nobody_answers_leaves_unknown_what_the_days_file_settles(asked: tuple[Folders, str]) -> None:
    folders, reference = asked
    world = folders.world
    world.clock.forward(days=LEASE.days, minutes=1)
    assert tidy(folders.ports) == 1
    assert state(world) == "unknown"
    assert "Jangan bayar dua kali" in world.last_sms()
    folders.exchange()
    assert world.one("SELECT count(*) FROM bank_files") == 2, "it is not asked anew"
    settled_by_the_days_file(folders, reference)
    folders.says([], [done(reference)], to=str(world.one("SELECT sent_in FROM attempts")))
    folders.exchange()
    assert state(world) == "settled", "a result that came after all brings no news"
    assert world.one("SELECT count(*) FROM messages WHERE kind = 'paid'") == 1


def settled_by_the_days_file(folders: Folders, reference: str) -> None:
    world, day, folder = folders.world, date(2026, 11, 24), folders.root / "settlement"
    write_settlement(folder, f"day-{day}.csv", BANK, day, [line("debit", reference, day=day)])
    (taken,) = settle(replace(world.ports, settlements={BANK: SettlementFiles(BANK, folder)}))
    assert taken.found == {"settled": 1}
    assert state(world) == "settled"


def test_a_drained_lane_writes_no_file_and_takes_results_all_the_same(asked: tuple[Folders, str]) -> None:
    folders, reference = asked
    world = folders.world
    budi = world.phone("+6285700000002")
    enrol(budi, "3599011708900003", "Budi Santoso")
    authorise(budi, "1180054321", bank=CHOICE)
    with world.ports.transaction() as work:
        runs.drain(work, BANK, "somebody", drained=True)
    count = len(folders.names())
    folders.says([], [done(reference)])
    folders.exchange()
    assert len(folders.names()) == count
    assert state(world) == "confirmed"
    with world.ports.transaction() as work:
        runs.drain(work, BANK, "somebody", drained=False)
    folders.exchange()
    assert len(folders.names()) == count + 1
