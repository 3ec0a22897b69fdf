"""Bank 118, which has no API, with folders of its own: the test is the bank. Shared by tests; holds none."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from autodebit.collect import Collected
from autodebit.files import exchange_files
from banks.asked import CollectRequest, MandateRequest
from banks.base import Reason
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

    def exchange(self) -> Collected:
        """One pass in which nothing breaks."""
        done = exchange_files(self.ports, BANK)
        assert done.sick == {}
        return done

    def dies(self, when: str) -> None:
        """A pass whose process dies `before` or `after` it has written a file, and so before it has marked it."""

        class Dies(BatchFiles):
            def hand_over(self, name: str, asked: Iterable[MandateRequest], debits: Iterable[CollectRequest]) -> None:
                if when == "after":
                    super().hand_over(name, asked, debits)
                raise SystemExit

        dying = Dies(BANK, self.root / "out", self.root / "in")
        with pytest.raises(SystemExit):
            exchange_files(replace(self.world.ports, batches={BANK: dying}), BANK)

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
    reference = member(folders)
    folders.exchange()
    assert state(folders.world) == "sent"
    return folders, reference


def active(world: World) -> MandateResult:
    return MandateResult(f"IU{world.one('SELECT id FROM mandates')}", "ACTIVE", "M1", None, "")


def member(folders: Folders) -> str:
    """Siti's mandate given and her November due, in no file yet; its reference."""
    world = folders.world
    consented(world)
    folders.exchange()
    folders.says([active(world)], [])
    folders.exchange()
    tomorrow(world)
    return str(world.one("SELECT reference FROM attempts"))


def refused(reference: str, reason: Reason = Reason.NO_FUNDS, code: str = "NOFUNDS") -> DebitResult:
    return DebitResult(reference, "REFUSED", "", 0, reason, code)


def done(reference: str, amount_rp: int = TOTAL_RP) -> DebitResult:
    return DebitResult(reference, "DONE", "B1", amount_rp, None, "")
