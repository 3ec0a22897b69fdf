"""Sends the outbox: claims rows under a lease, sends outside, marks; no receipt goes twice, and no run's by night."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from gateways.base import Accepted, GatewayStopped, SendRefused, SendUnknown, SendUnreachable
from insurance.receipts import URGENT
from insurance.work import Work
from models import GatewayMessage, Message, MessageState, Worker
from models.machine import Cause, move
from models.message import MESSAGE_MOVES
from ports import Ports
from sealing import Unreadable
from units.clock import JAKARTA, next_daytime

log = structlog.get_logger()

# Longer than the gateway client's own time-outs (3.05 s + 9.05 s) for every row of a claim, one after the other.
CLAIMED_MAX = 20
LEASE = timedelta(minutes=5)
_BACK_OFF = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))


@dataclass(frozen=True)
class Claimed:
    month_id: tuple[date, int]
    phone: str
    text: str

    def __repr__(self) -> str:
        return "Claimed(***)"


def drain(ports: Ports) -> int:
    """Send all that is due now; how many the gateway took. Stops early where our whole account is refused."""
    sent = 0
    with ports.transaction() as work:
        _settle_lost(work)
        _expire(work)
    while (claimed := _claim(ports)) is not None:
        for row in claimed:
            try:
                accepted = ports.sms.send(row.phone, row.text)
            except GatewayStopped as stop:
                log.error("sms_gateway_stopped", code=stop.code)
                _put_back(ports, claimed[claimed.index(row) :], f"stopped {stop.code}")
                return sent
            except SendRefused as refusal:
                _mark(ports, row, MessageState.REFUSED, refusal.code)
            except SendUnreachable:
                _put_back(ports, [row], "unreachable")
            except SendUnknown:
                _mark(ports, row, MessageState.HELD, "unknown")
            else:
                sent += 1
                _mark(ports, row, MessageState.SENT, "", accepted)
    return sent


def _claim(ports: Ports) -> list[Claimed] | None:
    """The next few to be sent, which may be none of those that were due; None where nothing is due any more."""
    with ports.transaction() as work:
        query = (
            select(Message, Worker)
            .outerjoin(Worker, Worker.id == Message.worker_id)
            .where(
                Message.state == MessageState.CREATED.value,
                Message.not_before <= work.now,
                Message.expires_at > work.now,
            )
            .order_by(Message.priority, Message.not_before, Message.id)
            .limit(CLAIMED_MAX)
            .with_for_update(skip_locked=True, of=Message)
        )
        found = work.db.execute(query).unique().all()
        claimed = []
        for message, worker in found:
            if (from_time := _may_come_from(work, message, worker)) > work.now:
                message.not_before = from_time
                continue
            _to(work, message, MessageState.SENDING, "")
            message.lease_until, message.tries = work.now + LEASE, message.tries + 1
            try:
                box = work.box(worker) if worker is not None else work.keys.shared
                phone, body = (
                    box.open(message.phone_sealed, "message.phone"),
                    box.open(message.text_sealed, "message.text"),
                )
            except Unreadable:
                # The person was erased after the text was owed: nobody is left to tell.
                _to(work, message, MessageState.REFUSED, "unreadable")
                continue
            claimed.append(Claimed((message.month, message.id), phone, body))
        return claimed if found else None


def _may_come_from(work: Work, message: Message, worker: Worker | None) -> datetime:
    """Due by day and not sent then, for a gateway that was away or a queue that was long: it rings in no night."""
    if message.priority == URGENT:
        return work.now
    return next_daytime(work.now, ZoneInfo(worker.village.zone) if worker is not None else JAKARTA)


def _to(work: Work, message: Message, state: MessageState, code: str) -> None:
    move(work.db, message, MESSAGE_MOVES, state, Cause("sender", "drain", code), work.now)
    message.code = code[:40]


def _mark(ports: Ports, row: Claimed, state: MessageState, code: str, accepted: Accepted | None = None) -> None:
    with ports.transaction() as work:
        message = work.db.get_one(Message, row.month_id, with_for_update=True)
        # Where the lease ran out first the row is held; that the gateway took it settles it, nothing else does.
        late_yes = message.state == MessageState.HELD.value and state is MessageState.SENT
        if message.state != MessageState.SENDING.value and not late_yes:
            return
        _to(work, message, state, code)
        message.lease_until = None
        if accepted is not None:
            message.accepted_at, message.gateway_id = work.now, accepted.gateway_id
            if accepted.gateway_id:
                known = insert(GatewayMessage).values(
                    gateway_id=accepted.gateway_id, month=message.month, message_id=message.id
                )
                work.db.execute(known.on_conflict_do_nothing())


def _put_back(ports: Ports, rows: list[Claimed], code: str) -> None:
    """Nothing was sent: the same row goes again after a while, as long as it lives."""
    with ports.transaction() as work:
        for row in rows:
            message = work.db.get_one(Message, row.month_id, with_for_update=True)
            if message.state == MessageState.SENDING.value:
                _to(work, message, MessageState.CREATED, code)
                message.lease_until = None
                message.not_before = work.now + _BACK_OFF[min(message.tries - 1, len(_BACK_OFF) - 1)]


def _expire(work: Work) -> None:
    """What nobody could send while it was of use."""
    late = (
        update(Message)
        .where(Message.state == MessageState.CREATED.value, Message.expires_at <= work.now)
        .values(state=MessageState.EXPIRED.value)
    )
    work.db.execute(late)


def _settle_lost(work: Work) -> None:
    """Rows whose sender died in the act may have been sent: held, for a delivery report or a person."""
    query = (
        select(Message)
        .where(Message.state == MessageState.SENDING.value, Message.lease_until < work.now)
        .with_for_update(skip_locked=True)
    )
    for message in work.db.scalars(query):
        _to(work, message, MessageState.HELD, "lease")
