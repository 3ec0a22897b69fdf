"""A worker is a person; a contact is one of the numbers the person can be reached at. A number is not a person."""

from datetime import date, datetime

from sqlalchemy import Boolean, ForeignKey, Identity, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BlindIndex, Id, Instant, Sealed
from models.standing import GROUP_LETTERS_MAX
from models.village import Village


class Worker(Base):
    __tablename__ = "workers"
    # Few, and asked for whenever paused mandates are taken up: without it all workers were gone through each time.
    __table_args__ = (Index("ix_workers_held", "id", postgresql_where=text("held_at IS NOT NULL")),)

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    data_key: Mapped[Sealed]
    """This person's own key, wrapped by the master key; once it is destroyed nothing sealed can be read again."""
    nik_index: Mapped[BlindIndex] = mapped_column(unique=True)
    nik_sealed: Mapped[Sealed]
    name_sealed: Mapped[Sealed]
    birth_sealed: Mapped[Sealed]
    village_code: Mapped[str] = mapped_column(ForeignKey("villages.code"), index=True)
    rt_rw: Mapped[str] = mapped_column(String(7), default="")
    """`003/005`: the neighbourhood, where it was said."""
    group_code: Mapped[str] = mapped_column(String(GROUP_LETTERS_MAX), default="")
    named_since: Mapped[Instant | None]
    """Since when the member agrees to be named to the village head, by initials and RT."""
    named_on: Mapped[date | None]
    """When the member was last named so."""
    language: Mapped[str] = mapped_column(String(2))
    pin_hash: Mapped[str] = mapped_column(String(200))
    pin_wrong: Mapped[int] = mapped_column(SmallInteger, default=0)
    pin_locks: Mapped[int] = mapped_column(SmallInteger, default=0)
    pin_locked_until: Mapped[Instant | None]
    reminders: Mapped[bool] = mapped_column(Boolean, default=True)
    stop_asked_at: Mapped[Instant | None]
    """While the question what to stop is open (24 h), no debit is sent."""
    held_at: Mapped[Instant | None]
    """When this number said that the worker died: until people have decided, nothing is debited."""
    enrolled_at: Mapped[Instant]

    contacts: Mapped[list["Contact"]] = relationship(
        back_populates="worker", order_by="(Contact.since, Contact.phone_index)"
    )
    """Longest known first: that is where texts go."""
    village: Mapped[Village] = relationship(lazy="joined")

    @property
    def subject(self) -> tuple[str, str]:
        return ("worker", str(self.id))

    @property
    def is_erased(self) -> bool:
        """The key is gone: of this person nothing but ids, months and sums is left (insurance/erasures.py)."""
        return not self.data_key

    def is_locked(self, at: datetime) -> bool:
        return self.pin_locked_until is not None and self.pin_locked_until > at


class Contact(Base):
    __tablename__ = "contacts"
    __table_args__ = (Index(None, "phone_index"),)

    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"), primary_key=True)
    phone_index: Mapped[BlindIndex] = mapped_column(primary_key=True)
    phone_sealed: Mapped[Sealed]
    since: Mapped[date]
    last_seen: Mapped[date | None]
    """The last day on which this number was in touch without a doubt; None once its SIM was changed."""
    sim_changed_at: Mapped[Instant | None]

    worker: Mapped[Worker] = relationship(back_populates="contacts")
