"""What became of a text, by its gateway's reports: in any order, twice, too early, without an id; only ever forward."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import select

from gateways.base import DeliveryReport, Outcome
from insurance.manners import REPEATABLE
from insurance.work import Work
from models import GatewayMessage, GatewayReport, Message, MessageState
from models.machine import Cause, move
from models.message import MESSAGE_MOVES
from sms import numbers

log = structlog.get_logger()

# Source: VA Notify's rule (field.md 3.5): two more tries in three days, the life of a receipt, with a tenth of jitter.
UNREACHED_MAX: Final = 2
_AGAIN_AFTER: Final = (timedelta(hours=6), timedelta(hours=30))
_JITTER_PERCENT: Final = 10
# A report may beat the commit of the id that it is about; later than this its id never reached us.
EARLY: Final = timedelta(minutes=2)
# Its text may be with a sender that died, whose lease has to run out first (outbox.LEASE): it is looked for so long.
HELD_BY: Final = timedelta(minutes=10)
LOOKED_FOR: Final = timedelta(hours=72)
HEARD_AT_ONCE: Final = 1000


def take(work: Work, report: DeliveryReport) -> None:
    """Stores a report and moves its text, where we know it already; `hear_early` finds it else, or `hear_late`."""
    row = GatewayReport(
        kind="delivery",
        gateway_id=report.gateway_id,
        status=report.status,
        detail=report.failure,
        outcome=report.outcome.value,
        phone_index=work.keys.index("phone", report.phone) if report.phone else None,
        known=False,
        heard=report.outcome in (Outcome.ON_THE_WAY, Outcome.UNKNOWN),
        received_at=work.now,
    )
    if report.outcome is Outcome.UNKNOWN:
        log.warning("sms_report_unknown", status=report.status, failure=report.failure)
    work.db.add(row)
    known = work.db.get(GatewayMessage, report.gateway_id)
    if known is not None:
        row.known = True
        _hear(work, row, known)


def hear_early(work: Work, gateway_ids: Sequence[str]) -> None:
    """Reports that came before the ids they are about were committed."""
    if not any(gateway_ids):
        return
    query = (
        select(GatewayReport, GatewayMessage)
        .join(GatewayMessage, GatewayMessage.gateway_id == GatewayReport.gateway_id)
        .where(GatewayReport.gateway_id.in_(list(gateway_ids)), GatewayReport.heard.is_(False))
        .order_by(GatewayReport.id)
    )
    for row, known in work.db.execute(query).all():
        _hear(work, row, known)


def hear_late(work: Work) -> int:
    """The net: reports whose two transactions did not see each other, and those of texts whose id we never got.

    How many were heard for good: the others are looked at again.
    """
    query = (
        select(GatewayReport, GatewayMessage)
        .outerjoin(GatewayMessage, GatewayMessage.gateway_id == GatewayReport.gateway_id)
        .where(
            GatewayReport.kind == "delivery",
            GatewayReport.heard.is_(False),
            GatewayReport.received_at < work.now - EARLY,
        )
        .order_by(GatewayReport.received_at, GatewayReport.id)
        .limit(HEARD_AT_ONCE)
        .with_for_update(of=GatewayReport, skip_locked=True)
    )
    found = work.db.execute(query).all()
    for row, known in found:
        if known is not None:
            _hear(work, row, known)
        else:
            _hear_of_held(work, row)
    return sum(row.heard for row, _ in found)


def _hear_of_held(work: Work, row: GatewayReport) -> None:
    """Its id is none of ours: a number to which exactly one text may have gone before is told of that one.

    It may be about another all the same, so nothing that may not go twice is sent again on its word.
    """
    row.heard = row.received_at < work.now - HELD_BY
    unsure = (
        select(Message)
        .where(
            Message.state.in_([MessageState.HELD.value, MessageState.SENDING.value]),
            Message.phone_index == row.phone_index,
            Message.created_at <= row.received_at,
            Message.created_at > row.received_at - LOOKED_FOR,
        )
        .limit(2)
        .with_for_update()
    )
    candidates = work.db.scalars(unsure).all()
    if len(candidates) != 1 or candidates[0].state != MessageState.HELD.value:
        return
    row.heard = True
    if row.outcome == Outcome.DELIVERED.value or candidates[0].kind in REPEATABLE:
        candidates[0].gateway_id = row.gateway_id
        _settle(work, candidates[0], row)


def _hear(work: Work, row: GatewayReport, known: GatewayMessage) -> None:
    message = work.db.get_one(Message, (known.month, known.message_id), with_for_update=True, populate_existing=True)
    # While it is being sent again nothing is moved under the sender's hands: the report is heard after that.
    row.heard = message.state != MessageState.SENDING.value
    if row.heard:
        _settle(work, message, row)


def _settle(work: Work, message: Message, row: GatewayReport) -> None:
    """Moves the text where its machine has a way, and else leaves it: what is final stays."""
    outcome = Outcome(row.outcome)
    if outcome is Outcome.DELIVERED:
        numbers.heard(work, message.phone_index, outcome)
        _to(work, message, MessageState.DELIVERED, row)
    elif row.gateway_id == message.gateway_id and outcome in (Outcome.LOST, Outcome.REFUSED):
        if _to(work, message, MessageState.UNDELIVERED, row):
            numbers.heard(work, message.phone_index, outcome)
    elif row.gateway_id == message.gateway_id and outcome is Outcome.UNREACHED:
        _unreached(work, message, row)


def _unreached(work: Work, message: Message, row: GatewayReport) -> None:
    again_at = work.now + _pause(message)
    if message.unreached >= UNREACHED_MAX or again_at >= message.expires_at:
        # A code, or a reminder of a day that is past, helps nobody later.
        _to(work, message, MessageState.UNDELIVERED, row)
    elif message.state == MessageState.SENT.value:
        _to(work, message, MessageState.CREATED, row)
        message.unreached += 1
        message.not_before = again_at
    elif message.state == MessageState.HELD.value:
        # That it did not arrive says that it may be sent: nothing was received twice.
        _to(work, message, MessageState.CREATED, row)
        message.lease_until, message.not_before = None, again_at


def _pause(message: Message) -> timedelta:
    """A tenth earlier or later, by its id, so that those of one outage do not all come back at once."""
    pause = _AGAIN_AFTER[min(message.unreached, len(_AGAIN_AFTER) - 1)]
    percent = 100 - _JITTER_PERCENT + message.id % (2 * _JITTER_PERCENT + 1)
    return pause * percent / 100


def _to(work: Work, message: Message, state: MessageState, row: GatewayReport) -> bool:
    if state not in MESSAGE_MOVES[MessageState(message.state)]:
        return False
    code = row.detail or row.status
    move(work.db, message, MESSAGE_MOVES, state, Cause("gateway", "report", code), work.now)
    message.code = code[:40]
    if state is not MessageState.CREATED:
        message.lease_until = None
    return True
