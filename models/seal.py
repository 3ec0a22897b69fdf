"""A seal closes a range of an append-only table: how many rows, their sum and hash, chained to the seal before it."""

from sqlalchemy import BigInteger, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Code, Id, Instant, Rupiah


class Seal(Base):
    __tablename__ = "seals"
    __table_args__ = (
        # One range is sealed once, and two ranges of a table cannot begin at the same place.
        Index("uq_seals_range", "sealed_table", "after_id", unique=True),
        CheckConstraint("number > 0", name="numbered"),
        CheckConstraint("to_id > after_id AND row_count > 0", name="not_empty"),
    )

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """1, 2, 3 ... over both tables: one chain."""
    sealed_table: Mapped[Code]
    """`events` or `transfers`."""
    after_id: Mapped[Id]
    to_id: Mapped[Id]
    """The range is `id > after_id AND id <= to_id`, over all months."""
    row_count: Mapped[int] = mapped_column(BigInteger)
    sum_rp: Mapped[Rupiah]
    """Of the transfers' amounts; 0 for events."""
    rows_hash: Mapped[str] = mapped_column(String(64))
    chain_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256, in hex, of this seal's header, in which the chain hash of the seal before it stands (docs/ledger.md)."""
    sealed_at: Mapped[Instant]
