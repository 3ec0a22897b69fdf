"""One month of one worker is one row, ever; an attempt is one try to collect it, with its own reference."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Code, Id, Instant, Rupiah
from models.machine import legal_moves


class MonthState(StrEnum):
    OPEN = "open"
    COVERED = "covered"
    MISSED = "missed"
    WAIVED = "waived"


MONTH_MOVES = legal_moves(
    {
        MonthState.OPEN: "COVERED MISSED WAIVED",
        # Catch-up pays a missed month; a reversal opens a covered one again (rulings 2).
        MonthState.MISSED: "COVERED WAIVED",
        MonthState.COVERED: "OPEN",
        MonthState.WAIVED: "",
    }
)


class AttemptState(StrEnum):
    SCHEDULED = "scheduled"
    NOTICED = "noticed"
    SENT = "sent"
    CONFIRMED = "confirmed"
    SETTLED = "settled"
    """Found in the bank's settlement file, to the rupiah."""
    FAILED_SOFT = "failed_soft"
    FAILED_HARD = "failed_hard"
    UNKNOWN = "unknown"
    MANUAL = "manual"
    """Unknown for longer than we ask: for two people to decide."""
    REVERSED = "reversed"
    """Debited and given back by the bank; the month is open again."""
    CANCELLED = "cancelled"


ATTEMPT_MOVES = legal_moves(
    {
        AttemptState.SCHEDULED: "NOTICED SENT CANCELLED",
        AttemptState.NOTICED: "SENT CANCELLED",
        # Back to NOTICED only where nothing was debited for certain; the reference stays (rulings 8).
        # CANCELLED: so it was, and the member had taken the mandate back meanwhile.
        AttemptState.SENT: "CONFIRMED FAILED_SOFT FAILED_HARD UNKNOWN NOTICED CANCELLED",
        AttemptState.UNKNOWN: "CONFIRMED FAILED_SOFT FAILED_HARD MANUAL",
        AttemptState.MANUAL: "CONFIRMED FAILED_SOFT FAILED_HARD",
        # A late success: the bank's last word that it debited after all.
        AttemptState.FAILED_SOFT: "CONFIRMED",
        AttemptState.FAILED_HARD: "CONFIRMED",
        AttemptState.CANCELLED: "CONFIRMED",
        AttemptState.CONFIRMED: "SETTLED REVERSED",
        AttemptState.SETTLED: "REVERSED",
        AttemptState.REVERSED: "",
    }
)
OPEN_ATTEMPTS = (
    AttemptState.SCHEDULED,
    AttemptState.NOTICED,
    AttemptState.SENT,
    AttemptState.UNKNOWN,
    AttemptState.MANUAL,
)
AT_BANK = (AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.MANUAL)
"""Money may have moved: what is not there yet can still be dropped."""
DEBITED = (AttemptState.CONFIRMED, AttemptState.SETTLED)


class Why(StrEnum):
    """What an attempt is for; all but MONTHLY and RETRY carry the member's own yes to amount and date."""

    FIRST = "first"
    MONTHLY = "monthly"
    RETRY = "retry"
    NOW = "now"
    AHEAD = "ahead"
    ARREARS = "arrears"
    SPONSOR = "sponsor"
    """Paid by somebody else's money, never sent to a bank."""


ASKED_FOR = (Why.NOW.value, Why.AHEAD.value, Why.ARREARS.value)
"""By a yes of its own: says nothing about the standing mandate, and leaves the month to it where it fails."""


class CoverMonth(Base):
    __tablename__ = "months"
    __table_args__ = (
        Index("ix_months_to_hand_over", "month", postgresql_where=text("state = 'covered' AND handed_over_in IS NULL")),
        Index(None, "handed_over_in"),
        Index(None, "worker_id"),
        {"postgresql_partition_by": "RANGE (month)"},
    )

    month: Mapped[date] = mapped_column(primary_key=True)
    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"), primary_key=True)
    state: Mapped[Code]
    payer: Mapped[Code]
    paid_on: Mapped[date | None]
    paid_reference: Mapped[str | None] = mapped_column(String(12))
    """Reference of the attempt that paid it; also how the insurer's file names this month."""
    handed_over_in: Mapped[str | None] = mapped_column(String(60))
    posted_on: Mapped[date | None]
    """The day the insurer said it is posted; only then is the worker protected for it."""

    @property
    def subject(self) -> tuple[str, str]:
        return ("month", f"{self.worker_id}/{self.month:%Y-%m}")


class Attempt(Base):
    __tablename__ = "attempts"
    __table_args__ = (
        ForeignKeyConstraint(["month", "worker_id"], ["months.month", "months.worker_id"]),
        # In the very order in which a lane claims them.
        Index(
            "ix_attempts_due",
            "bank_code",
            "due_on",
            "reference",
            postgresql_where=text("state IN ('scheduled', 'noticed')"),
        ),
        Index("ix_attempts_sent", "lease_until", postgresql_where=text("state = 'sent'")),
        Index("ix_attempts_to_ask", "ask_at", postgresql_where=text("state = 'unknown'")),
        Index("ix_attempts_in_file", "sent_in", postgresql_where=text("sent_in IS NOT NULL")),
        # Two tries for one month can never be under way together.
        Index(
            "uq_attempts_one_open",
            "month",
            "worker_id",
            unique=True,
            postgresql_where=text("state IN ('scheduled', 'noticed', 'sent', 'unknown', 'manual')"),
        ),
        Index(None, "mandate_id"),
        # A notice may name a debit by the bank's reference alone.
        Index("ix_attempts_bank_reference", "bank_reference", postgresql_where=text("bank_reference <> ''")),
        CheckConstraint("jkk_rp > 0 AND jkm_rp > 0 AND jht_rp >= 0 AND fee_rp >= 0", name="amounts_positive"),
        CheckConstraint("n BETWEEN 1 AND 99", name="numbered"),
        {"postgresql_partition_by": "RANGE (month)"},
    )

    month: Mapped[date] = mapped_column(primary_key=True)
    worker_id: Mapped[Id] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    mandate_id: Mapped[Id | None] = mapped_column(ForeignKey("mandates.id"))
    """None where a sponsor paid."""
    bank_code: Mapped[str] = mapped_column(String(3), default="")
    why: Mapped[Code]
    reference: Mapped[str] = mapped_column(String(12))
    jkk_rp: Mapped[Rupiah]
    jkm_rp: Mapped[Rupiah]
    jht_rp: Mapped[Rupiah]
    """By programme, fixed with the attempt: a tariff row loaded later changes no debit that was announced."""
    fee_rp: Mapped[Rupiah]
    state: Mapped[Code]
    due_on: Mapped[date]
    needs_notice: Mapped[bool]
    """False only where the member's own yes named amount and date, as for the first month (rulings 5)."""
    asked_at: Mapped[Instant | None]
    """When it was first sent: part of the request, so a resend says the same."""
    lease_until: Mapped[Instant | None]
    asks: Mapped[int] = mapped_column(SmallInteger, default=0)
    """How often the bank was asked what became of it."""
    ask_at: Mapped[Instant | None]
    sent_in: Mapped[str | None] = mapped_column(String(60))
    """The debit file that carries it, at a bank without an API."""
    settled_on: Mapped[date | None]
    """The Jakarta day of the settlement file it was found in."""
    code: Mapped[Code] = mapped_column(default="")
    bank_reference: Mapped[str] = mapped_column(String(64), default="")
    changed_at: Mapped[Instant]

    @property
    def subject(self) -> tuple[str, str]:
        return ("attempt", self.reference)

    @property
    def by_programme(self) -> dict[str, int]:
        amounts = {"JKK": self.jkk_rp, "JKM": self.jkm_rp, "JHT": self.jht_rp}
        return {programme: rp for programme, rp in amounts.items() if rp}

    @property
    def total_rp(self) -> int:
        """All that leaves the account, the bank's fee included."""
        return self.jkk_rp + self.jkm_rp + self.jht_rp + self.fee_rp


class AttemptReference(Base):
    """Keeps references unique over all months, which a partitioned table cannot."""

    __tablename__ = "attempt_references"

    reference: Mapped[str] = mapped_column(String(12), primary_key=True)
    month: Mapped[date]
    worker_id: Mapped[Id]
    n: Mapped[int] = mapped_column(SmallInteger)
