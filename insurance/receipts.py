"""Owes a text: the row is written in the transaction of the fact it tells of, and sent later by the desk."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from insurance.waking import DRAIN_SMS, wake
from insurance.work import Work
from models import Message, MessageKey, MessageState, Worker
from sealing import Box
from texts import Facts
from units.clock import jakarta_day, next_daytime
from units.month import month_of

URGENT, RECEIPT, REMINDER = 0, 1, 2
# A receipt lives 72 h (field.md 3.5); a notice until its day, which the caller states.
RECEIPT_LIFE = timedelta(hours=72)


@dataclass(frozen=True)
class Recipient:
    """Where a text goes. `worker` is None for heads and for strangers who wrote to us."""

    phone: str
    language: str
    worker: Worker | None = None
    zone: str = "Asia/Jakarta"

    def __repr__(self) -> str:
        return "Recipient(***)"


def recipients(work: Work, worker: Worker) -> list[Recipient]:
    """The worker's first number: where receipts go."""
    box = work.box(worker)
    return [
        Recipient(box.open(contact.phone_sealed, "contact.phone"), worker.language, worker, worker.village.zone)
        for contact in worker.contacts[:1]
    ]


def owe_worker(
    work: Work,
    worker: Worker,
    kind: str,
    key: str,
    facts: Facts,
    *,
    told_at_once: bool = True,
    priority: int = RECEIPT,
    expires_at: datetime | None = None,
) -> None:
    """Owe `worker` the text `kind`, once for `key`. What the member did not cause waits for 08.00 local (rulings 5)."""
    for to in recipients(work, worker):
        owe(work, to, kind, key, facts, told_at_once=told_at_once, priority=priority, expires_at=expires_at)


def owe(
    work: Work,
    to: Recipient,
    kind: str,
    key: str,
    facts: Facts,
    *,
    told_at_once: bool = True,
    priority: int = RECEIPT,
    expires_at: datetime | None = None,
) -> None:
    """Write the text into the outbox unless one with this key is there already. Raises TooLong, never cuts."""
    body = work.texts.sms(kind, to.language, {"code": work.settings.USSD_CODE, **facts})
    month = month_of(jakarta_day(work.now))
    message_id = work.db.scalar(select(func.nextval(text("pg_get_serial_sequence('messages', 'id')"))))
    taken = insert(MessageKey).values(key=key, month=month, message_id=message_id).on_conflict_do_nothing()
    if work.db.execute(taken.returning(MessageKey.key)).first() is None:
        return
    box: Box = work.box(to.worker) if to.worker else work.keys.shared
    not_before = work.now if told_at_once else next_daytime(work.now, ZoneInfo(to.zone))
    work.db.add(
        Message(
            id=message_id,
            month=month,
            worker_id=to.worker.id if to.worker else None,
            kind=kind,
            language=to.language,
            phone_sealed=box.seal(to.phone, "message.phone"),
            phone_index=work.keys.index("phone", to.phone),
            text_sealed=box.seal(body, "message.text"),
            state=MessageState.CREATED.value,
            priority=priority,
            tries=0,
            not_before=not_before,
            expires_at=expires_at or not_before + RECEIPT_LIFE,
            gateway_id="",
            code="",
            created_at=work.now,
        )
    )
    work.db.flush()
    if not_before <= work.now:
        wake(work.db, DRAIN_SMS)
