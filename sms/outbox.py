"""The rows of texts on their way: claimed under a lease, marked with what became of them, looked at again when held."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, SmallInteger, any_, bindparam, select, text, tuple_, update

from gateways.base import Accepted, Outcome
from insurance.manners import CAPPED, CODES, OPTIONAL, REPEATABLE, URGENT
from insurance.work import Work
from models import GatewayMessage, Message, MessageState, NumberMark, Village, Worker
from models.bulk import add_unknown, question, read_rows, update_rows
from models.event import Happening, record_all
from models.machine import Cause, check, move
from models.message import MESSAGE_MOVES, message_subject
from sealing import Unreadable
from sms import numbers
from sms.routing import SLOW_S, Routes
from units.clock import JAKARTA, next_daytime

CLAIMED_MAX = 50
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
    claimed_at: datetime

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
    at_once: bool = False
    """Nothing was sent, by no fault of this text: it may go again, by another gateway, at once."""

    @property
    def is_bad(self) -> bool:
        """Whether it tells against the gateway."""
        return self.state in (MessageState.HELD, MessageState.CREATED) or self.took_s > SLOW_S


_DUE = question(
    select(
        *(Message.month, Message.id, Message.kind, Message.priority, Message.tries, Message.unreached, Message.route),
        *(Message.phone_index, Message.phone_sealed, Message.text_sealed),
        *(Worker.data_key, Worker.reminders, Village.zone),
        *(NumberMark.bad_since, NumberMark.refuses_since, NumberMark.texted_on, NumberMark.texted),
    )
    .outerjoin(Worker, Worker.id == Message.worker_id)
    .outerjoin(Village, Village.code == Worker.village_code)
    .outerjoin(NumberMark, NumberMark.phone_index == Message.phone_index)
    .where(
        Message.state == MessageState.CREATED.value,
        Message.not_before <= bindparam("now"),
        Message.expires_at > bindparam("now"),
        Message.shard == any_(bindparam("shards", type_=ARRAY(SmallInteger))),
    )
    .order_by(Message.priority, Message.not_before, Message.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=Message)
)


class _Due(NamedTuple):
    """In the order of _DUE."""

    month: date
    id: int
    kind: str
    priority: int
    tries: int
    unreached: int
    route: str
    phone_index: bytes
    phone_sealed: bytes
    text_sealed: bytes
    data_key: bytes | None
    reminders: bool | None
    zone: str | None
    bad_since: datetime | None
    refuses_since: datetime | None
    texted_on: date | None
    texted: int | None


def claim(work: Work, shards: Sequence[int], routes: Routes, most: int) -> list[Claimed] | None:
    """The next few to be sent, which may be none of those that were due; None where nothing is due any more."""
    found = [_Due(*row) for row in read_rows(work.db, _DUE, now=work.now, shards=list(shards), most=most)]
    claimed, moved, later, numbered = list[Claimed](), list[_Move](), list[dict[str, Any]](), Counter[bytes]()
    for due in found:
        if (code := _unwanted(due)) is not None:
            moved.append(_Move(due, MessageState.REFUSED, code))
        elif (from_time := _may_go_from(work, due, numbered[due.phone_index])) > work.now:
            later.append({"month": due.month, "id": due.id, "not_before": from_time})
        elif not (route := routes.choose(due.id, due.route)):
            break
        elif (row := _opened(work, due, route)) is None:
            # The person was erased after the text was owed: nobody is left to tell.
            moved.append(_Move(due, MessageState.REFUSED, "unreadable"))
        else:
            claimed.append(row)
            moved.append(_Move(due, MessageState.SENDING, "", route))
            numbered[due.phone_index] += 1
    update_rows(work.db, Message, ("month", "id"), later)
    _move_all(work, moved)
    numbers.count_texts(work, numbered)
    return claimed if found else None


class _Move(NamedTuple):
    due: _Due
    to: MessageState
    code: str
    route: str = ""
    """Of a claimed one."""


def _move_all(work: Work, moved: Sequence[_Move]) -> None:
    rows = [
        {
            "month": due.month,
            "id": due.id,
            "state": to.value,
            "code": code,
            "tries": due.tries + bool(route),
            "route": route or due.route,
        }
        for due, to, code, route in moved
    ]
    update_rows(work.db, Message, ("month", "id"), rows, lease_until=work.now + LEASE)
    _tell(work, [((due.month, due.id), MessageState.CREATED.value, to, code) for due, to, code, _ in moved])


def _tell(work: Work, moves: Sequence[tuple[tuple[date, int], str, MessageState, str]]) -> None:
    """The events of moves that were made in bulk: key, state before, state after, code."""
    happened = []
    for (month, id_), before, to, code in moves:
        check("message", MESSAGE_MOVES, before, to)
        happened.append(Happening(message_subject(month, id_), "sender", "drain", code, before, to.value))
    record_all(work.db, happened, work.now)


def _opened(work: Work, due: _Due, route: str) -> Claimed | None:
    try:
        box = work.keys.person(due.data_key) if due.data_key is not None else work.keys.shared
        phone, body = box.open(due.phone_sealed, "message.phone"), box.open(due.text_sealed, "message.text")
    except Unreadable:
        return None
    return Claimed((due.month, due.id), phone, body, route, work.now)


def _unwanted(due: _Due) -> str | None:
    """Why a text that need not be sent is not: its reader asked for silence, or the number is no one's."""
    if due.kind not in OPTIONAL:
        return None
    if due.bad_since is not None:
        return "bad number"
    return "opted out" if due.refuses_since is not None or due.reminders is False else None


def _may_go_from(work: Work, due: _Due, more: int) -> datetime:
    """Due by day and not sent then, for a gateway that was away or a queue that was long: it rings in no night."""
    zone, texted = ZoneInfo(due.zone or JAKARTA.key), due.texted or 0 if due.texted_on == work.today else 0
    if texted + more >= work.settings.SMS_DAY_MAX and due.kind in CAPPED:
        return next_daytime(datetime.combine(work.today + timedelta(days=1), datetime.min.time(), JAKARTA), zone)
    # What goes again hours later is told at once no more.
    return work.now if due.priority <= URGENT and not due.unreached else next_daytime(work.now, zone)


_SENT = text(
    "UPDATE messages AS row SET state = 'sent', code = '', lease_until = NULL, gateway_id = given.gateway_id, "
    "accepted_at = coalesce(row.accepted_at, :now) "
    "FROM unnest(CAST(:months AS date[]), CAST(:ids AS bigint[]), CAST(:gateway_ids AS varchar[])) "
    "AS given(month, id, gateway_id), messages AS old "
    "WHERE row.month = given.month AND row.id = given.id AND row.state IN ('sending', 'held') "
    "AND old.month = row.month AND old.id = row.id RETURNING row.month, row.id, old.state"
)


def record(work: Work, results: Sequence[Sent]) -> None:
    """What came of each. Of a row whose lease ran out meanwhile only that a gateway took it is of any weight."""
    taken = {one.row.key: one.accepted for one in results if one.accepted is not None}
    if taken:
        months, ids = zip(*taken, strict=True)
        gateway_ids = [accepted.gateway_id for accepted in taken.values()]
        given = {"months": list(months), "ids": list(ids), "gateway_ids": gateway_ids, "now": work.now}
        moved = work.db.execute(_SENT, given).all()
        _tell(work, [((month, id_), before, MessageState.SENT, "") for month, id_, before in moved])
        known = [
            {"gateway_id": accepted.gateway_id, "month": month, "message_id": id_}
            for (month, id_), accepted in taken.items()
            if accepted.gateway_id
        ]
        add_unknown(work.db, GatewayMessage, known, "gateway_id")
    others = {one.row.key: one for one in results if one.accepted is None}
    if not others:
        return
    query = select(Message).where(tuple_(Message.month, Message.id).in_(list(others))).order_by(Message.id)
    for message in work.db.scalars(query.with_for_update()):
        if message.state == MessageState.SENDING.value:
            _not_taken(work, message, others[message.month, message.id])


def _not_taken(work: Work, message: Message, one: Sent) -> None:
    _to(work, message, one.state, one.code)
    message.lease_until = None
    if one.state is MessageState.CREATED:
        pause = timedelta() if one.at_once else _BACK_OFF[min(message.tries - 1, len(_BACK_OFF) - 1)]
        message.not_before = work.now + pause
    elif one.state is MessageState.HELD:
        hold(work, message)
    if one.of_number is not None:
        numbers.heard(work, message.phone_index, one.of_number)


def hold(work: Work, message: Message) -> None:
    """Says when a text that may have been sent is looked at again."""
    again = HELD_CODE_AGAIN if message.kind in CODES else HELD_AGAIN if message.kind in REPEATABLE else REPORTS_COME
    message.lease_until = work.now + again


def _to(work: Work, message: Message, state: MessageState, code: str) -> None:
    move(work.db, message, MESSAGE_MOVES, state, Cause("sender", "drain", code), work.now)
    message.code = code[:40]


def expire(work: Work) -> None:
    """What nobody could send while it was of use; one that ends while it waits for its hour, when that has come."""
    # Of what waits for later, which may be a nation's notices, nothing is read (ix_messages_waiting).
    late = (
        update(Message)
        .where(Message.state == MessageState.CREATED.value)
        .where(Message.not_before <= work.now, Message.expires_at <= work.now)
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
