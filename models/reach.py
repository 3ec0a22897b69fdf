"""How texts reach people: the gateways as they are doing, numbers that cannot be reached, and whom to visit then."""

from datetime import date

from sqlalchemy import ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BlindIndex, Code, Id, Instant
from models.worker import Worker


class SmsRoute(Base):
    """A gateway for texts: its share of them now, and whether it refuses our whole account."""

    __tablename__ = "sms_routes"

    name: Mapped[Code] = mapped_column(primary_key=True)
    weight: Mapped[int] = mapped_column(SmallInteger)
    changed_at: Mapped[Instant]
    stopped_at: Mapped[Instant | None]
    stopped_code: Mapped[Code] = mapped_column(default="")

    @property
    def subject(self) -> tuple[str, str]:
        return ("sms_route", self.name)


class NumberMark(Base):
    """What we learned of a number by texting it; it says nothing of who holds it."""

    __tablename__ = "number_marks"

    phone_index: Mapped[BlindIndex] = mapped_column(primary_key=True)
    lost: Mapped[int] = mapped_column(SmallInteger, default=0)
    """How many texts in a row a gateway reported as undeliverable for good."""
    bad_since: Mapped[Instant | None]
    refuses_since: Mapped[Instant | None]
    """Its holder told the gateway, or the gateway told us, that it wants no texts."""
    texted_on: Mapped[date | None]
    texted: Mapped[int] = mapped_column(SmallInteger, default=0)
    """How many texts went out to it on that day."""


class Visit(Base):
    """A member whom no text reaches: somebody of the village should go and see."""

    __tablename__ = "visits"
    __table_args__ = (Index("ix_visits_open", "village_code", postgresql_where=text("done_at IS NULL")),)

    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"), primary_key=True)
    village_code: Mapped[str] = mapped_column(ForeignKey("villages.code"))
    since: Mapped[Instant]
    done_at: Mapped[Instant | None]

    worker: Mapped[Worker] = relationship(lazy="joined")
