"""Takes a text that came in, by whichever gateway: stored first, answered once, set aside where it breaks us."""

from datetime import timedelta

import structlog
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError, TimeoutError

from gateways.base import DeliveryReport, SmsIn
from insurance.work import Work
from models import InboundSms
from models.event import record
from ports import Ports
from sms import commands, delivery, numbers
from sms.inbound import REPEATED

log = structlog.get_logger()

UNANSWERED = "!"
AWAY = (OperationalError, InterfaceError, TimeoutError)
"""The database, for now; what else is wrong would be as wrong the next time."""
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(:number)")
# Two ids for one text: a phone or a gateway that sent it twice. Who means it twice waits longer.
SAME_WITHIN = timedelta(seconds=10)


def keep(ports: Ports, came: SmsIn | DeliveryReport) -> bool:
    """What a connection of our own brought, in a transaction of its own; False where it is to be brought again."""
    try:
        with ports.transaction() as work:
            if isinstance(came, SmsIn):
                take(work, came)
            else:
                delivery.take(work, came)
    except SQLAlchemyError as error:
        log.error("sms_not_stored", kind=type(error).__name__)
        return not isinstance(error, AWAY)
    return True


def take(work: Work, came: SmsIn) -> None:
    """Store and answer; a repeat by id, or by sender and words within seconds, is answered once."""
    sender_index = work.keys.index("phone", came.sender)
    text_index = work.keys.index("inbound", f"{came.sender} {' '.join(came.text.split()).casefold()}")
    # Two of one number at once are taken one after the other.
    work.db.execute(_ONE_AT_A_TIME, {"number": int.from_bytes(sender_index[:8], signed=True)})
    last = (
        select(InboundSms.text_index)
        .where(InboundSms.sender_index == sender_index, InboundSms.received_at > work.now - SAME_WITHIN)
        .order_by(InboundSms.received_at.desc(), InboundSms.gateway_id.desc())
        .limit(1)
    )
    # The last alone: whoever sent other words between means the same words anew.
    repeated = work.db.scalar(last) == text_index
    row = {
        "gateway_id": came.gateway_id,
        "received_at": work.now,
        "sender_sealed": work.keys.shared.seal(came.sender, "inbound.sender"),
        "sender_index": sender_index,
        "text_sealed": work.keys.shared.seal(came.text, "inbound.text"),
        "text_index": text_index,
        "word": REPEATED if repeated else "",
        "reason": "",
    }
    new = insert(InboundSms).values(**row).on_conflict_do_nothing().returning(InboundSms.gateway_id)
    if work.db.execute(new).first() is None or repeated:
        # The gateway repeats until it hears 200, for twelve hours: it was stored and answered before.
        return
    numbers.answers(work, sender_index)
    handle(work, came.sender, came.text, work.db.get_one(InboundSms, came.gateway_id))


def handle(work: Work, sender: str, text: str, row: InboundSms) -> None:
    """Answer it; what breaks on it is set aside: to ask the gateway for a repeat would bring the same for hours."""
    try:
        with work.db.begin_nested():
            row.word, row.reason = commands.handle(work, sender, text, row.gateway_id), ""
    except AWAY:
        raise
    except Exception as error:
        log.error("sms_not_answered", kind=type(error).__name__)
        row.word, row.reason = UNANSWERED, type(error).__name__


def quarantined(work: Work, limit: int) -> list[InboundSms]:
    query = select(InboundSms).where(InboundSms.word == UNANSWERED).order_by(InboundSms.received_at).limit(limit)
    return list(work.db.scalars(query))


def read_quarantined(work: Work, gateway_id: str, by: str) -> str:
    """Its words, for one who has to find the fault; that they were read is recorded. Raises LookupError."""
    row = _quarantined(work, gateway_id)
    record(work.db, ("inbound_sms", gateway_id[:40]), by[:40], "read", row.reason, "", UNANSWERED, work.now)
    return work.keys.shared.open(row.text_sealed, "inbound.text")


def handle_again(work: Work, gateway_id: str, by: str) -> str:
    """Once the fault is mended; the word that was understood, or UNANSWERED still. Raises LookupError.

    Who asked for it is recorded: the text is acted on as if it had come now, and it may be a STOP.
    """
    row = _quarantined(work, gateway_id)
    sender = work.keys.shared.open(row.sender_sealed, "inbound.sender")
    handle(work, sender, work.keys.shared.open(row.text_sealed, "inbound.text"), row)
    after = UNANSWERED if row.word == UNANSWERED else "answered"
    record(work.db, ("inbound_sms", gateway_id[:40]), by[:40], "again", row.reason, UNANSWERED, after, work.now)
    return row.word


def _quarantined(work: Work, gateway_id: str) -> InboundSms:
    row = work.db.get(InboundSms, gateway_id, with_for_update=True)
    if row is None or row.word != UNANSWERED:
        raise LookupError("no text of that id is set aside")
    return row
