"""What changed in a membership and the insurer is to be told of, in the order in which it happened."""

from datetime import date
from enum import StrEnum

from sqlalchemy import ForeignKey, Identity, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, Instant, Sealed


class ChangeKind(StrEnum):
    TERMS = "TERMS"
    HEIR1 = "HEIR1"
    HEIR2 = "HEIR2"
    PHONE = "PHONE"
    END = "END"


class Change(Base):
    __tablename__ = "changes"
    __table_args__ = (
        Index("ix_changes_to_hand_over", "id", postgresql_where=text("handed_over_in IS NULL")),
        Index(None, "handed_over_in"),
    )

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"), index=True)
    kind: Mapped[str] = mapped_column(String(5))
    reference: Mapped[str] = mapped_column(String(12), unique=True)
    member: Mapped[str] = mapped_column(String(12))
    """Reference of the membership as it was then: who leaves and joins again has another one."""
    from_on: Mapped[date]
    """The first day on which it holds."""
    value_sealed: Mapped[Sealed]
    detail_sealed: Mapped[Sealed]
    made_at: Mapped[Instant]
    handed_over_in: Mapped[str | None] = mapped_column(ForeignKey("insurer_files.name"))
