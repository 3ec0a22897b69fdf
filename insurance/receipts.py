"""Owes a text: the row is written in the transaction of the fact it tells of, and sent later by the desk."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, text

from insurance.waking import DRAIN_SMS, wake
from insurance.work import Work
from models import Message, MessageKey, MessageState, Worker
from models.bulk import add_unknown, insert_rows
from models.machine import Cause, move
from models.message import MESSAGE_MOVES
from sealing import Box
from texts import Facts
from units.clock import jakarta_day, next_daytime
from units.month import month_of

URGENT, RECEIPT, REMINDER = 0, 1, 2
# A receipt lives 72 h (field.md 3.5); a notice until its day, which the caller states.
RECEIPT_LIFE = timedelta(hours=72)
_IDS = text("SELECT nextval(pg_get_serial_sequence('messages', 'id')) FROM generate_series(1, :count)")


@dataclass(frozen=True)
class Recipient:
    """Where a text goes, and whose key seals it. `worker_id` is None for heads and for strangers who wrote to us."""

    phone: str
    phone_index: bytes
    language: str
    box: Box
    worker_id: int | None = None
    zone: str = "Asia/Jakarta"

    def __repr__(self) -> str:
        return "Recipient(***)"


@dataclass(frozen=True)
class Owed:
    """One text: `key` names its fact, which is told once. What the member did not cause waits for 08.00 (rulings 5)."""

    to: Recipient
    kind: str
    key: str
    facts: Facts
    told_at_once: bool = True
    priority: int = RECEIPT
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Owed({self.kind})"


def recipient(work: Work, phone: str, language: str, worker: Worker | None = None, zone: str = "") -> Recipient:
    """`phone` may be anybody's; what belongs to no worker is sealed with the shared key."""
    index = work.keys.index("phone", phone)
    if worker is None:
        return Recipient(phone, index, language, work.keys.shared, None, zone or "Asia/Jakarta")
    return Recipient(phone, index, language, work.box(worker), worker.id, zone or worker.village.zone)


def recipients(work: Work, worker: Worker) -> list[Recipient]:
    """The worker's first number: where receipts go."""
    box = work.box(worker)
    return [
        recipient(work, box.open(contact.phone_sealed, "contact.phone"), worker.language, worker)
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
    """Owe `worker` the text `kind`, once for `key`."""
    owe_all(
        work,
        [Owed(to, kind, key, facts, told_at_once, priority, expires_at) for to in recipients(work, worker)],
    )


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
    """Owe one text, once for `key`."""
    owe_all(work, [Owed(to, kind, key, facts, told_at_once, priority, expires_at)])


def owe_all(work: Work, owed: Iterable[Owed]) -> None:
    """Write the texts into the outbox but those whose key is there already. Raises TooLong, never cuts."""
    new = _with_new_keys(work, list(owed))
    rows = [_row(work, one, message_id) for message_id, one in new]
    insert_rows(work.db, Message, rows)
    if any(row["not_before"] <= work.now for row in rows):
        wake(work.db, DRAIN_SMS)


def forget(work: Work, key: str) -> None:
    """Empty the text that was owed to a stranger under `key`, and send it no more; what became of it stays."""
    found = work.db.scalars(
        select(Message)
        .join(MessageKey, (MessageKey.month == Message.month) & (MessageKey.message_id == Message.id))
        .where(MessageKey.key == key)
        .with_for_update(of=Message)
    ).one_or_none()
    if found is None:
        return
    if found.state == MessageState.CREATED.value:
        move(work.db, found, MESSAGE_MOVES, MessageState.EXPIRED, Cause("system", "forgotten"), work.now)
    found.expires_at = min(found.expires_at, work.now)
    found.phone_sealed = work.keys.shared.seal("", "message.phone")
    found.text_sealed = work.keys.shared.seal("", "message.text")
    found.phone_index = b""


def _with_new_keys(work: Work, owed: Sequence[Owed]) -> list[tuple[int, Owed]]:
    """Each text whose key nobody has taken yet, with its message's id."""
    if not owed:
        return []
    month = month_of(jakarta_day(work.now))
    ids = work.db.execute(_IDS, {"count": len(owed)}).scalars().all()
    by_key = {one.key: (int(message_id), one) for message_id, one in zip(ids, owed, strict=True)}
    rows = [{"key": key, "month": month, "message_id": message_id} for key, (message_id, _) in by_key.items()]
    taken = set(add_unknown(work.db, MessageKey, rows, "key"))
    return [pair for key, pair in by_key.items() if key in taken]


def _row(work: Work, owed: Owed, message_id: int) -> dict[str, Any]:
    to = owed.to
    body = work.texts.sms(owed.kind, to.language, {"code": work.settings.USSD_CODE, **owed.facts})
    not_before = work.now if owed.told_at_once else next_daytime(work.now, ZoneInfo(to.zone))
    return {
        "id": message_id,
        "month": month_of(jakarta_day(work.now)),
        "worker_id": to.worker_id,
        "kind": owed.kind,
        "language": work.texts.spoken(to.language),
        "phone_sealed": to.box.seal(to.phone, "message.phone"),
        "phone_index": to.phone_index,
        "text_sealed": to.box.seal(body, "message.text"),
        "state": MessageState.CREATED.value,
        "priority": owed.priority,
        "tries": 0,
        "not_before": not_before,
        "expires_at": owed.expires_at or not_before + RECEIPT_LIFE,
        "gateway_id": "",
        "code": "",
        "created_at": work.now,
    }
