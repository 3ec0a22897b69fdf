"""What happened, for ever: ids, states and codes, never personal data. Rows are inserted and not touched again."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Code, Instant
from units.clock import jakarta_day
from units.month import month_of


class Event(Base):
    __tablename__ = "events"
    __table_args__ = {"postgresql_partition_by": "RANGE (month)"}  # noqa: RUF012

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


def record(
    db: Session, subject: tuple[str, str], actor: str, why: str, code: str, before: str, after: str, at: datetime
) -> None:
    """One event about `subject` (kind, id), in the caller's transaction."""
    db.add(
        Event(
            month=month_of(jakarta_day(at)),
            at=at,
            subject=subject[0],
            subject_id=subject[1],
            actor=actor,
            why=why,
            code=code[:40],
            before=before,
            after=after,
        )
    )
