"""The month's run in numbers: plan, notices, debits, postings, receipts, beside the same rows written by COPY.

`python -m bench.month 1000 10000 100000` starts a PostgreSQL of its own; the bank answers in memory.
"""

import argparse
import dataclasses
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.orm import Session

import migrations
from autodebit.collect import collect
from autodebit.plan import plan
from banks.asked import CollectRequest, MandateRequest
from banks.base import Answer, BadNotice, BankAnswer, BankUnreachable, LaneRules, Notice, NoticeCall, NoticeReply
from bench.processes import cpu_s
from bench.running import PROJECT, own_folder
from bench.seed import seed_members
from commands.ports import spare_collector
from config import load
from data import load_reference, load_villages
from database import make_engine
from insurance.calendar import is_working_day
from insurance.reference import Reference
from local.postgres import start_postgres
from models.partitions import ensure_partitions
from ports import Ports
from sealing import Keyring
from texts import load_texts

BANKS = ("114", "110")
MONTH = date(2026, 12, 1)
PLANNED_AT = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
COLLECTED_AT = datetime(2026, 12, 7, 3, 0, tzinfo=UTC)
# Every table that the run writes; workers, mandates and the rest are there before.
TABLES = ("months", "attempts", "attempt_references", "transfers", "messages", "message_keys", "events")
_RESULTS = PROJECT / "var" / "bench" / "month.json"


class MemoryBank:
    """Says yes at once, so that the engine and the database are what is measured."""

    rules = LaneRules(pace_per_s=1e9, parallel_max=1)

    def __init__(self, code: str) -> None:
        self.code = code

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        raise BankUnreachable("not part of the bench")

    def collect(self, debit: CollectRequest) -> BankAnswer:
        return BankAnswer(Answer.DONE, f"{self.code}{debit.reference}")

    def read_notice(self, call: NoticeCall) -> Notice:
        raise BadNotice("none", self.noticed(call))

    def noticed(self, call: NoticeCall) -> NoticeReply:
        return NoticeReply(503, {})


@dataclasses.dataclass
class Spent:
    """Seconds by the clock, and of CPU in this process and in the whole server; on a busy machine CPU is steady."""

    clock_s: float = 0.0
    cpu_s: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.clock_s + other.clock_s, self.cpu_s + other.cpu_s)


class Meter:
    def __init__(self, server_pid: int) -> None:
        self._server_pid = server_pid

    @contextmanager
    def into(self, spent: Spent) -> Iterator[None]:
        clock, cpu = time.perf_counter(), self._cpu_s()
        yield
        spent.clock_s += time.perf_counter() - clock
        spent.cpu_s += self._cpu_s() - cpu

    def _cpu_s(self) -> float:
        return time.process_time() + cpu_s(self._server_pid)


@dataclasses.dataclass(frozen=True)
class Measured:
    mandates: int
    plan: Spent
    collect: Spent
    copy: Spent
    """psycopg's COPY as it is used most: text."""
    copy_binary: Spent
    rows: int
    peak_mb: float

    @property
    def run(self) -> Spent:
        return self.plan + self.collect

    @property
    def of_copy(self) -> float:
        """How fast the run is beside COPY, by the clock."""
        return self.copy.clock_s / self.run.clock_s

    @property
    def of_copy_cpu(self) -> float:
        return self.copy.cpu_s / self.run.cpu_s

    @property
    def of_binary_cpu(self) -> float:
        """Beside the fastest COPY there is, which is the one that the run itself uses."""
        return self.copy_binary.cpu_s / self.run.cpu_s


def make_ports(url: str) -> Ports:
    settings = load(
        {
            "IURAN_MODE": "sandbox",
            "DATABASE_URL": url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "SANDBOX_URL": "http://127.0.0.1:1",
            "BANKS_FILE": "none",
            "INSURER_OUT_DIR": "none",
            "INSURER_IN_DIR": "none",
        }
    )
    nothing: Any = None
    return Ports(
        settings=settings,
        database=make_engine(url, answer_timeout_s=600, connections_max=6),
        redis=nothing,
        keys=Keyring(settings.key("DATA_KEY"), settings.key("INDEX_KEY"), settings.key("PIN_PEPPER")),
        texts=load_texts(sandbox=True),
        clock=lambda: PLANNED_AT,
        banks={code: MemoryBank(code) for code in BANKS},
        sms=nothing,
        insurer=nothing,
        reference=Reference(),
    )


@contextmanager
def _database(server_url: str, name: str, template: str = "template1") -> Iterator[str]:
    base = server_url.rsplit("/", 1)[0]
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield f"{base}/{name}"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _seed(url: str, count: int) -> None:
    ports = make_ports(url)
    migrations.upgrade(ports.database)
    with Session(ports.database) as db, db.begin():
        ensure_partitions(db.connection(), PLANNED_AT.date())
        load_reference(db, connected=None)
    with ports.transaction() as work:
        load_villages(work, PROJECT / "data" / "villages.csv")
    with psycopg.connect(url) as connection:
        seed_members(connection, ports.keys, count, BANKS)
    ports.database.dispose()


def _run(url: str, count: int, meter: Meter) -> tuple[Spent, Spent]:
    ports, plan_spent, collect_spent = make_ports(url), Spent(), Spent()
    # As in a worker that has been running for a while: a library that is loaded once is not the month's cost.
    is_working_day(ports.work(Session(ports.database)), MONTH)
    spare_collector()
    with meter.into(plan_spent):
        planned = plan(ports, MONTH)
    assert planned.scheduled == count, planned
    with psycopg.connect(url) as connection:
        # A gateway took every notice the next morning: its part is not what is measured here.
        connection.execute("UPDATE messages SET accepted_at = %s", (datetime(2026, 11, 27, 3, 0, tzinfo=UTC),))
        connection.commit()
        connection.execute("ANALYZE attempts, messages, message_keys, months")
        connection.commit()
    ports = dataclasses.replace(ports, clock=lambda: COLLECTED_AT)
    with meter.into(collect_spent):
        collected = collect(ports, MONTH)
    assert collected.by_state == {"confirmed": count}, collected
    ports.database.dispose()
    return plan_spent, collect_spent


def _copy_same(written: str, empty: str, meter: Meter, *, binary: bool) -> tuple[int, Spent]:
    """Write the rows of one database into the other, table by table; how many, and what the writing took."""
    form = "(FORMAT BINARY)" if binary else ""
    rows, spent = 0, Spent()
    with psycopg.connect(written) as source, psycopg.connect(empty) as target:
        for table in TABLES:
            cursor = source.execute(f"SELECT * FROM {table}")
            described = cursor.description or ()
            listed, kinds = ", ".join(f'"{column.name}"' for column in described), [one.type_code for one in described]
            while batch := cursor.fetchmany(20_000):
                with meter.into(spent):
                    with target.cursor() as into, into.copy(f"COPY {table} ({listed}) FROM STDIN {form}") as copy:
                        if binary:
                            copy.set_types(kinds)
                        for row in batch:
                            copy.write_row(row)
                    target.commit()
                rows += len(batch)
    return rows, spent


def measure(server_url: str, count: int, meter: Meter) -> Measured:
    """One size: a seeded database, the run in it, and a second one that gets the same rows by COPY."""
    with _database(server_url, "month_seed") as seeded:
        # In a process of its own: what is told of memory is the run's alone.
        seeding = get_context("spawn").Process(target=_seed, args=(seeded, count))
        seeding.start()
        seeding.join()
        assert seeding.exitcode == 0
        with (
            _database(server_url, "month_run", "month_seed") as run_url,
            _database(server_url, "month_copy", "month_seed") as copy_url,
            _database(server_url, "month_binary", "month_seed") as binary_url,
        ):
            planned, collected = _run(run_url, count, meter)
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            rows, copied = _copy_same(run_url, copy_url, meter, binary=False)
            _, copied_binary = _copy_same(run_url, binary_url, meter, binary=True)
    return Measured(count, planned, collected, copied, copied_binary, rows, peak_mb)


def show(results: list[Measured]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="The month's run, bank answered in memory; us are of CPU, ours and the server's, a mandate")
    named = "mandates|mandates/s|plan us|collect us|rows|COPY/s|COPY us|binary us|of COPY|CPU|binary|peak MB"
    for column in named.split("|"):
        table.add_column(column, justify="right")
    for one in results:
        us = 1e6 / one.mandates
        table.add_row(
            f"{one.mandates:,}",
            f"{one.mandates / one.run.clock_s:,.0f}",
            f"{one.plan.cpu_s * us:,.0f}",
            f"{one.collect.cpu_s * us:,.0f}",
            f"{one.rows:,}",
            f"{one.mandates / one.copy.clock_s:,.0f}",
            f"{one.copy.cpu_s * us:,.0f}",
            f"{one.copy_binary.cpu_s * us:,.0f}",
            f"{one.of_copy:.2f}",
            f"{one.of_copy_cpu:.2f}",
            f"{one.of_binary_cpu:.2f}",
            f"{one.peak_mb:.0f}",
        )
    Console(width=120).print(table)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.month", description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--out", type=Path, default=_RESULTS)
    given = parser.parse_args()
    results = []
    with own_folder() as folder:
        server = start_postgres(folder / "pg")
        try:
            for count in given.sizes:
                print(f"{count:,} mandates", file=sys.stderr, flush=True)
                results.append(measure(server.url, count, Meter(server.child.pid)))
        finally:
            server.stop()
    show(results)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps([dataclasses.asdict(one) for one in results], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
