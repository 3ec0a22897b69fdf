"""Attempts read and moved in numbers: one statement for many, one event for each; it decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from operator import attrgetter
from typing import Any

from sqlalchemy import select

from insurance.work import Work
from models import Attempt, AttemptReference, AttemptState, CoverMonth, Mandate, MonthState
from models.bulk import add_unknown, copy_rows, read_by_key, read_rows, update_rows
from models.event import Happening, record_all
from models.machine import Cause, check
from models.month import ASKED_FOR, ATTEMPT_MOVES, MONTH_MOVES
from units.month import Month

Key = tuple[date, int, int]
"""Month, worker and number: an attempt's own key."""
WorkerMonth = tuple[date, int]
_KEY = ("month", "worker_id", "n")


@dataclass(slots=True)
class Try:
    """An attempt as a plain value: a run handles thousands at a time."""

    month: Month
    worker_id: int
    n: int
    mandate_id: int | None
    bank_code: str
    why: str
    reference: str
    jkk_rp: int
    jkm_rp: int
    jht_rp: int
    fee_rp: int
    state: str
    due_on: date
    needs_notice: bool
    asked_at: datetime | None
    asks: int
    code: str
    bank_reference: str

    @property
    def key(self) -> Key:
        return (self.month, self.worker_id, self.n)

    @property
    def subject(self) -> tuple[str, str]:
        return ("attempt", self.reference)

    @property
    def by_programme(self) -> dict[str, int]:
        amounts = {"JKK": self.jkk_rp, "JKM": self.jkm_rp, "JHT": self.jht_rp}
        return {programme: rp for programme, rp in amounts.items() if rp}

    @property
    def total_rp(self) -> int:
        """All that leaves the account, the bank's fee included."""
        return self.jkk_rp + self.jkm_rp + self.jht_rp + self.fee_rp


_values = attrgetter(*Try.__dataclass_fields__)
COLUMNS = tuple(getattr(Attempt, name) for name in Try.__dataclass_fields__)


def as_try(row: Sequence[object]) -> Try:
    """The first columns of `row` are COLUMNS."""
    return Try(*row[: len(COLUMNS)])  # type: ignore[arg-type]


_KINDS = {"month": "date", "worker_id": "bigint", "n": "smallint"}
_LISTED = ", ".join(f"a.{column.key}" for column in COLUMNS)
# Names of columns and tables are ours: nothing typed by anyone gets here.
_ATTEMPTS = f"SELECT {_LISTED} FROM attempts a"  # noqa: S608


@cache
def _by_key(names: tuple[str, ...], *, alike: bool) -> str:
    """The condition that picks rows of `a` by their keys."""
    if alike:
        fixed = " AND ".join(f"a.{name} = CAST(%({name})s AS {_KINDS[name]})" for name in names if name != "worker_id")
        return f"WHERE {fixed} AND a.worker_id = ANY(CAST(%(worker_id)s AS bigint[]))"
    arrays = ", ".join(f"CAST(%({name})s AS {_KINDS[name]}[])" for name in names)
    listed = ", ".join(names)
    return f"JOIN unnest({arrays}) AS given({listed}) USING ({listed})"


def _read(work: Work, select_from: str, keys: Sequence[tuple[object, ...]], end: str) -> list[tuple[Any, ...]]:
    """`keys` are of a month and a worker, or of an attempt; those of one month and number open one partition only."""
    if not keys:
        return []
    read_by_key(work.db)
    names = _KEY[: len(keys[0])]
    values: dict[str, object] = {name: [key[place] for key in keys] for place, name in enumerate(names)}
    first = dict(zip(names, keys[0], strict=True))
    alike = all(key[0] == keys[0][0] and key[2:] == keys[0][2:] for key in keys)
    if alike:
        values = {**first, "worker_id": values["worker_id"]}
    return read_rows(work.db, (f"{select_from} {_by_key(names, alike=alike)} {end}", values))


def locked(work: Work, keys: Sequence[Key]) -> dict[Key, Try]:
    """The attempts as they stand now, held to the end of the transaction, in one order."""
    rows = _read(work, _ATTEMPTS, keys, "ORDER BY a.month, a.worker_id, a.n FOR UPDATE OF a")
    return {one.key: one for one in map(as_try, rows)}


def of_months(work: Work, keys: Sequence[WorkerMonth]) -> dict[WorkerMonth, list[Try]]:
    """All attempts of each worker's month, the first first."""
    found: dict[WorkerMonth, list[Try]] = {}
    for one in map(as_try, _read(work, _ATTEMPTS, keys, "ORDER BY a.n")):
        found.setdefault((one.month, one.worker_id), []).append(one)
    return found


def key_of(work: Work, reference: str) -> Key | None:
    """By our reference; None if it is none of ours."""
    row = work.db.get(AttemptReference, reference)
    return (row.month, row.worker_id, row.n) if row else None


def key_by_bank(work: Work, bank_code: str, bank_reference: str) -> Key | None:
    """By the bank's own reference of the payment; None where it names none, or more than one."""
    query = (
        select(Attempt.month, Attempt.worker_id, Attempt.n)
        .where(Attempt.bank_reference == bank_reference, Attempt.bank_reference != "", Attempt.bank_code == bank_code)
        .limit(2)
    )
    rows = work.db.execute(query).all()
    return (rows[0][0], rows[0][1], rows[0][2]) if len(rows) == 1 else None


def bank_of(work: Work, key: Key) -> str:
    return work.db.get_one(Attempt, key).bank_code


def insert_all(work: Work, tries: Sequence[Try]) -> None:
    """New attempts with their references and their first events."""
    names = (*Try.__dataclass_fields__, "changed_at")
    copy_rows(work.db, Attempt, names, [(*_values(one), work.now) for one in tries])
    copy_rows(work.db, AttemptReference, ("reference", *_KEY), [(one.reference, *one.key) for one in tries])


def change_all(
    work: Work,
    tries: Sequence[Try],
    to: AttemptState,
    cause: Cause,
    codes: Mapping[Key, str] | None = None,
    **fixed: object,
) -> None:
    """Move each into `to`, with its event; `codes` gives single ones a code, `fixed` sets columns of all.

    Leases end with every move but where `fixed` begins one. Raises IllegalMove for the first that may not go there;
    then nothing was written.
    """
    for one in tries:
        check("attempt", ATTEMPT_MOVES, one.state, to)
    rows: list[dict[str, object]] = [dict(zip(_KEY, one.key, strict=True)) for one in tries]
    fixed = {"lease_until": None, "ask_at": None, "state": to.value, "changed_at": work.now, **fixed}
    if codes is None:
        fixed["code"] = cause.code[:40]
    else:
        for row, one in zip(rows, tries, strict=True):
            row["code"], row["bank_reference"] = codes[one.key][:40], one.bank_reference
    update_rows(work.db, Attempt, _KEY, rows, **fixed)
    given = codes or {}
    events = [
        Happening(one.subject, cause.actor, cause.why, given.get(one.key, cause.code), one.state, to.value)
        for one in tries
    ]
    record_all(work.db, events, work.now)
    for one in tries:
        one.state, one.code = to.value, given.get(one.key, cause.code)


def back_to_mandate(work: Work, tries: Sequence[Try]) -> None:
    """What came to nothing of that which members asked for is the standing mandate's again: planned like any month."""
    plan_anew(work, sorted({one.mandate_id for one in tries if one.why in ASKED_FOR and one.mandate_id is not None}))


def plan_anew(work: Work, mandate_ids: Sequence[int]) -> None:
    """Have the next planning look at these mandates again, which it does with those that changed."""
    query = select(Mandate.id).where(Mandate.id.in_(mandate_ids)).order_by(Mandate.id)
    # Callers hold attempts or memberships before mandates, against the usual order: it must wait for nobody.
    free = work.db.scalars(query.with_for_update(skip_locked=True, key_share=True)).all() if mandate_ids else []
    update_rows(work.db, Mandate, ("id",), [{"id": mandate_id} for mandate_id in free], changed_at=work.now)


@dataclass(slots=True)
class MonthRow:
    month: Month
    worker_id: int
    state: str
    payer: str
    paid_reference: str | None
    posted_on: date | None

    @property
    def subject(self) -> tuple[str, str]:
        return ("month", f"{self.worker_id}/{self.month:%Y-%m}")


_MONTHS = "SELECT a.month, a.worker_id, a.state, a.payer, a.paid_reference, a.posted_on FROM months a"


def held_months(work: Work, keys: Sequence[WorkerMonth], payer: str) -> dict[WorkerMonth, MonthRow]:
    """The one row of each month, made if need be, held to the end of the transaction."""
    ordered = sorted(set(keys))
    held = _hold(work, ordered)
    missing = [key for key in ordered if key not in held]
    if missing:
        rows = [
            {"month": month, "worker_id": worker_id, "state": MonthState.OPEN.value, "payer": payer}
            for month, worker_id in missing
        ]
        new = len(add_unknown(work.db, CoverMonth, rows, "worker_id"))
        # A row that is new is held by having been made; one that another transaction made meanwhile is waited for.
        made = {key: MonthRow(*key, MonthState.OPEN.value, payer, None, None) for key in missing}
        held |= made if new == len(missing) else _hold(work, missing)
    return held


def _hold(work: Work, keys: Sequence[WorkerMonth]) -> dict[WorkerMonth, MonthRow]:
    found = [MonthRow(*row) for row in _read(work, _MONTHS, keys, "ORDER BY a.month, a.worker_id FOR UPDATE OF a")]
    return {(row.month, row.worker_id): row for row in found}


def change_months(
    work: Work, rows: Sequence[MonthRow], to: MonthState, cause: Cause, columns: Sequence[Mapping[str, object]]
) -> None:
    """Move each month into `to`, with its event; `columns` sets other columns, one mapping for each row."""
    for row in rows:
        check("month", MONTH_MOVES, row.state, to)
    keyed = [{"month": row.month, "worker_id": row.worker_id, **more} for row, more in zip(rows, columns, strict=True)]
    update_rows(work.db, CoverMonth, ("month", "worker_id"), keyed, state=to.value)
    events = [Happening(row.subject, cause.actor, cause.why, cause.code, row.state, to.value) for row in rows]
    record_all(work.db, events, work.now)
    for row in rows:
        row.state = to.value
