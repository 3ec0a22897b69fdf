"""The head of a village (or lurah) whose number may ask for the village's counts, for a term."""

from datetime import date

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BlindIndex, Id, Sealed


class Head(Base):
    __tablename__ = "heads"
    __table_args__ = (Index(None, "phone_index"),)

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    village_code: Mapped[str] = mapped_column(ForeignKey("villages.code"))
    phone_sealed: Mapped[Sealed]
    phone_index: Mapped[BlindIndex]
    term_from: Mapped[date]
    term_until: Mapped[date]
