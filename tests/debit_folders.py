"""Bank 118, which has no API, with folders of its own: the test is the bank. Shared by tests; holds none."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from autodebit.files import exchange_files
from banks.batch_file import BatchFiles, BatchResult, DebitResult, MandateResult, write_result
from handset.phone import Phone
from ports import Ports
from tests.people import authorise, enrol
from tests.settling import state, tomorrow
from tests.world import World

BANK = "118"
# Where Bank Nagari stands among the connected banks, that of the caller's own province first.
CHOICE = "4"
GOOD = "1180012345"
TOTAL_RP = 28400


@dataclass
class Folders:
    """Bank 118 with folders of its own, in which no sandbox looks: the test is the bank."""

    world: World
    root: Path

    @property
    def files(self) -> BatchFiles:
        return BatchFiles(BANK, self.root / "out", self.root / "in")

    @property
    def ports(self) -> Ports:
        return replace(self.world.ports, batches={BANK: self.files})

    def exchange(self) -> None:
        exchange_files(self.ports, BANK)

    def names(self) -> list[str]:
        return sorted(path.name for path in (self.root / "out").glob("*.csv"))

    def says(self, mandates: list[MandateResult], debits: list[DebitResult], *, bank: str = BANK, to: str = "") -> str:
        """Put a result of the newest debit file, or of `to`, before us; its name."""
        answers = to or newest(self.world)
        number = len(list((self.root / "in").rglob("*.csv")))
        result = BatchResult(f"result-{number}.csv", bank, self.world.clock.now.date(), answers, mandates, debits)
        write_result(self.root / "in", result)
        return result.name

    def refused(self) -> list[str]:
        return [path.name for path in (self.root / "in" / "refused").glob("*.csv")]


def newest(world: World) -> str:
    return str(world.rows("SELECT name FROM bank_files ORDER BY made_at DESC, name LIMIT 1")[0][0])


def consented(world: World, account: str = GOOD) -> Phone:
    phone = world.phone()
    enrol(phone)
    world.exchange()
    authorise(phone, account, bank=CHOICE)
    return phone


def items(world: World) -> list[tuple[str, str]]:
    return [tuple(row) for row in world.rows("SELECT kind, code FROM work_items ORDER BY id")]


@pytest.fixture
def folders(world: World, tmp_path: Path) -> Folders:
    return Folders(world, tmp_path)


@pytest.fixture
def asked(folders: Folders) -> tuple[Folders, str]:
    """Siti's mandate given and her November in a file that waits for its result; its reference."""
    world = folders.world
    consented(world)
    folders.exchange()
    folders.says([active(world)], [])
    folders.exchange()
    tomorrow(world)
    folders.exchange()
    assert state(world) == "sent"
    return folders, str(world.one("SELECT reference FROM attempts"))


def active(world: World) -> MandateResult:
    return MandateResult(f"IU{world.one('SELECT id FROM mandates')}", "ACTIVE", "M1", None, "")


def done(reference: str, amount_rp: int = TOTAL_RP) -> DebitResult:
    return DebitResult(reference, "DONE", "B1", amount_rp, None, "")
