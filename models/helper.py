"""Who may prepare other people's enrolment in a village: an officer of it or a Perisai agent, by number, for a term."""

from datetime import date

from sqlalchemy import ForeignKey, Identity, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BlindIndex, Code, Id, Sealed

HELPER_ROLES = ("officer", "perisai")


class Helper(Base):
    __tablename__ = "helpers"
    __table_args__ = (UniqueConstraint("phone_index", "village_code"),)

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    village_code: Mapped[str] = mapped_column(ForeignKey("villages.code"))
    role: Mapped[Code]
    """One of HELPER_ROLES."""
    name_sealed: Mapped[Sealed]
    phone_sealed: Mapped[Sealed]
    phone_index: Mapped[BlindIndex]
    term_from: Mapped[date]
    term_until: Mapped[date]
