"""What a person has to look at or decide, with its clock; where money may move, two people approve it (rulings 15)."""

from datetime import date
from enum import StrEnum

from sqlalchemy import ForeignKey, Identity, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Code, Id, Instant, Rupiah
from models.machine import legal_moves


class WorkKind(StrEnum):
    RUN = "run"
    """A run outside its limits, or started by hand."""
    TARIFF = "tariff"
    """A new price of a programme from a month on."""
    REFUND = "refund"
    MANUAL_OUTCOME = "manual_outcome"
    """A debit that stayed unknown for longer than we ask."""
    MANDATE_OUTCOME = "mandate_outcome"
    """A mandate that its bank has neither agreed to nor refused for a day."""
    BANK_REFUSES_US = "bank_refuses_us"
    """A debit or a mandate whose request the bank finds faulty: ours to mend, no member's."""
    CANCEL_AT_BANK = "cancel_at_bank"
    """A mandate that was taken back, at a bank whose product knows no cancelling (rulings 7)."""
    NOTICE = "notice"
    """A verified word of a bank that fits no attempt of ours, or contradicts what is settled."""
    DIFFERENCE = "difference"
    """The bank's file, the books and the insurer do not agree."""
    BAD_FILE = "bad_file"
    SPONSOR_UNPAID = "sponsor_unpaid"
    """A sponsor did not pay a village's month by its due day: somebody has to ask the sponsor."""
    MANY_CONFIRMED = "many_confirmed"
    """One number said yes for many people whom others had prepared (rulings 11): are they real, and asked?"""
    NOT_POSTED = "not_posted"
    """The insurer refused to post a month that was paid: it is handed over again, or the money goes back."""
    PIN_RESET = "pin_reset"
    """A village's head asks for a member's PIN to be reset: a branch officer does it, with the member before them."""
    REVERSED_POSTED = "reversed_posted"
    """Given back after the insurer was told of it, or posted after all: the insurer has to be told of that too."""

    GATEWAY_STOPPED = "gateway_stopped"
    """A gateway refuses our whole account: its lane is still, and somebody has to pay it or mend the key."""

    FRAUD = "fraud"
    """Somebody was sent a text in our name with a reference that is none of ours."""

    COMPLAINT = "complaint"
    """A member, or a stranger who gets our texts, is owed a dated answer."""
    ACCIDENT = "accident"
    DEATH = "death"
    """A number said that its worker died: people decide whether it is so, and nothing is debited meanwhile."""


class WorkState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    DONE = "done"


WORK_MOVES = legal_moves(
    {
        WorkState.OPEN: "APPROVED REFUSED DONE",
        # Open again where what was approved could not be done.
        WorkState.APPROVED: "DONE OPEN",
        WorkState.REFUSED: "",
        WorkState.DONE: "",
    }
)


class WorkItem(Base):
    __tablename__ = "work_items"
    __table_args__ = (
        # One matter is one item, however often it is found.
        Index("uq_work_items_matter", "kind", "about", unique=True),
        Index("ix_work_items_open", "kind", "due_on", postgresql_where=text("state IN ('open', 'approved')")),
    )

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[Code]
    about: Mapped[str] = mapped_column(String(120))
    """A reference, a month, a file: never a person's name, number or account."""
    state: Mapped[Code]
    bank_code: Mapped[str] = mapped_column(String(3), default="")
    amount_rp: Mapped[Rupiah | None]
    code: Mapped[Code] = mapped_column(default="")
    """What was found, as a word of ours or the bank's code."""
    decision: Mapped[Code] = mapped_column(default="")
    """What two people are asked to agree to, or agreed to."""
    opened_at: Mapped[Instant]
    due_on: Mapped[date]
    closed_at: Mapped[Instant | None]

    @property
    def subject(self) -> tuple[str, str]:
        return ("work_item", str(self.id))


class Approval(Base):
    """One person's yes to one decision; the same person counts once."""

    __tablename__ = "approvals"

    work_item_id: Mapped[Id] = mapped_column(ForeignKey("work_items.id"), primary_key=True)
    by: Mapped[Code] = mapped_column(primary_key=True)
    decision: Mapped[Code]
    at: Mapped[Instant]
