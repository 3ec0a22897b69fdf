"""The words of members' names as keyed hashes, by regency, so that an operator finds a person whose name is sealed."""

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BlindIndex, Id


class WorkerWord(Base):
    __tablename__ = "worker_words"
    __table_args__ = (Index(None, "worker_id"),)

    word_index: Mapped[BlindIndex] = mapped_column(primary_key=True)
    regency: Mapped[str] = mapped_column(String(4), primary_key=True)
    """Of the worker's village; the database itself keeps it so."""
    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"), primary_key=True)
