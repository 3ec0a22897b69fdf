"""Money to be given back for one debit: a surplus, or a month given up; sent only after two people agreed."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Code, Id, Instant, Rupiah
from models.machine import legal_moves


class RefundState(StrEnum):
    DUE = "due"
    APPROVED = "approved"
    SENT = "sent"
    UNKNOWN = "unknown"
    DONE = "done"
    BY_HAND = "by_hand"
    """The bank's product knows no refund: a person has it done and says so."""
    UNDONE = "undone"
    """The bank took its debit back before anything was sent or made: nothing is owed any more."""


REFUND_MOVES = legal_moves(
    {
        RefundState.DUE: "APPROVED UNDONE",
        RefundState.APPROVED: "SENT BY_HAND UNDONE",
        # A refund is sent again under its own reference, which the bank takes once.
        RefundState.SENT: "DONE UNKNOWN APPROVED BY_HAND",
        RefundState.UNKNOWN: "SENT DONE BY_HAND",
        # UNDONE: the bank gave the debit back as a whole, by itself or because a person asked it to.
        RefundState.BY_HAND: "DONE UNDONE",
        RefundState.DONE: "",
        RefundState.UNDONE: "",
    }
)


class Refund(Base):
    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount_rp > 0", name="amount_positive"),
        Index("ix_refunds_to_send", "state", "lease_until", postgresql_where=text("state NOT IN ('done', 'undone')")),
    )

    reference: Mapped[str] = mapped_column(String(12), primary_key=True)
    attempt_reference: Mapped[str] = mapped_column(String(12), unique=True)
    """One debit is refunded once, whole."""
    month: Mapped[date]
    worker_id: Mapped[Id]
    n: Mapped[int] = mapped_column(SmallInteger)
    bank_code: Mapped[str] = mapped_column(String(3))
    """Empty where a sponsor paid, whom people pay back."""
    amount_rp: Mapped[Rupiah]
    state: Mapped[Code]
    why: Mapped[Code]
    asked_at: Mapped[Instant | None]
    lease_until: Mapped[Instant | None]
    bank_reference: Mapped[str] = mapped_column(String(64), default="")
    changed_at: Mapped[Instant]

    @property
    def subject(self) -> tuple[str, str]:
        return ("refund", self.reference)
