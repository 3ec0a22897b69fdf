"""Whether a bank's own day files lack a debit of unknown outcome; it only reads, and every file counts only whole."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, Date, Integer, Select, cast, exists, func, select

from insurance.attempts import Key
from insurance.work import Work
from models import (
    Attempt,
    AttemptReference,
    AttemptState,
    BankFile,
    TakenFile,
    TakenLine,
    WorkItem,
    WorkKind,
    WorkState,
)
from units.clock import JAKARTA

# A bank that cannot be asked may book what it got before midnight on the next day: that day's file has to lack it too.
DAYS_MORE_UNASKED = 1


def _day(moment: ColumnElement[object]) -> ColumnElement[object]:
    return cast(func.timezone(JAKARTA.key, moment), Date)


def _lacking(days_more: int) -> Select[date, int, int]:
    """Attempts that no line is about, though all days from their first sending to their becoming unknown were taken.

    A resend keeps the moment of the first sending, and the last cannot be later than when it became unknown.
    """
    first = _day(Attempt.__table__.c.asked_at)
    last = _day(Attempt.__table__.c.changed_at) + cast(days_more, Integer)
    taken = (
        select(func.count())
        .where(
            TakenFile.bank_code == Attempt.bank_code,
            TakenFile.taken_at.is_not(None),
            TakenFile.day.between(first, last),
        )
        .scalar_subquery()
    )
    named = exists().where(TakenLine.debit == Attempt.reference, TakenLine.debit != "", TakenLine.kind == "debit")
    # A debit file that lies at the bank may be worked off any day, whatever the days so far say.
    pending = exists().where(
        BankFile.name == Attempt.sent_in, BankFile.written_at.is_not(None), BankFile.answered_at.is_(None)
    )
    return select(Attempt.month, Attempt.worker_id, Attempt.n).where(
        Attempt.asked_at.is_not(None), ~named, ~pending, taken == last - first + 1
    )


def is_absent(work: Work, key: Key) -> bool:
    """Of a debit that its bank says it does not know: the files say so too."""
    month, worker_id, n = key
    query = _lacking(0).where(Attempt.month == month, Attempt.worker_id == worker_id, Attempt.n == n)
    return work.db.execute(query).first() is not None


def absent(work: Work, bank_code: str, days_more: int, limit: int) -> Sequence[Key]:
    """Unknown debits of this bank that its files lack."""
    unknown = _lacking(days_more).where(
        Attempt.bank_code == bank_code, Attempt.state == AttemptState.UNKNOWN.value, Attempt.ask_at.is_not(None)
    )
    return [(row[0], row[1], row[2]) for row in work.db.execute(unknown.limit(limit))]


def absent_by_hand(work: Work, bank_code: str, days_more: int, limit: int) -> Sequence[Key]:
    """Those that people were to decide meanwhile."""
    query = (
        _lacking(days_more)
        .join(
            AttemptReference,
            (AttemptReference.month == Attempt.month)
            & (AttemptReference.worker_id == Attempt.worker_id)
            & (AttemptReference.n == Attempt.n),
        )
        .join(WorkItem, WorkItem.about == AttemptReference.reference)
        .where(
            WorkItem.kind == WorkKind.MANUAL_OUTCOME.value,
            WorkItem.state == WorkState.OPEN.value,
            WorkItem.bank_code == bank_code,
            Attempt.state == AttemptState.MANUAL.value,
        )
    )
    return [(row[0], row[1], row[2]) for row in work.db.execute(query.limit(limit))]
