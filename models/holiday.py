"""A day on which the decree says otherwise than the `holidays` library: one more holiday, or one taken back."""

from datetime import date

from sqlalchemy import Boolean, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

HOLIDAY_NAME_MAX = 60


class Holiday(Base):
    __tablename__ = "holidays"

    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(HOLIDAY_NAME_MAX))
    is_holiday: Mapped[bool] = mapped_column(Boolean)
    """False takes the library's holiday back: its Islamic days are estimates until the decree is out."""
