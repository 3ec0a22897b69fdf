"""The head of a village (or lurah), or the leader of a part of it, whose number may ask for its counts, for a term."""

from datetime import date

from sqlalchemy import Boolean, ForeignKey, Identity, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BlindIndex, Id, Sealed
from models.standing import PLACE_LETTERS_MAX
from models.village import Village


class Head(Base):
    __tablename__ = "heads"
    __table_args__ = (Index(None, "phone_index"), Index(None, "village_code"))

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    village_code: Mapped[str] = mapped_column(ForeignKey("villages.code"))
    place: Mapped[str] = mapped_column(String(PLACE_LETTERS_MAX), default="")
    """Empty for the village; else the part of it that this leader may ask about, as VillageCounter names it."""
    phone_sealed: Mapped[Sealed]
    phone_index: Mapped[BlindIndex]
    term_from: Mapped[date]
    term_until: Mapped[date]
    weekly: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether the counts come by themselves, on Mondays."""

    village: Mapped[Village] = relationship(lazy="joined")
