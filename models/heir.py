"""Who is to be asked for when a member dies: up to two heirs, as the member named them; the insurer pays, not we."""

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Code, Id, Instant, Sealed

HEIRS_MAX = 2
RELATIONS = ("spouse", "child", "parent", "sibling", "other")


class Heir(Base):
    __tablename__ = "heirs"
    __table_args__ = (CheckConstraint(f"place BETWEEN 1 AND {HEIRS_MAX}", name="two_at_most"),)

    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"), primary_key=True)
    place: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    name_sealed: Mapped[Sealed]
    relation: Mapped[Code]
    """One of RELATIONS."""
    named_at: Mapped[Instant]
