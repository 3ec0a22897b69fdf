"""A worker's standing yes to be debited by one bank, up to a maximum, with its machine of state."""

from datetime import date
from enum import StrEnum

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.bank import Bank
from models.base import Base, BlindIndex, Code, Id, Instant, Rupiah, Sealed
from models.machine import legal_moves
from models.worker import Worker


class MandateState(StrEnum):
    CONSENTED = "consented"
    SUBMITTED = "submitted"
    CODE_NEEDED = "code_needed"
    """The bank sent a code to the holder's phone; a job hands it over once the member has typed it."""
    ACTIVE = "active"
    UNKNOWN = "unknown"
    PAUSED = "paused"
    """By the member, until `paused_until`."""
    SUSPENDED = "suspended"
    """By us after NO_FUNDS_MONTHS_MAX months in a row without funds; the member takes it up again."""
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    EXPIRED = "expired"


FINAL_MANDATES = (MandateState.REJECTED, MandateState.CANCELLED, MandateState.REPLACED, MandateState.EXPIRED)
IN_FORCE = (MandateState.ACTIVE, MandateState.PAUSED, MandateState.SUSPENDED)
"""The bank has agreed: at most one a worker. Only ACTIVE is debited."""
ASKED = (MandateState.CONSENTED, MandateState.SUBMITTED, MandateState.CODE_NEEDED, MandateState.UNKNOWN)
"""On its way to the bank: at most one a worker, beside one in force where the account is being changed."""

MANDATE_MOVES = legal_moves(
    {
        MandateState.CONSENTED: "SUBMITTED CANCELLED",
        # Back to CONSENTED or CODE_NEEDED only where nothing was sent: the bank could not be reached.
        MandateState.SUBMITTED: "ACTIVE REJECTED UNKNOWN CONSENTED CANCELLED CODE_NEEDED",
        MandateState.CODE_NEEDED: "SUBMITTED REJECTED CANCELLED",
        MandateState.UNKNOWN: "ACTIVE REJECTED CANCELLED",
        # REJECTED: the bank says the account is closed or the holder took the mandate back.
        MandateState.ACTIVE: "REJECTED CANCELLED PAUSED SUSPENDED REPLACED EXPIRED",
        MandateState.PAUSED: "ACTIVE REJECTED CANCELLED REPLACED EXPIRED",
        MandateState.SUSPENDED: "ACTIVE REJECTED CANCELLED REPLACED EXPIRED",
        MandateState.REJECTED: "",
        MandateState.CANCELLED: "",
        MandateState.REPLACED: "",
        MandateState.EXPIRED: "",
    }
)


class Mandate(Base):
    __tablename__ = "mandates"
    __table_args__ = (
        Index(
            "uq_mandates_one_in_force",
            "worker_id",
            unique=True,
            postgresql_where=text("state IN ('active', 'paused', 'suspended')"),
        ),
        Index(
            "uq_mandates_one_asked",
            "worker_id",
            unique=True,
            postgresql_where=text("state IN ('consented', 'submitted', 'code_needed', 'unknown')"),
        ),
        Index("ix_mandates_work", "state", "lease_until"),
        # The planner walks the active mandates of one bank by key range.
        Index("ix_mandates_bank", "bank_code", "id", postgresql_where=text("state = 'active'")),
        Index(None, "account_index"),
        Index("ix_mandates_in_file", "sent_in", postgresql_where=text("sent_in IS NOT NULL")),
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
    days: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    """Twelve days, January first, where the member's money comes by harvest; else `day` holds for every month."""
    expires_on: Mapped[date]
    paused_until: Mapped[date | None]
    """The first month to be debited again."""
    no_funds_months: Mapped[int] = mapped_column(SmallInteger, default=0)
    """Months in a row that ended without funds."""
    consent_id: Mapped[int] = mapped_column(ForeignKey("consents.id"))
    bank_reference: Mapped[str] = mapped_column(String(64), default="")
    token_sealed: Mapped[Sealed | None]
    """What the bank gave to debit by, where its product has such a thing."""
    code_sealed: Mapped[Sealed | None]
    """The bank's code as the member typed it, until a job has handed it over."""
    code_at: Mapped[Instant | None]
    journey: Mapped[str | None] = mapped_column(String(36))
    """By what the bank is asked for a new code; None where its product has no such request."""
    code_wanted_at: Mapped[Instant | None]
    """Since when a new code is wanted of the bank."""
    charge_sealed: Mapped[Sealed | None]
    """What the bank gave with its latest code, to be handed over with it."""
    sent_in: Mapped[str | None] = mapped_column(String(60))
    """The file that asks for it, at a bank without an API."""
    lease_until: Mapped[Instant | None]
    """While a worker process is asking the bank; past it, the asker died and the outcome is unknown."""
    changed_at: Mapped[Instant]

    worker: Mapped[Worker] = relationship(lazy="joined")
    bank: Mapped[Bank] = relationship(lazy="joined")

    @property
    def subject(self) -> tuple[str, str]:
        return ("mandate", str(self.id))
