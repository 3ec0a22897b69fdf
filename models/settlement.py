"""What banks' day files said, line by line, and one number a day per bank and programme. Nobody's name or account."""

from datetime import date

from sqlalchemy import Index, Integer, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Code, Id, Instant, Rupiah


class TakenFile(Base):
    """The one file of a bank's day. Its first file that adds up is it; any other for that day is for a person."""

    __tablename__ = "settlement_files"

    bank_code: Mapped[str] = mapped_column(String(3), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    lines: Mapped[int] = mapped_column(Integer)
    debits_rp: Mapped[Rupiah]
    returns_rp: Mapped[Rupiah]
    refunds_rp: Mapped[Rupiah]
    mark: Mapped[str] = mapped_column(String(64))
    """SHA-256 over its lines: tells the same file from another."""
    done: Mapped[int] = mapped_column(Integer, default=0)
    """So many lines were taken: where a crash left off."""
    begun_at: Mapped[Instant]
    taken_at: Mapped[Instant | None]
    """When all of it was taken and its day counted; before that nothing is called absent."""


class TakenLine(Base):
    """One line as the bank gave it, the debit of ours that it is about, and what was found."""

    __tablename__ = "settlement_lines"
    __table_args__ = (
        Index("ix_settlement_lines_debit", "debit", "kind", postgresql_where=text("debit <> ''")),
        {"postgresql_partition_by": "RANGE (day)"},
    )

    bank_code: Mapped[str] = mapped_column(String(3), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[Code] = mapped_column(primary_key=True)
    """`debit`, `return`, `refund`."""
    amount_rp: Mapped[Rupiah]
    bank_reference: Mapped[str] = mapped_column(String(64))
    at: Mapped[Instant]
    found: Mapped[Code]
    debit: Mapped[str] = mapped_column(String(12), default="")
    """Reference of our attempt; empty where the line fits none, or says a second time what was said before."""
    month: Mapped[date | None]
    worker_id: Mapped[Id | None]
    n: Mapped[int | None] = mapped_column(SmallInteger)


class ReconciledDay(Base):
    """Bank, ledger and insurer of one day; `difference_rp` must be 0 or explained. Counted anew, never added to."""

    __tablename__ = "reconciled_days"

    bank_code: Mapped[str] = mapped_column(String(3), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    programme: Mapped[Code] = mapped_column(primary_key=True)
    """JKK, JKM, JHT, FEE, SURPLUS, or OTHER: rupiah of the bank that no debit of ours accounts for."""
    bank_rp: Mapped[Rupiah]
    """Debits of the file less what was returned and refunded in it."""
    ledger_rp: Mapped[Rupiah]
    insurer_rp: Mapped[Rupiah]
    """What the insurer has posted of the day's debits, whenever it did."""
    difference_rp: Mapped[Rupiah]
    """Sum of every single disagreement without its sign, so that one too many never hides one too few."""
    explained_rp: Mapped[Rupiah]
    """The part that has a work item, or that the insurer may still post in time."""
    counted_at: Mapped[Instant]
