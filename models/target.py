"""How many workers a region is to have as members: the programme's aim, by its source."""

from sqlalchemy import CheckConstraint, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Instant, Words


class Target(Base):
    __tablename__ = "targets"
    __table_args__ = (CheckConstraint("workers > 0", name="somebody"),)

    code: Mapped[str] = mapped_column(String(10), primary_key=True)
    """Of the region: two, four, six or ten digits (Kemendagri)."""
    workers: Mapped[int] = mapped_column(Integer)
    source: Mapped[Words]
    changed_at: Mapped[Instant]
