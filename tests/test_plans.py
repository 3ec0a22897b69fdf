"""No statement of the product goes through a table that grows with the members: each has its index, PostgreSQL says.

It explains every statement of a whole way, those inside triggers too, while it may not read a table from end to end
wherever it has another way: a sequential scan that is left has no index that would help.
"""

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from app import create_app
from console.process import make_console
from database import make_engine
from jobs import (
    carry_out_erasures,
    count_standings,
    end_invitations,
    keep_no_longer,
    open_pin_resets,
    plan_months,
    seal_ledger,
    see_sponsors,
    send_weekly_counts,
    tell_cover_steps,
)
from models import Base, Role
from tests.console_desk import Console
from tests.helping import invite, make_helper
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, PIN, SITI, SITI_NIK, SITI_PHONE
from tests.test_erasures import ask, tell_everyone
from tests.test_whole_way import walk
from tests.world import World

SMALL = {
    *("banks", "brackets", "tariffs", "holidays", "operators", "sms_routes"),
    *("runs", "run_chunks", "lanes", "seals", "reconciled_days", "taken_files", "bank_files", "insurer_files"),
    *("alembic_version", "funnel_days"),
    # A queue that each minute empties, and wrong codes of ninety days, gone through once a night.
    *("standing_marks", "code_tries"),
}
"""Rows of these come by the month, the bank or the day, not by the member."""
_PLAN = re.compile(r"plan:\n(\{.*\})", re.DOTALL)
_LISTEN = (
    "LOAD 'auto_explain'",
    "SET auto_explain.log_min_duration = 0",
    "SET auto_explain.log_nested_statements = on",
    "SET auto_explain.log_format = json",
    "SET auto_explain.log_level = notice",
    "SET client_min_messages = notice",
    "SET enable_seqscan = off",
    # A table of three rows is joined by any of them; of millions only what is looked up by key costs the same.
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
)


@dataclasses.dataclass
class Explained:
    """`read` is table to the statements that read it from end to end; `seen` counts all statements."""

    read: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    seen: int = 0

    def take(self, said: str) -> None:
        found = _PLAN.search(said)
        if found is not None:
            whole = json.loads(found[1])
            self.seen += 1
            self._look(whole["Plan"], " ".join(whole["Query Text"].split())[:1500])

    def _look(self, node: dict[str, Any], statement: str) -> None:
        if node["Node Type"] == "Seq Scan":
            table = re.sub(r"_\d{4}_\d{2}$", "", node["Relation Name"])
            self.read.setdefault(table, set()).add(statement)
        for under in node.get("Plans", ()):
            self._look(under, statement)

    def large(self) -> dict[str, set[str]]:
        ours = {table: said for table, said in self.read.items() if table in Base.metadata.tables}
        return {table: said for table, said in ours.items() if table not in SMALL}


@pytest.fixture
def explained() -> Explained:
    return Explained()


@pytest.fixture
def explaining(world: World, explained: Explained) -> Iterator[Engine]:
    url = world.ports.settings.DATABASE_URL.get_secret_value()
    engine = make_engine(url, answer_timeout_s=30, connections_max=4)

    @event.listens_for(engine, "connect")
    def _listen(connection: Any, _record: Any) -> None:
        connection.add_notice_handler(lambda said: explained.take(said.message_primary or ""))
        for order in _LISTEN:
            connection.execute(order)
        connection.commit()

    yield engine
    engine.dispose()


@pytest.fixture
def told(world: World, explaining: Engine) -> World:
    """The product on that engine; the world's own looks are not the product's."""
    ports = dataclasses.replace(world.ports, database=explaining)
    names = [field.name for field in dataclasses.fields(ports) if field.name != "settings"]
    app = create_app(ports.settings, **{name: getattr(ports, name) for name in names})
    return dataclasses.replace(world, ports=ports, app=app)


def named(explained: Explained) -> str:
    return "\n".join(f"{table}: {one}" for table, said in sorted(explained.large().items()) for one in sorted(said))


def test_calls_texts_and_debits_read_no_large_table_from_end_to_end(told: World, explained: Explained) -> None:
    walk(told, told.phone())
    for words in ("SALDO", "BAYAR", "STOP", "2", "LAPOR 1", "BUKAN", "SIAPA", "ASLI 8F3K2M7Q1R4T", "NAMA YA"):
        told.phone().text(words)
    for words in ("CEK", "CEK RT 003/005", "MENUNGGAK", "DAFTAR", "MINGGUAN YA", "GANTI 081277770000"):
        told.phone("+6281200000001").text(words)
    invite(make_helper(told), BUDI_NIK, BUDI, BUDI_PHONE)
    phone = told.phone()
    phone.dial()
    phone.press("4", PIN)
    told.send_sms()
    assert explained.seen > 300
    assert named(explained) == ""


def test_no_round_of_the_background_reads_one_either(world: World, told: World, explained: Explained) -> None:
    walk(told, told.phone())
    explained.read.clear()
    ports = told.ports
    for task in (
        *(carry_out_erasures, count_standings, end_invitations, keep_no_longer, open_pin_resets, plan_months),
        *(seal_ledger, see_sponsors, send_weekly_counts, tell_cover_steps),
    ):
        task(ports)
    told.collect()
    told.ask_banks()
    told.exchange()
    told.send_sms()
    ask(world)
    tell_everyone(world)
    world.clock.forward(hours=72)
    for _ in range(2):
        carry_out_erasures(told.ports)
        tell_everyone(world)
        world.clock.forward(hours=1)
    assert world.rows("SELECT state FROM erasures") == [("done",)]
    assert explained.seen > 300
    assert named(explained) == ""


def test_no_page_of_the_console_reads_one_either(told: World, explained: Explained, console: Console) -> None:
    walk(told, told.phone())
    ports = console.ports
    names = [field.name for field in dataclasses.fields(ports) if field.name != "settings"]
    swapped = {name: getattr(ports, name) for name in names} | {"database": told.ports.database}
    desk = Console(make_console(ports.settings, **swapped), told).desk(Role.ADMIN)
    explained.read.clear()
    explained.seen = 0
    reference = told.one("SELECT reference FROM memberships")
    for typed in (SITI, SITI_NIK, SITI_PHONE, reference):
        desk.post("/people/", typed=typed)
    for page in ("/", f"/people/{reference}", f"/people/{reference}/trail", "/tickets/", "/matters/", "/villages/"):
        assert desk.get(page).status_code in (200, 404), page
    assert explained.seen > 50
    assert named(explained) == ""


def test_a_read_from_end_to_end_would_be_seen(told: World, explained: Explained) -> None:
    with told.ports.transaction() as work:
        work.db.connection().exec_driver_sql("SELECT count(*) FROM consents WHERE channel = 'x'")
    assert "consents" in explained.large()
