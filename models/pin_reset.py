"""A PIN given up at a branch: the member may stop it for some hours, then a code by SMS lets a new one be set."""

from enum import StrEnum

from sqlalchemy import ForeignKey, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BlindIndex, Code, Id, Instant
from models.machine import legal_moves
from models.worker import Worker


class PinResetState(StrEnum):
    WAITING = "waiting"
    OPEN = "open"
    """The old PIN is gone and the code was owed."""
    DONE = "done"
    STOPPED = "stopped"
    SPENT = "spent"
    """Three wrong codes, or another reset took its place: a branch begins anew."""


PIN_RESET_MOVES = legal_moves(
    {
        PinResetState.WAITING: "OPEN STOPPED",
        PinResetState.OPEN: "DONE STOPPED SPENT",
        PinResetState.DONE: "",
        PinResetState.STOPPED: "",
        PinResetState.SPENT: "",
    }
)


class PinReset(Base):
    __tablename__ = "pin_resets"
    __table_args__ = (
        Index(
            "uq_pin_resets_one_in_hand", "worker_id", unique=True, postgresql_where=text("state IN ('waiting', 'open')")
        ),
        Index(None, "worker_id"),
        Index("ix_pin_resets_waiting", "opens_at", postgresql_where=text("state = 'waiting'")),
    )

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"))
    state: Mapped[Code]
    asked_at: Mapped[Instant]
    opens_at: Mapped[Instant]
    expires_at: Mapped[Instant | None]
    """Until when the code is good, once there is one."""
    code_index: Mapped[BlindIndex | None]
    """Keyed hash of the code: the digits are in the SMS alone."""
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)

    worker: Mapped[Worker] = relationship()

    @property
    def subject(self) -> tuple[str, str]:
        return ("pin_reset", str(self.id))
