"""An enrolment that somebody else prepared: inert until the person's own yes, and empty of the person ever after."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BlindIndex, Code, Id, Instant, Sealed
from models.machine import legal_moves


class InvitationState(StrEnum):
    AWAITING_YES = "awaiting_yes"
    CONFIRMED = "confirmed"
    """By the person: a worker stands now."""
    EXPIRED = "expired"
    """Nobody said yes in time, or a newer one took its place."""
    VOID = "void"
    """Its code was guessed at too often, or its NIK is a worker's already."""


INVITATION_MOVES = legal_moves(
    {
        InvitationState.AWAITING_YES: "CONFIRMED EXPIRED VOID",
        InvitationState.CONFIRMED: "",
        InvitationState.EXPIRED: "",
        InvitationState.VOID: "",
    }
)


class Invitation(Base):
    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint("(state = 'awaiting_yes') = (person_sealed IS NOT NULL)", name="nobody_once_it_is_over"),
        Index("ix_invitations_awaiting", "expires_at", postgresql_where=text("state = 'awaiting_yes'")),
    )

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    state: Mapped[Code]
    helper_id: Mapped[Id | None] = mapped_column(ForeignKey("helpers.id"), index=True)
    """Who prepared it by phone; None for a line of a roster."""
    village_code: Mapped[str] = mapped_column(ForeignKey("villages.code"))
    data_key: Mapped[Sealed | None]
    """The person's own key, as a worker's; it goes with the rest when the invitation is over."""
    person_sealed: Mapped[Sealed | None]
    """All that is known of the person, as JSON of the journey's answers, and the very words of the SMS."""
    nik_index: Mapped[BlindIndex | None] = mapped_column(unique=True)
    phone_index: Mapped[BlindIndex | None] = mapped_column(index=True)
    """The only number that may confirm it; None where a printed slip was handed out."""
    code_index: Mapped[BlindIndex | None]
    """Blind index of id and one-time code; kept after a yes by SMS until the first PIN is set with it."""
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    """Wrong codes so far."""
    invited_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    worker_id: Mapped[Id | None] = mapped_column(ForeignKey("workers.id"), index=True)
    confirmed_by: Mapped[BlindIndex | None] = mapped_column(index=True)
    """The number that said yes: one that does so for many people is looked at."""

    @property
    def subject(self) -> tuple[str, str]:
        return ("invitation", str(self.id))


class CodeTry(Base):
    """Wrong one-time codes of one number on one day, whichever invitation they were meant for."""

    __tablename__ = "code_tries"

    phone_index: Mapped[BlindIndex] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    wrong: Mapped[int] = mapped_column(SmallInteger)
