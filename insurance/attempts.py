"""Attempts read and moved in numbers: one statement for many, one event for each; it decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Row, select, text, tuple_

from insurance.work import Work
from models import Attempt, AttemptReference, AttemptState, CoverMonth, Mandate, MonthState
from models.bulk import insert_rows, update_rows
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


COLUMNS = tuple(getattr(Attempt, name) for name in Try.__dataclass_fields__)


def as_try(row: Row[tuple[object, ...]]) -> Try:
    """The first columns of `row` are COLUMNS."""
    return Try(*row[: len(COLUMNS)])  # type: ignore[arg-type]


def locked(work: Work, keys: Sequence[Key]) -> dict[Key, Try]:
    """The attempts as they stand now, held to the end of the transaction, in one order."""
    if not keys:
        return {}
    query = (
        select(*COLUMNS)
        .where(tuple_(Attempt.month, Attempt.worker_id, Attempt.n).in_(list(keys)))
        .order_by(Attempt.month, Attempt.worker_id, Attempt.n)
        .with_for_update()
    )
    found = map(as_try, work.db.execute(query))
    return {one.key: one for one in found}


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
    rows = [
        {**{name: getattr(one, name) for name in Try.__dataclass_fields__}, "changed_at": work.now} for one in tries
    ]
    insert_rows(work.db, Attempt, rows)
    references = [{"reference": t.reference, "month": t.month, "worker_id": t.worker_id, "n": t.n} for t in tries]
    insert_rows(work.db, AttemptReference, references)


def change_all(
    work: Work,
    tries: Sequence[Try],
    to: AttemptState,
    cause: Cause,
    codes: Mapping[Key, str] | None = None,
    **fixed: object,
) -> None:
    """Move each into `to`, with its event; `codes` gives single ones a code, `fixed` sets columns of all.

    Leases end with every move. Raises IllegalMove for the first that may not go there; then nothing was written.
    """
    for one in tries:
        check("attempt", ATTEMPT_MOVES, one.state, to)
    codes = codes or {}
    rows = [
        {
            **dict(zip(_KEY, one.key, strict=True)),
            "code": codes.get(one.key, cause.code)[:40],
            "bank_reference": one.bank_reference,
        }
        for one in tries
    ]
    fixed = {"lease_until": None, "ask_at": None, **fixed}
    update_rows(work.db, Attempt, _KEY, rows, state=to.value, changed_at=work.now, **fixed)
    events = [
        Happening(one.subject, cause.actor, cause.why, codes.get(one.key, cause.code), one.state, to.value)
        for one in tries
    ]
    record_all(work.db, events, work.now)
    for one in tries:
        one.state, one.code = to.value, codes.get(one.key, cause.code)


def back_to_mandate(work: Work, tries: Sequence[Try]) -> None:
    """What came to nothing of that which members asked for is the standing mandate's again: planned like any month.

    The next planning looks at mandates that changed. One that is held by somebody else is changing as it is.
    """
    ids = sorted({one.mandate_id for one in tries if one.why in ASKED_FOR and one.mandate_id is not None})
    query = select(Mandate.id).where(Mandate.id.in_(ids)).order_by(Mandate.id)
    # A drop holds attempts before mandates, against the usual order: it must wait for nobody.
    free = work.db.scalars(query.with_for_update(skip_locked=True, key_share=True)).all() if ids else []
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


_HELD = text(
    "SELECT m.month, m.worker_id, m.state, m.payer, m.paid_reference, m.posted_on FROM months m "
    "JOIN unnest(CAST(:month AS date[]), CAST(:worker_id AS bigint[])) AS given(month, worker_id) "
    "USING (month, worker_id) ORDER BY m.month, m.worker_id FOR UPDATE OF m"
)


def held_months(work: Work, keys: Sequence[WorkerMonth], payer: str) -> dict[WorkerMonth, MonthRow]:
    """The one row of each month, made if need be, held to the end of the transaction."""
    if not keys:
        return {}
    ordered = sorted(set(keys))
    rows = [
        {"month": month, "worker_id": worker_id, "state": MonthState.OPEN.value, "payer": payer}
        for month, worker_id in ordered
    ]
    insert_rows(work.db, CoverMonth, rows, skip_known=True)
    given = {"month": [key[0] for key in ordered], "worker_id": [key[1] for key in ordered]}
    found = [MonthRow(*row) for row in work.db.execute(_HELD, given)]
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
