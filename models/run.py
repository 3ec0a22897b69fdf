"""The monthly run as rows: a run, its chunks by key range, and the lane of each bank; all of it survives a crash."""

from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, ForeignKey, Identity, Index, Integer, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Code, Instant, Rupiah
from models.machine import legal_moves


class RunState(StrEnum):
    HELD = "held"
    """Outside the approved limits, or started by hand: waits for two people (rulings 15)."""
    PLANNING = "planning"
    PLANNED = "planned"
    REFUSED = "refused"


RUN_MOVES = legal_moves(
    {
        RunState.HELD: "PLANNING REFUSED",
        RunState.PLANNING: "PLANNED",
        # The timetable plans again each hour, for mandates that came since.
        RunState.PLANNED: "PLANNING",
        RunState.REFUSED: "",
    }
)


class Run(Base):
    """One contribution month, planned once and then kept up to date."""

    __tablename__ = "runs"

    month: Mapped[date] = mapped_column(primary_key=True)
    state: Mapped[Code]
    by: Mapped[Code]
    """`timetable`, or the name of the person who started it."""
    mandates: Mapped[int] = mapped_column(Integer)
    """Active mandates when the run was begun, as the limits saw them."""
    sum_max_rp: Mapped[Rupiah]
    """The most that they allow to be debited together."""
    begun_at: Mapped[Instant]
    planned_at: Mapped[Instant | None]

    @property
    def subject(self) -> tuple[str, str]:
        return ("run", f"{self.month:%Y-%m}")


class Chunk(Base):
    """Mandates of one bank by a range of ids, planned in one transaction; open ones are what a crash left."""

    __tablename__ = "chunks"
    __table_args__ = (Index("ix_chunks_open", "month", postgresql_where=text("planned_at IS NULL")),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    month: Mapped[date] = mapped_column(ForeignKey("runs.month"))
    bank_code: Mapped[str] = mapped_column(String(3))
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)
    scheduled: Mapped[int] = mapped_column(Integer, default=0)
    above_maximum: Mapped[int] = mapped_column(Integer, default=0)
    too_late: Mapped[int] = mapped_column(Integer, default=0)
    planned_at: Mapped[Instant | None]


class Lane(Base):
    """What is known of one bank's lane: drained by a person, resting after failures."""

    __tablename__ = "lanes"

    bank_code: Mapped[str] = mapped_column(ForeignKey("banks.code"), primary_key=True)
    drained: Mapped[bool] = mapped_column(Boolean, default=False)
    drained_by: Mapped[Code] = mapped_column(default="")
    failures: Mapped[int] = mapped_column(SmallInteger, default=0)
    """In a row; a success puts it back to nought."""
    rests_until: Mapped[Instant | None]
    changed_at: Mapped[Instant]
