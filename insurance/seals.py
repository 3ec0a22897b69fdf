"""Seals events and transfers in segments, each chained to the one before by SHA-256; it changes no row that it seals.

Ids come from one sequence over all months, and a transaction may commit its id after a later one was committed. A
segment may therefore end only where nobody can still bring an earlier id: see `_horizon`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from insurance.work import Work
from models import Event, Seal, Transfer

log = structlog.get_logger()

SEGMENT_ROWS_MAX = 100_000
# Segments that one transaction makes; who has more to seal commits and asks again.
SEGMENTS_MAX = 20
# How long a run waits for those who were writing when it came; they are many, short and never blocked by it.
PATIENCE_S = 30.0
_POLL_S = 0.1
# What stands before the first seal.
NO_HASH = "0" * 64
# Any fixed number will do: it names the lock that the one sealing transaction holds.
_LOCK = 7_304_120

# The canonical text of a row, column by column. Every column is in it (a test compares), in a form that no setting of
# the database or the client changes. COPY's text format puts tabs between them, a newline after each row, and escapes
# both inside a value. A column that comes later needs a new form, named in the header: old seals keep the old one.
_FORM = "iuran-seal-1"
_MONTH = "to_char(month, 'YYYY-MM-DD')"
_AT = "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
SEALED: dict[str, tuple[type[Event] | type[Transfer], str]] = {
    "events": (Event, f"{_MONTH}, id, {_AT}, subject, subject_id, actor, why, code, before, after"),
    "transfers": (
        Transfer,
        f"{_MONTH}, id, {_AT}, worker_id, reference, kind, programme, debit_account, credit_account, amount_rp",
    ),
}


@dataclass(frozen=True)
class Measured:
    """What a range of a table holds; `sum_rp` of transfers, in rupiah, else 0; the hash in hex."""

    row_count: int
    sum_rp: int
    rows_hash: str


def rows_sql(table: str, after_id: int, to_id: int) -> str:
    """The query whose COPY output, byte by byte, is what a seal's `rows_hash` hashes."""
    # Names come from the literal above and the bounds are integers: nothing typed by anyone gets here.
    return (
        f"SELECT {SEALED[table][1]} FROM {table} "  # noqa: S608
        f"WHERE id > {int(after_id)} AND id <= {int(to_id)} ORDER BY id, month"
    )


def measure(db: Session, table: str, after_id: int, to_id: int) -> Measured:
    """Count, sum and hash of a range, streamed: one row at a time is in memory, however many there are."""
    driver = db.connection().connection.driver_connection
    assert driver is not None
    digest, row_count = sha256(), 0
    copy_out = f"COPY ({rows_sql(table, after_id, to_id)}) TO STDOUT (FORMAT text, ENCODING 'UTF8')"
    with driver.cursor() as cursor, cursor.copy(copy_out) as rows:
        for row in rows:
            digest.update(row)
            row_count += 1
    in_range = (Transfer.id > after_id, Transfer.id <= to_id)
    total = select(func.coalesce(func.sum(Transfer.amount_rp), 0)).where(*in_range)
    return Measured(row_count, int(db.scalar(total) or 0) if table == "transfers" else 0, digest.hexdigest())


def chained(seal: Seal, before: str) -> str:
    """The chain hash that `seal` must have after a seal whose chain hash is `before`."""
    header = (
        _FORM,
        seal.number,
        seal.sealed_table,
        seal.after_id,
        seal.to_id,
        seal.row_count,
        seal.sum_rp,
        seal.rows_hash,
        f"{seal.sealed_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        before,
    )
    return sha256("|".join(map(str, header)).encode()).hexdigest()


def last_seal(db: Session) -> Seal | None:
    return db.scalars(select(Seal).order_by(Seal.number.desc()).limit(1)).first()


def sealed_to(db: Session, table: str) -> int:
    """The last id of `table` that a seal covers; 0 where there is none."""
    return db.scalar(select(func.max(Seal.to_id)).where(Seal.sealed_table == table)) or 0


def seal(work: Work, *, patience_s: float = PATIENCE_S) -> int:
    """Seal all that can gain no row any more; how many segments, at most SEGMENTS_MAX: then commit and ask again.

    The first use of its transaction. 0 as well where another one is sealing, or somebody's writing did not end within
    `patience_s`: nothing is lost by it, the next run takes it up.
    """
    # Each statement has to see what was committed before it, which a kept snapshot would not.
    work.db.execute(text("SET TRANSACTION ISOLATION LEVEL READ COMMITTED"))
    if not work.db.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
        return 0
    made, before = 0, last_seal(work.db)
    for table in SEALED:
        horizon = _horizon(work.db, table, patience_s)
        after_id = sealed_to(work.db, table)
        for to_id, found in _segments(work.db, table, after_id, horizon):
            number, hash_before = (before.number + 1, before.chain_hash) if before else (1, NO_HASH)
            before = _add(work.db, number, hash_before, table, (after_id, to_id), found, work.now)
            after_id, made = to_id, made + 1
            if made == SEGMENTS_MAX:
                return made
    return made


def _add(
    db: Session, number: int, before: str, table: str, ids: tuple[int, int], found: Measured, at: datetime
) -> Seal:
    made = Seal(
        number=number,
        sealed_table=table,
        after_id=ids[0],
        to_id=ids[1],
        row_count=found.row_count,
        sum_rp=found.sum_rp,
        rows_hash=found.rows_hash,
        chain_hash="",
        sealed_at=at,
    )
    made.chain_hash = chained(made, before)
    db.add(made)
    db.flush()
    return made


def _segments(db: Session, table: str, after_id: int, horizon: int) -> Iterator[tuple[int, Measured]]:
    """Where each segment ends and what is in it; no range of ids of this size can hold more rows than that."""
    model = SEALED[table][0]
    while after_id < horizon:
        to_id = min(after_id + SEGMENT_ROWS_MAX, horizon)
        found = measure(db, table, after_id, to_id)
        if not found.row_count:
            # Ids of transactions that were rolled back; an empty range is sealed together with what follows it.
            following = db.scalar(select(func.min(model.id)).where(model.id > to_id, model.id <= horizon))
            if following is None:
                return
            to_id = min(following - 1 + SEGMENT_ROWS_MAX, horizon)
            found = measure(db, table, after_id, to_id)
        yield to_id, found
        after_id = to_id


# Whoever inserts takes this lock before the first id is drawn, and holds it to the end of the transaction.
_WRITERS = text("""
    SELECT virtualtransaction FROM pg_locks
     WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND relation IN (SELECT relid FROM pg_partition_tree(CAST(:table AS regclass)))
       AND pid IS DISTINCT FROM pg_backend_pid()
""")
_PREPARED = "-1/"
"""How pg_locks names a transaction of two phases, whose writer is gone and whose rows may yet come."""
_LAST_ID = text("SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(:table, 'id') AS regclass))")


def _horizon(db: Session, table: str, patience_s: float) -> int:
    """An id up to which no row can come any more; 0 where that cannot be said now.

    First the last id that was drawn, then those who are writing at that moment: once each of *these* has ended, no id
    up to that one is in flight, whoever else has begun meanwhile. Nobody is made to wait. `xmin` would not do: an id
    is drawn a moment before its transaction gets a number, and numbers wrap around and change with a restore.
    """
    horizon = db.scalar(_LAST_ID, {"table": table}) or 0
    writing, waited_s = set(db.scalars(_WRITERS, {"table": table})), 0.0
    while writing and waited_s < patience_s:
        db.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": _POLL_S})
        waited_s += _POLL_S
        now = set(db.scalars(_WRITERS, {"table": table}))
        writing = {writer for writer in now if writer in writing or writer.startswith(_PREPARED)}
    if writing:
        log.warning("not_sealed_while_written_to", table=table, writers=len(writing))
        return 0
    return horizon
