"""Day files of a bank as a test writes them, debits for them to be about, and the passes that take them; no test."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from autodebit.collect import collect
from autodebit.hear import hear_notices, keep
from autodebit.settle import Taken, settle
from banks.asked import CollectRequest, StatusRequest
from banks.base import BankAnswer, BankUnknown, Became, Notice, Status
from banks.settlement import Kind, SettlementFiles, SettlementLine, write_settlement
from database import JOB_ANSWER_TIMEOUT_S, make_engine
from insurance import reconcile
from ports import Ports
from tests.stand_ins import Away
from tests.test_autodebit import member
from tests.world import World
from units.clock import JAKARTA

BANK = "114"
DAY = date(2026, 11, 23)
NEXT = DAY + timedelta(days=1)
# The first month of the lowest bracket in the discount (data/tariffs.csv): JKK 5.000, JKM 3.400, JHT 20.000.
TOTAL_RP = 28400


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
    kind: Kind, reference: str, amount_rp: int = TOTAL_RP, day: date = DAY, bank_reference: str = "B1"
) -> SettlementLine:
    return SettlementLine(kind, reference, bank_reference, amount_rp, datetime.combine(day, time(10), JAKARTA))


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Bank:
    return Bank(world, tmp_path / "settlement")


@pytest.fixture
def crowd(desk: Bank) -> Iterator[Bank]:
    """A bank whose files are long: with the patience of a job, and the rows away at one stroke afterwards."""
    url = desk.world.ports.settings.DATABASE_URL.get_secret_value()
    engine = make_engine(url, answer_timeout_s=JOB_ANSWER_TIMEOUT_S, connections_max=2)
    yield replace(desk, engine=engine)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        tables = "months, attempts, attempt_references, transfers, events, settlement_lines, settlement_files"
        connection.execute(text(f"TRUNCATE {tables}"))
    engine.dispose()


class Silent(Away):
    """A bank that gets the debit and gives no answer, and knows no status call."""

    def collect(self, debit: CollectRequest) -> BankAnswer:
        raise BankUnknown("timeout")


class Asked(Silent):
    """The same, that can be asked."""

    def __init__(self, became: Became) -> None:
        self.became = became

    def status(self, debit: StatusRequest) -> Status:
        return Status(self.became, code="4045501" if self.became is Became.NOT_FOUND else "03")


def paid(world: World) -> str:
    """Siti's November debited and confirmed; its reference."""
    member(world)
    world.collect()
    return reference(world)


def unknown(world: World, silent: Silent | None = None) -> str:
    member(world)
    collect(replace(world.ports, banks={BANK: silent or Silent()}))
    assert state(world) == "unknown"
    return reference(world)


def reference(world: World, n: int = 1) -> str:
    return str(world.one("SELECT reference FROM attempts WHERE n = :n", n=n))


def state(world: World, n: int = 1) -> str:
    return str(world.one("SELECT state FROM attempts WHERE n = :n", n=n))


def tomorrow(world: World) -> None:
    world.clock.forward(days=1)


def notice(world: World, about: str, became: Became) -> None:
    with world.ports.transaction() as work:
        keep(work, BANK, Notice(became, about, "", None, "", work.now, f"{about} {became}"))
    hear_notices(world.ports)


def many(bank: Bank, count: int) -> Iterator[SettlementLine]:
    """So many confirmed and posted debits of today, whose owners are numbers only; a line for each."""
    made = """
        CREATE TEMPORARY TABLE made ON COMMIT DROP AS
        SELECT DATE '2026-11-01' AS month, id AS worker_id, 'R' || lpad(id::text, 11, '0') AS reference
          FROM generate_series(1000001, 1000000 + :count) AS id;
    """
    with bank.ports.database.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(made.replace(":count", str(count))))
        connection.execute(
            text("INSERT INTO months SELECT month, worker_id, 'covered', 'self', '2026-11-23', reference FROM made")
        )
        connection.execute(text("INSERT INTO attempt_references SELECT reference, month, worker_id, 1 FROM made"))
        connection.execute(
            text(
                "INSERT INTO attempts (month, worker_id, n, bank_code, why, reference, jkk_rp, jkm_rp, jht_rp, fee_rp,"
                " state, due_on, needs_notice, asks, code, bank_reference, changed_at, asked_at)"
                " SELECT month, worker_id, 1, '114', 'monthly', reference, 5000, 3400, 20000, 0,"
                " 'confirmed', '2026-11-23', true, 0, '', '', :now, :now FROM made"
            ),
            {"now": bank.world.clock.now},
        )
        for kind, source, target in (("collected", "bank:114", "due:"), ("posted", "due:", "insurer:")):
            connection.execute(
                text(
                    "INSERT INTO transfers (month, at, worker_id, reference, kind, programme, debit_account,"
                    " credit_account, amount_rp) SELECT month, :now, worker_id, reference, :kind, p, :source,"
                    " :target || p, rp FROM made, (VALUES ('JKK', 5000), ('JKM', 3400), ('JHT', 20000)) AS v (p, rp)"
                ),
                {"now": bank.world.clock.now, "kind": kind, "source": source, "target": target},
            )
    for number in range(1000001, 1000001 + count):
        yield line("debit", f"R{number:011}", bank_reference=f"B{number}")
