"""What a month costs, as dated rows: a newer row of the same key supersedes the older from its month on."""

from datetime import date

from sqlalchemy import CheckConstraint, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Code, Rupiah, Words


class Bracket(Base):
    """An income band by its lower bound alone, so that no income falls between two bands."""

    __tablename__ = "brackets"

    low_rp: Mapped[Rupiah] = mapped_column(primary_key=True)
    base_rp: Mapped[Rupiah]


class Tariff(Base):
    __tablename__ = "tariffs"
    __table_args__ = (CheckConstraint("rate_ppm >= 0 AND flat_rp >= 0", name="not_negative"),)

    programme: Mapped[Code] = mapped_column(primary_key=True)
    sector_class: Mapped[Code] = mapped_column(primary_key=True)
    """`transport` or `other`: PP 50/2025 knows no finer cut."""
    payer: Mapped[Code] = mapped_column(primary_key=True)
    """`self`, `village` (village fund) or `state` (APBN/APBD, which gets no discount)."""
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    rate_ppm: Mapped[int] = mapped_column(Integer)
    """Parts per million of the bracket's base."""
    flat_rp: Mapped[Rupiah]
    source: Mapped[Words]
