"""Somebody else's promise to pay a worker's months, from one on; what became of each stands in the month's row."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Code, Id, Instant


class Sponsorship(Base):
    __tablename__ = "sponsorships"
    __table_args__ = (
        # The daily round walks those that are not over.
        Index("ix_sponsorships_running", "id", postgresql_where=text("ended_on IS NULL")),
        CheckConstraint("months BETWEEN 1 AND 12", name="a_year_at_most"),
    )

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"), index=True)
    payer: Mapped[Code]
    """`village` (village fund) or `state` (APBN/APBD), as in the tariffs."""
    from_month: Mapped[date]
    months: Mapped[int] = mapped_column(SmallInteger)
    reference: Mapped[str] = mapped_column(String(12), unique=True)
    """Ours: how the sponsor names whom its money is for."""
    promised_at: Mapped[Instant]
    ended_on: Mapped[date | None]
    """The day its months were over and nothing was left to do for them."""

    @property
    def subject(self) -> tuple[str, str]:
        return ("sponsorship", self.reference)
