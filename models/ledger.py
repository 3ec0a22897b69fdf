"""A transfer moves one whole amount from one account to another; inserted once, corrected only by another transfer."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Code, Id, Instant, Rupiah


class Transfer(Base):
    __tablename__ = "transfers"
    __table_args__ = (
        # One fact is posted once, however often it is told.
        Index("uq_transfers_fact", "month", "reference", "kind", "programme", unique=True),
        Index(None, "worker_id"),
        # Rows come in the order of time, so a day is found by a few kilobytes of index.
        Index("ix_transfers_at", "at", postgresql_using="brin"),
        CheckConstraint("amount_rp > 0", name="amount_positive"),
        CheckConstraint("debit_account <> credit_account", name="two_accounts"),
        {"postgresql_partition_by": "RANGE (month)"},
    )

    month: Mapped[date] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[Instant]
    worker_id: Mapped[Id]
    reference: Mapped[str] = mapped_column(String(12))
    kind: Mapped[Code]
    """`collected`, `posted`, `reversed`, `surplus`, `owed_back`, `refunded`; docs/ledger.md says what each is."""
    programme: Mapped[Code]
    debit_account: Mapped[Code]
    credit_account: Mapped[Code]
    amount_rp: Mapped[Rupiah]
