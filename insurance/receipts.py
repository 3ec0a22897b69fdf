"""Owes a text: the row is written in the transaction of the fact it tells of, and sent later by the desk."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select, text

from insurance.manners import CODE, CODES, RECEIPT, URGENT
from insurance.waking import drain_at, wake
from insurance.work import Work
from models import Message, MessageKey, MessageState, Worker
from models.bulk import copy_rows
from models.machine import Cause, move
from models.message import MESSAGE_MOVES, shard_of
from sealing import Box
from texts import Facts
from units.clock import next_daytime
from units.month import Month, month_of

# A receipt lives 72 h (field.md 3.5); a notice until its day, which the caller states.
RECEIPT_LIFE = timedelta(hours=72)
# A key that is there already takes a number with it; numbers need not be without gaps.
_NEW_KEYS = text(
    "INSERT INTO message_keys (key, month, message_id) SELECT key, :month, nextval('messages_id_seq') "
    "FROM unnest(CAST(:keys AS varchar[])) AS given(key) ON CONFLICT DO NOTHING RETURNING key, message_id"
)

_COLUMNS = (
    "month",
    "id",
    "worker_id",
    "kind",
    "language",
    "phone_sealed",
    "phone_index",
    "text_sealed",
    "state",
    "priority",
    "shard",
    "tries",
    "unreached",
    "not_before",
    "expires_at",
    "route",
    "gateway_id",
    "code",
    "created_at",
)


class Recipient(NamedTuple):
    """Where a text goes, and whose key seals it. `worker_id` is None for heads and for strangers who wrote to us."""

    phone: str
    phone_index: bytes
    language: str
    box: Box
    worker_id: int | None = None
    zone: str = "Asia/Jakarta"

    def __repr__(self) -> str:
        return "Recipient(***)"


class Owed(NamedTuple):
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
    """The worker's first number: where receipts go. Who was erased is told nothing any more."""
    if worker.is_erased:
        return []
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
    by_key = {one.key: one for one in owed}
    if not by_key:
        return
    month = month_of(work.today)
    work.db.flush()
    new = work.db.execute(_NEW_KEYS, {"month": month, "keys": list(by_key)}).all()
    waiting = [(message_id, by_key[key], _not_before(work, by_key[key])) for key, message_id in new]
    copy_rows(work.db, Message, _COLUMNS, [_row(work, month, *one) for one in waiting])
    lanes = {
        shard_of(owed.to.phone_index) % work.settings.SMS_LANES
        for _, owed, not_before in waiting
        if not_before <= work.now
    }
    for lane in sorted(lanes):
        wake(work.db, drain_at(lane))


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


def _not_before(work: Work, owed: Owed) -> datetime:
    return work.now if owed.told_at_once else next_daytime(work.now, ZoneInfo(owed.to.zone))


def _priority(owed: Owed) -> int:
    if not owed.told_at_once:
        return owed.priority
    return CODE if owed.kind in CODES else URGENT


def _row(work: Work, month: Month, message_id: int, owed: Owed, not_before: datetime) -> tuple[Any, ...]:
    """In the order of _COLUMNS."""
    to = owed.to
    body = work.texts.sms(owed.kind, to.language, {"code": work.settings.USSD_CODE, **owed.facts})
    return (
        month,
        message_id,
        to.worker_id,
        owed.kind,
        work.texts.spoken(to.language),
        to.box.seal(to.phone, "message.phone"),
        to.phone_index,
        to.box.seal(body, "message.text"),
        MessageState.CREATED.value,
        _priority(owed),
        shard_of(to.phone_index),
        0,
        0,
        not_before,
        owed.expires_at or not_before + RECEIPT_LIFE,
        "",
        "",
        "",
        work.now,
    )
