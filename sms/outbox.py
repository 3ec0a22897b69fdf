"""The rows of texts on their way: claimed under a lease, marked with what became of them, looked at again when held."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from gateways.base import Accepted, Outcome
from insurance.manners import CODES, OPTIONAL, REPEATABLE, URGENT
from insurance.work import Work
from models import GatewayMessage, Message, MessageState, NumberMark, Worker
from models.machine import Cause, move
from models.message import MESSAGE_MOVES
from sealing import Unreadable
from sms import numbers
from sms.routing import SLOW_S, Routes
from units.clock import JAKARTA, next_daytime

# Longer than a gateway client's own time-outs (3.05 s + 9.05 s) for every row of a claim, one after the other.
CLAIMED_MAX = 20
LEASE = timedelta(minutes=5)
_BACK_OFF = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
# A held text of a kind that may go twice goes again; any other waits as long as reports come (field.md 3.5).
HELD_AGAIN, HELD_CODE_AGAIN = timedelta(minutes=15), timedelta(minutes=2)
REPORTS_COME = timedelta(hours=72)
HELD_AT_ONCE = 1000


@dataclass(frozen=True)
class Claimed:
    key: tuple[date, int]
    phone: str
    text: str
    route: str

    def __repr__(self) -> str:
        return "Claimed(***)"


@dataclass(frozen=True)
class Sent:
    """What came of one claimed text."""

    row: Claimed
    state: MessageState
    code: str = ""
    accepted: Accepted | None = None
    of_number: Outcome | None = None
    took_s: float = 0.0
    stopped: bool = False
    """The gateway refuses all our texts: nothing was sent, and this one may go by another at once."""

    @property
    def is_bad(self) -> bool:
        """Whether it tells against the gateway."""
        return self.state in (MessageState.HELD, MessageState.CREATED) or self.took_s > SLOW_S


def claim(work: Work, shards: Sequence[int], routes: Routes, limit: int) -> list[Claimed] | None:
    """The next few to be sent, which may be none of those that were due; None where nothing is due any more."""
    query = (
        select(Message, Worker, NumberMark)
        .outerjoin(Worker, Worker.id == Message.worker_id)
        .outerjoin(NumberMark, NumberMark.phone_index == Message.phone_index)
        .where(
            Message.state == MessageState.CREATED.value,
            Message.not_before <= work.now,
            Message.expires_at > work.now,
            Message.shard.in_(shards),
        )
        .order_by(Message.priority, Message.not_before, Message.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Message)
    )
    found = work.db.execute(query).unique().all()
    claimed = []
    for message, worker, mark in found:
        if (code := _unwanted(message, worker, mark)) is not None:
            _to(work, message, MessageState.REFUSED, code)
            continue
        if (from_time := _may_go_from(work, message, worker, mark)) > work.now:
            message.not_before = from_time
            continue
        route = routes.choose(message.id, message.route)
        if not route:
            break
        try:
            box = work.box(worker) if worker is not None else work.keys.shared
            row = Claimed(
                (message.month, message.id),
                box.open(message.phone_sealed, "message.phone"),
                box.open(message.text_sealed, "message.text"),
                route,
            )
        except Unreadable:
            # The person was erased after the text was owed: nobody is left to tell.
            _to(work, message, MessageState.REFUSED, "unreadable")
            continue
        _to(work, message, MessageState.SENDING, "")
        message.lease_until, message.route, message.tries = work.now + LEASE, route, message.tries + 1
        claimed.append((row, message.phone_index))
    numbers.count_texts(work, [phone_index for _, phone_index in claimed])
    return [row for row, _ in claimed] if found else None


def _unwanted(message: Message, worker: Worker | None, mark: NumberMark | None) -> str | None:
    """Why a text that need not be sent is not: its reader asked for silence, or the number is no one's."""
    if message.kind not in OPTIONAL:
        return None
    if mark is not None and mark.refuses_since is not None:
        return "opted out"
    if mark is not None and mark.bad_since is not None:
        return "bad number"
    return "opted out" if worker is not None and not worker.reminders else None


def _may_go_from(work: Work, message: Message, worker: Worker | None, mark: NumberMark | None) -> datetime:
    """Due by day and not sent then, for a gateway that was away or a queue that was long: it rings in no night."""
    zone = ZoneInfo(worker.village.zone) if worker is not None else JAKARTA
    texted = mark.texted if mark is not None and mark.texted_on == work.today else 0
    if texted >= work.settings.SMS_DAY_MAX and message.kind in REPEATABLE - CODES:
        return next_daytime(datetime.combine(work.today + timedelta(days=1), datetime.min.time(), JAKARTA), zone)
    return work.now if message.priority <= URGENT else next_daytime(work.now, zone)


def record(work: Work, results: Sequence[Sent]) -> None:
    """What came of each; a row whose lease ran out meanwhile is held, and only a clear yes or no settles it."""
    by_key = {one.row.key: one for one in results}
    query = select(Message).where(tuple_(Message.month, Message.id).in_(list(by_key))).order_by(Message.id)
    for message in work.db.scalars(query.with_for_update()):
        one = by_key[message.month, message.id]
        waits = message.state == MessageState.SENDING.value
        late = message.state == MessageState.HELD.value and one.state is MessageState.SENT
        if not (waits or late):
            continue
        _to(work, message, one.state, one.code)
        message.lease_until = None
        if one.state is MessageState.CREATED:
            pause = timedelta() if one.stopped else _BACK_OFF[min(message.tries - 1, len(_BACK_OFF) - 1)]
            message.not_before = work.now + pause
        elif one.state is MessageState.HELD:
            hold(work, message)
        if one.of_number is not None:
            numbers.heard(work, message.phone_index, one.of_number)
        if one.accepted is not None:
            _accepted(work, message, one.accepted)


def _accepted(work: Work, message: Message, accepted: Accepted) -> None:
    message.accepted_at = message.accepted_at or work.now
    message.gateway_id = accepted.gateway_id
    if accepted.gateway_id:
        known = insert(GatewayMessage).values(
            gateway_id=accepted.gateway_id, month=message.month, message_id=message.id
        )
        work.db.execute(known.on_conflict_do_nothing())


def hold(work: Work, message: Message) -> None:
    """Says when a text that may have been sent is looked at again."""
    again = HELD_CODE_AGAIN if message.kind in CODES else HELD_AGAIN if message.kind in REPEATABLE else REPORTS_COME
    message.lease_until = work.now + again


def _to(work: Work, message: Message, state: MessageState, code: str) -> None:
    move(work.db, message, MESSAGE_MOVES, state, Cause("sender", "drain", code), work.now)
    message.code = code[:40]


def expire(work: Work) -> None:
    """What nobody could send while it was of use."""
    late = (
        update(Message)
        .where(Message.state == MessageState.CREATED.value, Message.expires_at <= work.now)
        .values(state=MessageState.EXPIRED.value)
    )
    work.db.execute(late)


def look_again(work: Work) -> int:
    """Rows whose sender died in the act are held; held ones go again, or are given up as unconfirmed; how many."""
    waiting = [MessageState.SENDING.value, MessageState.HELD.value]
    query = (
        select(Message)
        .where(Message.state.in_(waiting), Message.lease_until < work.now)
        .order_by(Message.lease_until)
        .limit(HELD_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    found = work.db.scalars(query).all()
    for message in found:
        if message.state == MessageState.SENDING.value:
            _to(work, message, MessageState.HELD, "lease")
            hold(work, message)
        elif message.kind in REPEATABLE and message.expires_at > work.now:
            _to(work, message, MessageState.CREATED, "again")
            message.lease_until, message.not_before = None, work.now
        else:
            _to(work, message, MessageState.UNCONFIRMED, "no report")
            message.lease_until = None
    return len(found)


def unconfirm(work: Work) -> int:
    """What a gateway took three days ago and never reported on; how many, at most HELD_AT_ONCE."""
    query = (
        select(Message)
        .where(Message.state == MessageState.SENT.value, Message.accepted_at < work.now - REPORTS_COME)
        .order_by(Message.accepted_at)
        .limit(HELD_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    found = work.db.scalars(query).all()
    for message in found:
        _to(work, message, MessageState.UNCONFIRMED, "no report")
    return len(found)
