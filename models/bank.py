"""A bank we are connected to, as members see it; credentials are in BANKS_FILE, never here."""

from sqlalchemy import Boolean, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Bank(Base):
    __tablename__ = "banks"

    code: Mapped[str] = mapped_column(String(3), primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    bic: Mapped[str] = mapped_column(String(11))
    province: Mapped[str] = mapped_column(String(2), default="")
    connected: Mapped[bool] = mapped_column(Boolean, default=False)
