"""How callers fared on each screen of a day, in counts without a person; written by a job, never by a hop."""

from datetime import date

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Code


class FunnelDay(Base):
    __tablename__ = "funnel_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    """Jakarta's."""
    screen: Mapped[Code] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(String(2), primary_key=True)
    gateway: Mapped[Code] = mapped_column(primary_key=True)
    entered: Mapped[int] = mapped_column(BigInteger)
    answered: Mapped[int] = mapped_column(BigInteger)
    wrong: Mapped[int] = mapped_column(BigInteger)
    dropped: Mapped[int] = mapped_column(BigInteger)
