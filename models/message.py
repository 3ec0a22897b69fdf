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
    """It may have been sent: a report, or for some kinds a second sending, settles it."""
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    UNCONFIRMED = "unconfirmed"
    """No report came in three days; one that comes later still says what became of it."""
    REFUSED = "refused"
    EXPIRED = "expired"


MESSAGE_MOVES = legal_moves(
    {
        # DELIVERED before it was sent again: the phone was only away for a while.
        MessageState.CREATED: "SENDING EXPIRED REFUSED DELIVERED",
        # Back to CREATED only where nothing was sent; HELD where it may have been.
        MessageState.SENDING: "SENT HELD REFUSED CREATED DELIVERED UNDELIVERED",
        MessageState.HELD: "SENT CREATED DELIVERED UNDELIVERED UNCONFIRMED",
        # Back to CREATED where the phone could not be reached for now: it goes once more.
        MessageState.SENT: "CREATED DELIVERED UNDELIVERED UNCONFIRMED",
        MessageState.UNCONFIRMED: "DELIVERED UNDELIVERED",
        MessageState.DELIVERED: "",
        MessageState.UNDELIVERED: "",
        MessageState.REFUSED: "",
        MessageState.EXPIRED: "",
    }
)
SHARDS = 64
"""By its number a text belongs to one shard for ever, and of a shard one drain at a time sends."""


def shard_of(phone_index: bytes) -> int:
    return phone_index[0] % SHARDS if phone_index else 0


def message_subject(month: date, id_: int) -> tuple[str, str]:
    return ("message", f"{month:%Y-%m}/{id_}")


class Message(Base):
    __tablename__ = "messages"
    __table_args__ = (
        # What is due, among many that wait for the morning.
        Index("ix_messages_waiting", "not_before", postgresql_where=text("state = 'created'")),
        Index("ix_messages_to_send", "priority", "not_before", "id", postgresql_where=text("state = 'created'")),
        Index("ix_messages_leased", "lease_until", postgresql_where=text("state IN ('sending', 'held')")),
        Index("ix_messages_unreported", "accepted_at", postgresql_where=text("state = 'sent'")),
        Index(None, "worker_id"),
        # Of these the words are kept for a while only.
        Index("ix_messages_strangers", "created_at", postgresql_where=text("worker_id IS NULL AND phone_index <> ''")),
        Index("ix_messages_held", "phone_index", postgresql_where=text("state = 'held'")),
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
    shard: Mapped[int] = mapped_column(SmallInteger)
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    unreached: Mapped[int] = mapped_column(SmallInteger, default=0)
    """How often a gateway took it and reported that the phone could not be reached for now."""
    not_before: Mapped[Instant]
    expires_at: Mapped[Instant]
    lease_until: Mapped[Instant | None]
    """Until when its sender has it; of a held one, when it is looked at again."""
    route: Mapped[Code] = mapped_column(default="")
    """The gateway that it was last given to."""
    gateway_id: Mapped[str] = mapped_column(String(110), default="")
    code: Mapped[Code] = mapped_column(default="")
    accepted_at: Mapped[Instant | None]
    """When a gateway first took it."""
    created_at: Mapped[Instant]

    @property
    def subject(self) -> tuple[str, str]:
        return message_subject(self.month, self.id)


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
    __table_args__ = (
        Index("ix_inbound_sms_set_aside", "received_at", postgresql_where=text("word = '!'")),
        Index("ix_inbound_sms_kept", "received_at", postgresql_where=text("sender_index <> ''")),
    )

    gateway_id: Mapped[str] = mapped_column(String(110), primary_key=True)
    received_at: Mapped[Instant]
    sender_sealed: Mapped[Sealed]
    sender_index: Mapped[BlindIndex] = mapped_column(index=True)
    text_sealed: Mapped[Sealed]
    text_index: Mapped[BlindIndex | None]
    """Mark of sender and words: the same text under two ids is answered once."""
    word: Mapped[Code] = mapped_column(default="")
    """The command that was understood; empty while nothing was, `?CEK` while we asked whether that was meant."""
    reason: Mapped[Code] = mapped_column(default="")
    """Why it is set aside, where its word says so."""


class GatewayReport(Base):
    """What a gateway told us about a text or a call, stored as it came and without personal data."""

    __tablename__ = "gateway_reports"

    __table_args__ = (
        Index("ix_gateway_reports_received_at", "received_at", postgresql_using="brin"),
        Index("ix_gateway_reports_unheard", "received_at", postgresql_where=text("kind = 'delivery' AND NOT heard")),
    )

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[Code]
    """`delivery`, `optout` or `ussd_end`."""
    gateway_id: Mapped[str] = mapped_column(String(110), index=True)
    status: Mapped[Code]
    detail: Mapped[str] = mapped_column(String(200))
    outcome: Mapped[Code] = mapped_column(default="")
    """Of a delivery: what the gateway's words mean (gateways.base.Outcome)."""
    phone_index: Mapped[BlindIndex | None]
    known: Mapped[bool] = mapped_column(Boolean, default=False)
    heard: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether the text it is about has been moved by it, or needs not be."""
    received_at: Mapped[Instant]
