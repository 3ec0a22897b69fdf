"""Day files of a bank as a test writes them, and the passes that take them; holds no test."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path

from sqlalchemy import Engine

from autodebit.settle import Taken, settle
from banks.settlement import Kind, SettlementFiles, SettlementLine, write_settlement
from insurance import reconcile
from ports import Ports
from tests.world import World
from units.clock import JAKARTA

BANK = "114"
DAY = date(2026, 11, 23)


@dataclass
class Bank:
    """Bank 114 with a folder of its own, in which a test puts what it likes."""

    world: World
    folder: Path
    engine: Engine | None = None
    """Where a test needs another one than the web's, which is impatient."""

    @property
    def ports(self) -> Ports:
        known = self.world.ports
        files = {BANK: SettlementFiles(BANK, self.folder)}
        return replace(known, settlements=files, database=self.engine or known.database)

    def gives(self, lines: Iterable[SettlementLine], day: date = DAY, name: str = "") -> str:
        name = name or f"day-{day}.csv"
        write_settlement(self.folder, name, BANK, day, lines)
        return name

    def settle(self) -> list[Taken]:
        return settle(self.ports)

    def refused(self) -> str:
        """Why the one file of a pass was refused."""
        (taken,) = self.settle()
        return taken.refused

    def number(self, day: date = DAY) -> dict[str, reconcile.Number]:
        """The day's number by programme, of those that are not all nothing."""
        with self.world.ports.transaction() as work:
            found = reconcile.numbers(work, day)
        return {one.programme: one for one in found if one.bank_rp or one.ledger_rp or one.difference_rp}

    def items(self, *states: str) -> list[tuple[str, str]]:
        wanted = list(states or ("open",))
        sql = "SELECT kind, code FROM work_items WHERE state = ANY(:states) ORDER BY id"
        return [(kind, code) for kind, code in self.world.rows(sql, states=wanted)]


def line(
    kind: Kind, reference: str, amount_rp: int = 28400, day: date = DAY, bank_reference: str = "B1"
) -> SettlementLine:
    return SettlementLine(kind, reference, bank_reference, amount_rp, datetime.combine(day, time(10), JAKARTA))
