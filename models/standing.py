"""Counts of members by village and part of it, kept as months and memberships change, so that an answer costs the same
in a village of 50 and in one of 20,000 (docs/decisions/0017-counts-that-do-not-age.md)."""

from datetime import date
from enum import StrEnum

from sqlalchemy import ForeignKey, Identity, Index, Integer, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BlindIndex, Code, Id, Instant, Sealed, Words

PLACE_LETTERS_MAX = 8
GROUP_LETTERS_MAX = 7
ENDLESS = 32767
"""As the end of a time without one; months are counted as year * 12 + month - 1, days by their proleptic ordinal."""


class GroupKind(StrEnum):
    FARMERS = "farmers"
    FISHERS = "fishers"
    TRADERS = "traders"
    OTHER = "other"


class VillageGroup(Base):
    """A farmers' or fishers' group of a village, with the short code that its leader types."""

    __tablename__ = "village_groups"

    village_code: Mapped[str] = mapped_column(ForeignKey("villages.code"), primary_key=True)
    code: Mapped[str] = mapped_column(String(GROUP_LETTERS_MAX), primary_key=True)
    kind: Mapped[Code]
    name: Mapped[str] = mapped_column(String(60))


class Standing(Base):
    """How a worker was counted last: where, since which day, and the runs of months that were paid."""

    __tablename__ = "standings"
    __table_args__ = (Index(None, "village_code"),)

    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"), primary_key=True)
    village_code: Mapped[str] = mapped_column(String(10))
    rt_rw: Mapped[str] = mapped_column(String(7))
    group_code: Mapped[str] = mapped_column(String(GROUP_LETTERS_MAX))
    joined: Mapped[int] = mapped_column(Integer)
    """The day of enrolment; 0 where the worker is not counted."""
    runs: Mapped[Words]
    """`24322 24324 1`: first month, last month and whether they are posted of each unbroken run, oldest first."""


class StandingMark(Base):
    """A worker to be counted anew: written by the database itself in the transaction that changed what counts."""

    __tablename__ = "standing_marks"
    __table_args__ = (Index(None, "village_code", "id"),)

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    worker_id: Mapped[Id]
    village_code: Mapped[str] = mapped_column(String(10))


class CountKind(StrEnum):
    MEMBER = "member"
    JOINED = "joined"
    """On the day `at`."""
    POSTED = "posted"
    """Month `at` is paid and posted."""
    IDLE = "idle"
    """`at` is paid and posted, and no month after it and before `until` is paid."""


class VillageCounter(Base):
    """How many members of a place are counted under a kind; `place` is empty for the whole village."""

    __tablename__ = "village_counters"
    __table_args__ = (
        # Of whole villages, in the order in which a country is summed up: what is asked for lies together.
        Index(
            "ix_village_counters_whole",
            "kind",
            "at",
            "until",
            "village_code",
            postgresql_include=["n"],
            postgresql_where=text("place = ''"),
        ),
    )

    village_code: Mapped[str] = mapped_column(String(10), primary_key=True)
    kind: Mapped[Code] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(Integer, primary_key=True)
    until: Mapped[int] = mapped_column(Integer, primary_key=True)
    place: Mapped[str] = mapped_column(String(PLACE_LETTERS_MAX), primary_key=True)
    n: Mapped[int] = mapped_column(Integer)


class Lookup(Base):
    """How often the counts of a place were looked at on a day, for members who ask who looked."""

    __tablename__ = "lookups"

    village_code: Mapped[str] = mapped_column(ForeignKey("villages.code"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(String(PLACE_LETTERS_MAX), primary_key=True)
    role: Mapped[Code] = mapped_column(primary_key=True)
    """A head's, or a leader's of a part."""
    times: Mapped[int] = mapped_column(Integer)


class Succession(Base):
    """A head names who comes after: it holds once both have sent back the code that went to their own number."""

    __tablename__ = "successions"
    __table_args__ = (Index(None, "new_index"),)

    head_id: Mapped[Id] = mapped_column(ForeignKey("heads.id"), primary_key=True)
    new_sealed: Mapped[Sealed]
    new_index: Mapped[BlindIndex]
    old_code: Mapped[BlindIndex | None]
    """Keyed hash of the code that went to the head; None once it came back."""
    new_code: Mapped[BlindIndex | None]
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    asked_at: Mapped[Instant]
    expires_at: Mapped[Instant]
