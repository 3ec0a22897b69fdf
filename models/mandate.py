"""A worker's standing yes to be debited by one bank, up to a maximum, with its machine of state."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.bank import Bank
from models.base import Base, BlindIndex, Code, Id, Instant, Rupiah, Sealed
from models.machine import legal_moves
from models.worker import Worker


class MandateState(StrEnum):
    CONSENTED = "consented"
    SUBMITTED = "submitted"
    ACTIVE = "active"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


FINAL_MANDATES = (MandateState.REJECTED, MandateState.CANCELLED)

MANDATE_MOVES = legal_moves(
    {
        MandateState.CONSENTED: "SUBMITTED CANCELLED",
        # Back to CONSENTED only where nothing was sent: the bank could not be reached.
        MandateState.SUBMITTED: "ACTIVE REJECTED UNKNOWN CONSENTED CANCELLED",
        MandateState.UNKNOWN: "ACTIVE REJECTED CANCELLED",
        # REJECTED: the bank says the account is closed or the holder took the mandate back.
        MandateState.ACTIVE: "REJECTED CANCELLED",
        MandateState.REJECTED: "",
        MandateState.CANCELLED: "",
    }
)


class Mandate(Base):
    __tablename__ = "mandates"
    __table_args__ = (
        Index(
            "uq_mandates_one_live",
            "worker_id",
            unique=True,
            postgresql_where=text("state NOT IN ('rejected', 'cancelled')"),
        ),
        Index("ix_mandates_work", "state", "lease_until"),
        Index(None, "account_index"),
        CheckConstraint("max_amount_rp > 0", name="has_maximum"),
        CheckConstraint("day BETWEEN 1 AND 28", name="day_in_every_month"),
    )

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"), index=True)
    state: Mapped[Code]
    bank_code: Mapped[str] = mapped_column(ForeignKey("banks.code"))
    account_sealed: Mapped[Sealed]
    account_index: Mapped[BlindIndex]
    account_tail: Mapped[str] = mapped_column(String(4))
    max_amount_rp: Mapped[Rupiah]
    """All that may leave the account in one month, the bank's fee included."""
    fee_rp: Mapped[Rupiah]
    """The bank's fee that was agreed to; one that comes later needs a new consent."""
    first_month: Mapped[date]
    """The month the consent named first; only that one is debited without a notice (rulings 5)."""
    agreed_at: Mapped[Instant]
    day: Mapped[int] = mapped_column(SmallInteger)
    expires_on: Mapped[date]
    consent_id: Mapped[int] = mapped_column(ForeignKey("consents.id"))
    bank_reference: Mapped[str] = mapped_column(String(64), default="")
    lease_until: Mapped[Instant | None]
    """While a worker process is asking the bank; past it, the asker died and the outcome is unknown."""
    changed_at: Mapped[Instant]

    worker: Mapped[Worker] = relationship(lazy="joined")
    bank: Mapped[Bank] = relationship(lazy="joined")

    @property
    def subject(self) -> tuple[str, str]:
        return ("mandate", str(self.id))
