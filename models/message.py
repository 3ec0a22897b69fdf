"""The outbox and the inbox of SMS: rows are the truth, jobs only carry them; texts and numbers are sealed."""

from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, Identity, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BlindIndex, Code, Id, Instant, Sealed
from models.machine import legal_moves


class MessageState(StrEnum):
    CREATED = "created"
    SENDING = "sending"
    SENT = "sent"
    HELD = "held"
    REFUSED = "refused"
    EXPIRED = "expired"


MESSAGE_MOVES = legal_moves(
    {
        MessageState.CREATED: "SENDING EXPIRED",
        # Back to CREATED only where nothing was sent; HELD where it may have been.
        MessageState.SENDING: "SENT HELD REFUSED CREATED",
        MessageState.HELD: "SENT",
        MessageState.SENT: "",
        MessageState.REFUSED: "",
        MessageState.EXPIRED: "",
    }
)


class Message(Base):
    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_to_send", "priority", "not_before", "id", postgresql_where=text("state = 'created'")),
        Index("ix_messages_sending", "lease_until", postgresql_where=text("state = 'sending'")),
        {"postgresql_partition_by": "RANGE (month)"},
    )

    month: Mapped[date] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    worker_id: Mapped[Id | None]
    kind: Mapped[Code]
    language: Mapped[str] = mapped_column(String(2))
    phone_sealed: Mapped[Sealed]
    phone_index: Mapped[BlindIndex]
    text_sealed: Mapped[Sealed]
    state: Mapped[Code]
    priority: Mapped[int] = mapped_column(SmallInteger)
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    not_before: Mapped[Instant]
    expires_at: Mapped[Instant]
    lease_until: Mapped[Instant | None]
    gateway_id: Mapped[str] = mapped_column(String(110), default="")
    code: Mapped[Code] = mapped_column(default="")
    accepted_at: Mapped[Instant | None]
    created_at: Mapped[Instant]

    @property
    def subject(self) -> tuple[str, str]:
        return ("message", f"{self.month:%Y-%m}/{self.id}")


class MessageKey(Base):
    """One fact owes one text: the key is unique over all months, which a partitioned table cannot promise."""

    __tablename__ = "message_keys"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    month: Mapped[date]
    message_id: Mapped[Id]


class GatewayMessage(Base):
    """From a gateway's id to our row, for its delivery reports."""

    __tablename__ = "gateway_messages"

    gateway_id: Mapped[str] = mapped_column(String(110), primary_key=True)
    month: Mapped[date]
    message_id: Mapped[Id]


class InboundSms(Base):
    __tablename__ = "inbound_sms"

    gateway_id: Mapped[str] = mapped_column(String(110), primary_key=True)
    received_at: Mapped[Instant]
    sender_sealed: Mapped[Sealed]
    sender_index: Mapped[BlindIndex] = mapped_column(index=True)
    text_sealed: Mapped[Sealed]
    word: Mapped[Code] = mapped_column(default="")
    """The command that was understood; empty while nothing was."""


class GatewayReport(Base):
    """What a gateway told us about a text or a call, stored as it came and without personal data."""

    __tablename__ = "gateway_reports"

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[Code]
    """`delivery`, `optout` or `ussd_end`."""
    gateway_id: Mapped[str] = mapped_column(String(110), index=True)
    status: Mapped[Code]
    detail: Mapped[str] = mapped_column(String(200))
    phone_index: Mapped[BlindIndex | None]
    known: Mapped[bool] = mapped_column(Boolean, default=False)
    received_at: Mapped[Instant]
