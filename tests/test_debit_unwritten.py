"""A debit file that a crash left unwritten: what its members took back meanwhile is not in it; one that lies stays."""

from collections.abc import Iterable
from dataclasses import replace

from autodebit.files import exchange_files
from banks.asked import CollectRequest, MandateRequest
from banks.batch_file import BatchFiles, MandateResult, read_debit_file
from insurance import mandates, tickets
from models import Worker
from models.machine import Cause
from tests.debit_folders import BANK, CHOICE, TOTAL_RP, Folders, consented, done, items, member, newest
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, SITI_PHONE, authorise, enrol
from tests.settling import state, tomorrow
from tests.test_autodebit import NOV
from tests.test_mandate_change import change_account
from tests.world import World


def takes_back(world: World, how: str = "cancel") -> None:
    """Siti, who came first."""
    with world.ports.transaction() as work:
        worker = work.db.query(Worker).order_by(Worker.id).first()
        assert worker is not None
        if how == "cancel":
            mandates.cancel(work, worker, Cause("member", "cancel"))
        elif how == "pause":
            mandates.pause(work, worker, 1)
        else:
            worker.stop_asked_at = work.now


def debits_in(folders: Folders) -> list[str]:
    """References of all debits in all files, one for each line."""
    read = [read_debit_file(folders.root / "out", name, BANK) for name in folders.names()]
    return [one.reference for file in read for one in file.debits]


def test_what_was_cancelled_before_its_file_was_written_is_never_asked_of_the_bank(folders: Folders) -> None:
    member(folders)
    world = folders.world
    files = len(folders.names())
    folders.dies("before")
    assert state(world) == "sent"
    takes_back(world)
    for _ in range(2):
        folders.exchange()
        assert (state(world), debits_in(folders)) == ("cancelled", [])
        tomorrow(world)
    assert len(folders.names()) == files, "a file without a line is none"
    assert items(world) == [("cancel_at_bank", "")]


def test_its_neighbours_in_the_file_are_asked_for_all_the_same(folders: Folders) -> None:
    world = folders.world
    budi = world.phone(BUDI_PHONE)
    enrol(budi, BUDI_NIK, BUDI)
    authorise(budi, "1180054321", bank=CHOICE)
    consented(world)
    folders.exchange()
    ids = [row[0] for row in world.rows("SELECT id FROM mandates ORDER BY id")]
    yes = [MandateResult(f"IU{one}", "ACTIVE", f"M{one}", None, "") for one in ids]
    folders.says(yes, [])
    folders.exchange()
    tomorrow(world)
    folders.dies("before")
    takes_back(world)
    folders.exchange()
    theirs = world.one("SELECT reference FROM attempts WHERE state = 'sent'")
    assert debits_in(folders) == [theirs]


def test_a_file_that_lies_there_stays_as_it_is_and_what_it_debits_is_booked(folders: Folders) -> None:
    reference = member(folders)
    world = folders.world
    folders.dies("after")
    path = folders.root / "out" / newest(world)
    written = path.read_bytes()
    takes_back(world)
    folders.exchange()
    assert (path.read_bytes(), state(world)) == (written, "sent")
    folders.says([], [done(reference)])
    folders.exchange()
    assert state(world) == "confirmed"
    assert world.one("SELECT sum(amount_rp) FROM transfers WHERE kind = 'collected'") == TOTAL_RP


def test_while_a_member_is_asked_what_to_stop_the_debit_is_left_out_and_goes_later_once(folders: Folders) -> None:
    reference = member(folders)
    world = folders.world
    folders.dies("before")
    takes_back(world, "stop")
    folders.exchange()
    assert (state(world), debits_in(folders)) == ("noticed", [])
    world.clock.forward(hours=25)
    for _ in range(2):
        folders.exchange()
    assert (state(world), debits_in(folders)) == ("sent", [reference])


def test_a_reported_death_takes_the_debit_out_of_a_file_that_was_not_written(folders: Folders) -> None:
    member(folders)
    world = folders.world
    folders.dies("before")
    with world.ports.transaction() as work:
        worker = work.db.query(Worker).one()
        tickets.report_death(work, worker, SITI_PHONE, "id")
    folders.exchange()
    assert (state(world), debits_in(folders)) == ("cancelled", [])


def test_a_pause_leaves_the_month_that_it_does_not_cover_in_its_file(folders: Folders) -> None:
    reference = member(folders)
    world = folders.world
    folders.dies("before")
    takes_back(world, "pause")
    assert "dijeda dari iuran Des 2026" in world.last_sms()
    folders.exchange()
    assert (state(world), debits_in(folders)) == ("sent", [reference])


def test_nobody_is_held_to_a_mandate_whose_last_day_passed_while_its_file_lay_unwritten(folders: Folders) -> None:
    member(folders)
    world = folders.world
    folders.dies("before")
    with world.ports.transaction() as work:
        work.db.connection().exec_driver_sql("UPDATE mandates SET expires_on = '2026-11-23'")
    folders.exchange()
    assert (state(world), debits_in(folders)) == ("noticed", [])


def test_a_mandate_that_was_cancelled_before_its_file_was_written_is_not_put_before_its_holder(
    folders: Folders,
) -> None:
    world = folders.world
    consented(world)
    folders.dies("before")
    takes_back(world)
    folders.exchange()
    assert folders.names() == []


def test_of_two_passes_at_once_one_says_what_stands_in_a_file(folders: Folders) -> None:
    """The second may not leave out what the first is about to write."""
    reference = member(folders)
    world = folders.world

    class Slow(BatchFiles):
        def hand_over(self, name: str, mandates: Iterable[MandateRequest], debits: Iterable[CollectRequest]) -> None:
            takes_back(world)
            folders.exchange()
            super().hand_over(name, mandates, debits)

    slow = Slow(BANK, folders.root / "out", folders.root / "in")
    assert exchange_files(replace(world.ports, batches={BANK: slow}), BANK).sick == {}
    assert (state(world), debits_in(folders)) == ("sent", [reference])
    assert "Satu debit sudah di bank" in world.last_sms()


def test_a_month_left_out_of_a_replaced_mandates_file_is_the_new_mandates(folders: Folders) -> None:
    """While the debit could still leave, the new mandate was not planned for its month."""
    member(folders)
    world = folders.world
    change_account(world.phone(), "1140099999")
    folders.dies("before")
    world.ask_banks()
    assert world.rows("SELECT state FROM mandates ORDER BY id") == [("replaced",), ("active",)]
    for scheduled in (0, 0):
        assert world.plan(NOV).scheduled == scheduled
        world.clock.forward(hours=3)
    folders.exchange()
    assert (state(world), debits_in(folders)) == ("cancelled", [])
    assert world.plan(NOV).scheduled == 1
    assert world.rows("SELECT bank_code, state FROM attempts WHERE n = 2") == [("114", "noticed")]
