"""A file handed to the insurer: its name is fixed with its rows before it is written, so a repeat writes the same."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Instant


class InsurerFile(Base):
    __tablename__ = "insurer_files"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    made_at: Mapped[Instant]
    written_at: Mapped[Instant | None]
    answered_at: Mapped[Instant | None]
