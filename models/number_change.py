"""Another number of a member: asked for on the old one with the PIN, confirmed on the new one by a code."""

from enum import StrEnum

from sqlalchemy import ForeignKey, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BlindIndex, Code, Id, Instant, Sealed
from models.machine import legal_moves


class NumberState(StrEnum):
    ASKED = "asked"
    DONE = "done"
    DROPPED = "dropped"


NUMBER_MOVES = legal_moves({NumberState.ASKED: "DONE DROPPED", NumberState.DONE: "", NumberState.DROPPED: ""})


class NumberChange(Base):
    __tablename__ = "number_changes"
    __table_args__ = (
        Index("uq_number_changes_one_asked", "worker_id", unique=True, postgresql_where=text("state = 'asked'")),
        Index(None, "worker_id"),
        Index("ix_number_changes_new", "new_index", postgresql_where=text("state = 'asked'")),
    )

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"))
    state: Mapped[Code]
    old_index: Mapped[BlindIndex]
    """Empty where the new number is to stand beside the others."""
    new_index: Mapped[BlindIndex]
    new_sealed: Mapped[Sealed]
    code_index: Mapped[BlindIndex]
    """Keyed hash of the code: the digits are in the SMS alone."""
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    asked_at: Mapped[Instant]
    expires_at: Mapped[Instant]

    @property
    def subject(self) -> tuple[str, str]:
        return ("number_change", str(self.id))
