"""A worker's membership at the insurer: what was chosen, what they said. Cover is not here: it is computed."""

from datetime import date
from enum import StrEnum
from typing import Protocol

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BlindIndex, Code, Id, Instant, Rupiah, Sealed
from models.machine import legal_moves
from models.worker import Worker


class MembershipState(StrEnum):
    SUBMITTED = "submitted"
    VERIFIED = "verified"
    REFUSED = "refused"
    NEEDS_HELP = "needs_help"
    ENDED = "ended"


MEMBERSHIP_MOVES = legal_moves(
    {
        MembershipState.SUBMITTED: "VERIFIED REFUSED NEEDS_HELP ENDED",
        MembershipState.NEEDS_HELP: "SUBMITTED VERIFIED REFUSED ENDED",
        MembershipState.VERIFIED: "ENDED",
        MembershipState.REFUSED: "SUBMITTED ENDED",
        # Who left may join again, from a number of their own with their PIN.
        MembershipState.ENDED: "SUBMITTED",
    }
)

UNCOVERED = (MembershipState.REFUSED.value, MembershipState.NEEDS_HELP.value, MembershipState.ENDED.value)
"""Of these no cover is spoken: what there is to say is the state itself."""

PROGRAMMES = {"2": ("JKK", "JKM"), "3": ("JKK", "JKM", "JHT")}
"""JKK and JKM belong together, JHT is a choice beside them (programme.md 1.1); JHT alone is no product."""

SECTORS = ("farmer", "fisher", "trader", "transport", "labourer", "other")


class HasTerms(Protocol):
    """What was chosen, and what was chosen for later."""

    @property
    def base_rp(self) -> int: ...
    @property
    def programmes(self) -> str: ...
    @property
    def next_from(self) -> date | None: ...
    @property
    def next_base_rp(self) -> int | None: ...
    @property
    def next_programmes(self) -> str | None: ...


def terms_in(chosen: HasTerms, month: date) -> tuple[int, str]:
    """Base in rupiah and programmes that hold for `month`."""
    if chosen.next_from is None or month < chosen.next_from:
        return chosen.base_rp, chosen.programmes
    return chosen.next_base_rp or chosen.base_rp, chosen.next_programmes or chosen.programmes


class Membership(Base):
    __tablename__ = "memberships"
    __table_args__ = (Index(None, "state", "handed_over_in"), Index(None, "kpj_index"))

    worker_id: Mapped[Id] = mapped_column(ForeignKey("workers.id"), primary_key=True)
    state: Mapped[Code]
    reference: Mapped[str] = mapped_column(String(12), unique=True)
    """Ours, for the insurer's files."""
    programmes: Mapped[str] = mapped_column(String(1))
    sector: Mapped[Code]
    base_rp: Mapped[Rupiah]
    next_from: Mapped[date | None]
    """The month from which the member chose other terms; earlier ones keep theirs, paid or owed."""
    next_base_rp: Mapped[Rupiah | None]
    next_programmes: Mapped[str | None] = mapped_column(String(1))
    kpj_sealed: Mapped[Sealed | None]
    kpj_index: Mapped[BlindIndex | None]
    reason: Mapped[Code] = mapped_column(default="")
    submitted_at: Mapped[Instant]
    handed_over_in: Mapped[str | None] = mapped_column(ForeignKey("insurer_files.name"))
    jht_balance_rp: Mapped[Rupiah | None]
    """As the insurer reported it, with its date; never computed by us."""
    jht_as_of: Mapped[date | None]

    worker: Mapped[Worker] = relationship(lazy="joined")

    @property
    def is_uncovered(self) -> bool:
        """No cover is spoken of; who joined again (with a KPJ from before) has none before the insurer says so."""
        joined_again = self.state == MembershipState.SUBMITTED.value and self.kpj_sealed is not None
        return self.state in UNCOVERED or joined_again

    @property
    def subject(self) -> tuple[str, str]:
        return ("membership", str(self.worker_id))
