"""Proves the seals, the books and the cover in the database and names what differs; it changes and mends nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from insurance.differences import BOOKS, COVER, REVERSED, ROUTES, TAKEN
from insurance.seals import NO_HASH, SEALED, Measured, chained, measure, sealed_to
from insurance.work import Work
from models import Seal

# Of each kind of difference so many are named; the rest is found once these are mended.
NAMED_MAX = 20
# Sealing runs hourly: what is unsealed for longer than this has not been waiting for another's writing.
UNSEALED_MAX = timedelta(days=1)
_SEALS_AT_ONCE = 500


@dataclass(frozen=True)
class Difference:
    """`what` is one of a few sentences; `which` a reference, a worker's id and month, or a seal with its range."""

    what: str
    which: str


@dataclass(frozen=True)
class Balance:
    """All that ever went into and out of an account, in rupiah; all accounts together are zero by construction."""

    account: str
    into_rp: int
    out_of_rp: int


@dataclass(frozen=True)
class Proof:
    """`head` is the last seal's number and chain hash, to be kept where nobody here can write."""

    seals: int
    head: str
    sealed_rows: int
    unsealed_rows: int
    balances: list[Balance]
    differences: list[Difference]


def prove(work: Work, known: tuple[int, str] | None = None) -> Proof:
    """Seals, then books, then cover; at most NAMED_MAX differences of each kind, empty where all holds.

    `known` is the number and chain hash of a seal as somebody outside wrote it down: it shows a chain made anew.
    """
    db = work.db
    differences, count = list[Difference](), dict[str, int]()
    for difference in (*_chain(work, known), *_outside(work), *_rows(db)):
        count[difference.what] = count.get(difference.what, 0) + 1
        if count[difference.what] <= NAMED_MAX:
            differences.append(difference)
    last = db.scalars(select(Seal).order_by(Seal.number.desc()).limit(1)).first()
    sealed = db.execute(select(func.count(), func.coalesce(func.sum(Seal.row_count), 0)).select_from(Seal)).one()
    unsealed = sum(
        db.scalar(select(func.count()).where(model.id > sealed_to(db, table))) or 0
        for table, (model, _) in SEALED.items()
    )
    head = f"{last.number}:{last.chain_hash}" if last else ""
    return Proof(int(sealed[0]), head, int(sealed[1]), unsealed, _balances(db), differences)


def _seals(db: Session) -> Iterator[Seal]:
    number: int | None = None
    while True:
        query = select(Seal).order_by(Seal.number).limit(_SEALS_AT_ONCE)
        seals = db.scalars(query if number is None else query.where(Seal.number > number)).all()
        if not seals:
            return
        yield from seals
        number = seals[-1].number


def _chain(work: Work, known: tuple[int, str] | None) -> Iterator[Difference]:
    """Every seal against the one before it and against the rows it closed."""
    before, number, met = NO_HASH, 0, known is None
    reached = dict.fromkeys(SEALED, 0)
    for seal in _seals(work.db):
        which = f"seal {seal.number}: {seal.sealed_table} {seal.after_id + 1}-{seal.to_id}"
        if seal.sealed_table not in SEALED or chained(seal, before) != seal.chain_hash:
            yield Difference("a seal that was changed, or whose forerunner is another", which)
        if seal.number != number + 1 or seal.after_id != reached.get(seal.sealed_table, 0):
            yield Difference("a seal is missing before this one", which)
        if seal.sealed_table in SEALED:
            what = _compare(seal, measure(work.db, seal.sealed_table, seal.after_id, seal.to_id))
            if what:
                yield Difference(what, which)
        if known is not None and known[0] == seal.number:
            met = known[1] == seal.chain_hash
        before, number = seal.chain_hash, seal.number
        reached[seal.sealed_table] = seal.to_id
    if known is not None and not met:
        yield Difference("the seal known outside is not in the chain", f"seal {known[0]}")


def _compare(seal: Seal, found: Measured) -> str:
    if found.row_count < seal.row_count:
        return "a sealed row was deleted"
    if found.row_count > seal.row_count:
        return "a row was put into a sealed range"
    if found.rows_hash != seal.rows_hash:
        return "a sealed row was changed"
    return "" if found.sum_rp == seal.sum_rp else "a seal whose sum is not its rows'"


def _outside(work: Work) -> Iterator[Difference]:
    """Rows before the first range, where no seal can reach, and rows that sealing should have reached long ago."""
    for table, (model, _) in SEALED.items():
        below = select(model.id).where(model.id < 1).limit(NAMED_MAX)
        for row_id in work.db.scalars(below):
            yield Difference("a row with an id below 1, which no seal can cover", f"{table} {row_id}")
        since = work.now - UNSEALED_MAX
        late = select(func.min(model.id)).where(model.id > sealed_to(work.db, table), model.at < since)
        first = work.db.scalar(late)
        if first is not None:
            yield Difference("not sealed for more than a day", f"{table} from {first} on")


# A partition's bounds, as the database spells them.
_MONTHS = text("""
    SELECT DISTINCT substring(bound FROM 'FROM \\(''([0-9-]+)''\\)')::date AS first,
                    substring(bound FROM 'TO \\(''([0-9-]+)''\\)')::date AS past
      FROM (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound
              FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent IN ('months'::regclass, 'attempts'::regclass, 'transfers'::regclass)) bounds
     WHERE bound LIKE 'FOR VALUES FROM (''%' ORDER BY first
""")


def _rows(db: Session) -> Iterator[Difference]:
    """Month by month, so that each statement is bounded by one month; the database returns what differs and no more."""
    months: list[tuple[date, date]] = [(first, past) for first, past in db.execute(_MONTHS)]
    # A month fills faster than the database looks at what its tables hold: a plan made for what they held before would
    # go through one of them for each row of the other. All of a month is compared with all of it, so: hash or merge.
    db.execute(text("SET LOCAL enable_nestloop = off"))
    facts = {"taken": list(TAKEN), "reversed": REVERSED, "routes": [" ".join(route) for route in ROUTES]}
    for what, query in {**BOOKS, **COVER}.items():
        left = NAMED_MAX
        for first, past in months:
            bounds = {"first": first, "past": past, "left": left}
            found = db.scalars(text(f"{query} LIMIT :left"), {**facts, **bounds}).all()
            yield from (Difference(what, which) for which in found)
            left -= len(found)
            if not left:
                break


_BALANCES = text("""
    SELECT account, sum(into_rp), sum(out_of_rp)
      FROM (SELECT debit_account, credit_account, sum(amount_rp) AS rp FROM transfers GROUP BY 1, 2) moved
     CROSS JOIN LATERAL (VALUES (credit_account, rp, 0), (debit_account, 0, rp)) AS side (account, into_rp, out_of_rp)
     GROUP BY account ORDER BY account
""")


def _balances(db: Session) -> list[Balance]:
    return [Balance(account, int(into), int(out)) for account, into, out in db.execute(_BALANCES)]
