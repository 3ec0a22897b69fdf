"""What happened, for ever: ids, states and codes, never personal data. Rows are inserted and not touched again."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Code, Instant
from models.bulk import copy_rows
from units.clock import jakarta_day
from units.month import month_of

OF_OPERATORS = (
    "actor NOT IN ('system', 'member', 'bank', 'insurer', 'gateway', 'sender', 'sponsor', 'telco', 'helper', 'file', "
    "'people', 'timetable', 'cli', 'stranger')"
)
"""What a named person did or looked at: no run and no gateway writes such rows."""
OF_PEOPLE = "subject IN ('worker', 'membership', 'mandate', 'pin_reset', 'operator', 'work_item')"


class Event(Base):
    __tablename__ = "events"
    __table_args__ = (
        # What happened to a person, for who looks; of what a run writes by the million nothing is in it.
        Index("ix_events_of_people", "subject_id", postgresql_where=text(OF_PEOPLE)),
        Index("ix_events_of_operators", "at", "id", postgresql_where=text(OF_OPERATORS)),
        {"postgresql_partition_by": "RANGE (month)"},
    )

    month: Mapped[date] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[Instant]
    subject: Mapped[Code]
    subject_id: Mapped[Code]
    actor: Mapped[Code]
    why: Mapped[Code]
    code: Mapped[Code]
    before: Mapped[Code]
    after: Mapped[Code]


class Happening(NamedTuple):
    """One event to be written: `subject` is (kind, id)."""

    subject: tuple[str, str]
    actor: str
    why: str
    code: str
    before: str
    after: str


_NAMES = ("month", "at", "subject", "subject_id", "actor", "why", "code", "before", "after")


def record_all(db: Session, happenings: Sequence[Happening], at: datetime) -> None:
    """Events of one moment, in the caller's transaction, in one statement."""
    if happenings:
        month = month_of(jakarta_day(at))
        copy_rows(
            db,
            Event,
            _NAMES,
            [(month, at, *h.subject, h.actor, h.why, h.code[:40], h.before, h.after) for h in happenings],
        )


def record(
    db: Session, subject: tuple[str, str], actor: str, why: str, code: str, before: str, after: str, at: datetime
) -> None:
    """One event about `subject` (kind, id), in the caller's transaction."""
    values = (month_of(jakarta_day(at)), at, *subject, actor, why, code[:40], before, after)
    db.add(Event(**dict(zip(_NAMES, values, strict=True))))
