"""What somebody told us and is owed a dated answer for: a complaint, an accident, a death."""

from datetime import date
from enum import StrEnum

from sqlalchemy import ForeignKey, Identity, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BlindIndex, Code, Id, Instant, Sealed


class TicketKind(StrEnum):
    NOT_ME = "not_me"
    DEBITED = "debited"
    WRONG_SMS = "wrong_sms"
    ACCIDENT = "accident"
    DEATH = "death"


COMPLAINTS = (TicketKind.NOT_ME, TicketKind.DEBITED, TicketKind.WRONG_SMS)


class Ticket(Base):
    __tablename__ = "tickets"
    __table_args__ = (Index("ix_tickets_open", "phone_index", postgresql_where=text("answered_at IS NULL")),)

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    reference: Mapped[str] = mapped_column(String(12), unique=True)
    kind: Mapped[Code]
    worker_id: Mapped[Id | None] = mapped_column(ForeignKey("workers.id"), index=True)
    """None where the number belongs to no worker: a stranger may be sent our texts by mistake."""
    phone_index: Mapped[BlindIndex]
    phone_sealed: Mapped[Sealed]
    """Where the answer goes; by the worker's key, or the shared one of strangers."""
    language: Mapped[str] = mapped_column(String(2))
    opened_at: Mapped[Instant]
    answer_by: Mapped[date]
    answered_at: Mapped[Instant | None]

    @property
    def subject(self) -> tuple[str, str]:
        return ("ticket", self.reference)

    @property
    def about(self) -> str:
        """How its work item names it."""
        return f"ticket {self.reference}"
