"""What banks tell us of their own accord: notices once each, debit files and their results. Never who it is about."""

from datetime import date

from sqlalchemy import Boolean, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Code, Instant, Rupiah


class BankNotice(Base):
    """A verified notice, kept before it is acted on: its replay key forbids reading it twice."""

    __tablename__ = "bank_notices"
    __table_args__ = (
        Index("ix_bank_notices_to_read", "received_at", postgresql_where=text("NOT read")),
        Index(None, "reference"),
    )

    replay_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    bank_code: Mapped[str] = mapped_column(String(3))
    became: Mapped[Code]
    reference: Mapped[str] = mapped_column(String(64))
    bank_reference: Mapped[str] = mapped_column(String(64))
    amount_rp: Mapped[Rupiah | None]
    reason: Mapped[Code] = mapped_column(default="")
    code: Mapped[Code] = mapped_column(default="")
    at: Mapped[Instant]
    received_at: Mapped[Instant]
    read: Mapped[bool] = mapped_column(Boolean, default=False)


class BankFile(Base):
    """A debit file for a bank without an API: its name is fixed with its rows before it is written."""

    __tablename__ = "bank_files"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    bank_code: Mapped[str] = mapped_column(String(3))
    day: Mapped[date]
    made_at: Mapped[Instant]
    written_at: Mapped[Instant | None]
    answered_at: Mapped[Instant | None]
