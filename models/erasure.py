"""A member's data to be erased: asked for at a branch, stopped by the member for some days, then done for ever."""

from enum import StrEnum

from sqlalchemy import ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Code, Id, Instant
from models.machine import legal_moves
from models.worker import Worker


class ErasureState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    STOPPED = "stopped"


ERASURE_MOVES = legal_moves(
    {ErasureState.WAITING: "DONE STOPPED", ErasureState.DONE: "", ErasureState.STOPPED: ""},
)


class Erasure(Base):
    __tablename__ = "erasures"
    __table_args__ = (
        Index("uq_erasures_one_waiting", "worker_id", unique=True, postgresql_where=text("state = 'waiting'")),
        Index("ix_erasures_waiting", "look_at", postgresql_where=text("state = 'waiting'")),
    )

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"))
    state: Mapped[Code]
    asked_at: Mapped[Instant]
    due_at: Mapped[Instant]
    """Until when the member may stop it."""
    look_at: Mapped[Instant]
    """When it is looked at again: `due_at`, or later while something still needs the person's data."""
    waits_for: Mapped[Code] = mapped_column(default="")
    """What needs them, once it is due: `debit`, `refund`, `posting`, `bank`, `insurer` or `ticket`."""
    done_at: Mapped[Instant | None]

    worker: Mapped[Worker] = relationship()

    @property
    def subject(self) -> tuple[str, str]:
        return ("erasure", str(self.id))
