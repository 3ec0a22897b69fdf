"""A yes that can be shown: the exact words, their hash, when, through which channel (UU 27/2022 art. 22-24)."""

from sqlalchemy import ForeignKey, Identity, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BlindIndex, Code, Id, Instant, Sealed


class Consent(Base):
    __tablename__ = "consents"
    __table_args__ = (Index(None, "phone_index", "kind"),)

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"), index=True)
    kind: Mapped[Code]
    """`enrolment`, `mandate`, `payment`, `terms`, `leave` or `rejoin`."""
    version: Mapped[Code]
    """Hash of the wording with its open places, so that the same words have the same version."""
    language: Mapped[str] = mapped_column(String(2))
    text_sealed: Mapped[Sealed]
    text_hash: Mapped[str] = mapped_column(String(64))
    channel: Mapped[Code]
    phone_index: Mapped[BlindIndex]
    phone_sealed: Mapped[Sealed]
    """The number the yes came from."""
    session: Mapped[str] = mapped_column(String(32))
    """Blind index of the gateway's session."""
    at: Mapped[Instant]
