"""Fixes what is to be debited and when, with its notice; drops what cannot be any more. It asks no bank."""

import calendar
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert

from insurance.receipts import REMINDER, owe_worker
from insurance.references import new_reference
from insurance.tariff import PAYER_SELF, NoTariff, first_month, price_list
from insurance.waking import COLLECT, wake
from insurance.work import Work
from models import (
    Attempt,
    AttemptReference,
    AttemptState,
    CoverMonth,
    Mandate,
    MandateState,
    Membership,
    MembershipState,
    Message,
    MessageKey,
    MonthState,
)
from models.event import record
from models.machine import Cause, move
from models.month import ATTEMPT_MOVES, MONTH_MOVES, OPEN_ATTEMPTS
from texts.longest import BANK_SHOWN_SEPTETS
from units.clock import JAKARTA, jakarta_day
from units.gsm import shorten
from units.money import rupiah
from units.month import Month, add_months, day_text, last_day, month_name
from units.phone import masked_tail

log = structlog.get_logger()

# Tries that were sent to a bank for one month, over all mandates (rulings 8).
TRIES_MAX = 3
# The notice is given at least this long before the day it names, on top of NOTICE_HOURS after a gateway took it.
_NOTICE_SLACK = timedelta(hours=12)


class AboveMaximum(Exception):
    """The month costs more than the mandate allows: never sent, told once, a new consent is needed."""


class TooLate(Exception):
    """No day is left in the month on which the debit could be noticed and sent."""


def facts(attempt: Attempt, mandate: Mandate, language: str) -> dict[str, str]:
    """What every text about an attempt says of it; the amount is all that leaves the account, fee included."""
    return {
        "month": month_name(attempt.month, language),
        "amount": rupiah(attempt.total_rp),
        "bank": shorten(mandate.bank.name, BANK_SHOWN_SEPTETS),
        "account": masked_tail(mandate.account_tail),
    }


def change(work: Work, attempt: Attempt, to: AttemptState, cause: Cause) -> None:
    move(work.db, attempt, ATTEMPT_MOVES, to, cause, work.now)
    attempt.changed_at, attempt.code, attempt.lease_until = work.now, cause.code, None


def open_month(work: Work, worker_id: int, month: Month) -> CoverMonth:
    """The one row of this month, made if need be and held to the end of the transaction."""
    row = insert(CoverMonth).values(month=month, worker_id=worker_id, state=MonthState.OPEN.value, payer=PAYER_SELF)
    work.db.execute(row.on_conflict_do_nothing())
    query = select(CoverMonth).where(CoverMonth.month == month, CoverMonth.worker_id == worker_id).with_for_update()
    return work.db.scalars(query.execution_options(populate_existing=True)).one()


def _schedule(work: Work, mandate: Mandate, month: Month, due_on: date, *, needs_notice: bool) -> Attempt | None:
    """Fix the attempt for `month` with its amounts and reference; None where the month needs none or has one.

    What this mandate has tried already is tried again by the retry rules, not from here; what an earlier mandate tried
    and finally failed is, on another day, for the member agreed to it anew (rulings 8). Raises AboveMaximum, TooLate.
    """
    row = open_month(work, mandate.worker_id, month)
    if row.state not in (MonthState.OPEN.value, MonthState.MISSED.value):
        return None
    earlier = _months_attempts(work, mandate.worker_id, month)
    sent = [attempt.asked_at for attempt in earlier if attempt.asked_at is not None]
    if len(sent) >= TRIES_MAX or any(_blocks(attempt, mandate) for attempt in earlier):
        return None
    if sent:
        due_on = max(due_on, jakarta_day(max(sent)) + timedelta(days=1))
    if due_on > last_day(month):
        raise TooLate
    membership = work.db.get_one(Membership, mandate.worker_id)
    quote = price_list(work, membership.sector).quote(month, membership.base_rp, membership.programmes)
    if quote.total_rp + mandate.fee_rp > mandate.max_amount_rp:
        _tell_above_maximum(work, mandate, month, quote.total_rp + mandate.fee_rp)
        raise AboveMaximum
    attempt = Attempt(
        month=month,
        worker_id=mandate.worker_id,
        n=len(earlier) + 1,
        mandate_id=mandate.id,
        reference=new_reference(),
        jkk_rp=quote.by_programme["JKK"],
        jkm_rp=quote.by_programme["JKM"],
        jht_rp=quote.by_programme.get("JHT", 0),
        fee_rp=mandate.fee_rp,
        state=AttemptState.SCHEDULED.value,
        due_on=due_on,
        needs_notice=needs_notice,
        code="",
        bank_reference="",
        changed_at=work.now,
    )
    reference = AttemptReference(reference=attempt.reference, month=month, worker_id=mandate.worker_id, n=attempt.n)
    work.db.add_all([attempt, reference])
    work.db.flush()
    record(work.db, attempt.subject, "system", "schedule", "", "", attempt.state, work.now)
    if needs_notice:
        _owe_notice(work, attempt, mandate)
    return attempt


def _months_attempts(work: Work, worker_id: int, month: Month) -> Sequence[Attempt]:
    query = select(Attempt).where(Attempt.month == month, Attempt.worker_id == worker_id).order_by(Attempt.n)
    return work.db.scalars(query).all()


def _blocks(attempt: Attempt, mandate: Mandate) -> bool:
    """Whether an earlier attempt forbids another: it is open, it succeeded, or it was this mandate's own."""
    taken = (*OPEN_ATTEMPTS, AttemptState.CONFIRMED)
    return attempt.state in taken or (attempt.mandate_id == mandate.id and attempt.asked_at is not None)


def _tell_above_maximum(work: Work, mandate: Mandate, month: Month, amount_rp: int) -> None:
    said = {
        "month": month_name(month, mandate.worker.language),
        "amount": rupiah(amount_rp),
        "max": rupiah(mandate.max_amount_rp),
    }
    key = f"above_maximum:{mandate.id}:{month:%Y-%m}"
    owe_worker(work, mandate.worker, "above_maximum", key, said, told_at_once=False)


def schedule_noticed(work: Work, mandate: Mandate, month: Month) -> Attempt | None:
    """A later month: on the member's day, or the first day by which the notice can have been given.

    Raises AboveMaximum or TooLate.
    """
    due_on = max(due_day(month, mandate.day), earliest_noticed_day(work))
    return _schedule(work, mandate, month, due_on, needs_notice=True)


def schedule_first(work: Work, mandate: Mandate) -> Attempt | None:
    """This month's attempt once the bank and BPJS both said yes; None where nothing is to be debited this month.

    The month that the consent named goes at once; where the yeses came in a later one, that one is noticed (rulings 5).
    What cannot be scheduled is told or logged here: neither the bank's nor the insurer's yes may be lost over it.
    """
    membership = work.db.get_one(Membership, mandate.worker_id)
    month = first_month(work.today)
    agreed = mandate.state == MandateState.ACTIVE.value and membership.state == MembershipState.VERIFIED.value
    if not agreed or mandate.first_month > month:
        return None
    try:
        if mandate.first_month < month:
            return schedule_noticed(work, mandate, month)
        attempt = _schedule(work, mandate, month, work.today, needs_notice=False)
    except (AboveMaximum, TooLate, NoTariff) as error:
        log.error("first_month_not_scheduled", mandate=mandate.id, why=type(error).__name__)
        return None
    if attempt is not None:
        wake(work.db, COLLECT)
    return attempt


def first_unpaid(work: Work, worker_id: int, month: Month) -> Month:
    """The first month from `month` on that is neither paid nor under way."""
    settled = [MonthState.COVERED.value, MonthState.WAIVED.value]
    paid = select(CoverMonth.month).where(
        CoverMonth.worker_id == worker_id, CoverMonth.month >= month, CoverMonth.state.in_(settled)
    )
    under_way = select(Attempt.month).where(
        Attempt.worker_id == worker_id, Attempt.month >= month, Attempt.state.in_([s.value for s in OPEN_ATTEMPTS])
    )
    taken = {*work.db.scalars(paid), *work.db.scalars(under_way)}
    while month in taken:
        month = add_months(month, 1)
    return month


def due_day(month: Month, day: int) -> date:
    return month.replace(day=min(day, calendar.monthrange(month.year, month.month)[1]))


def earliest_noticed_day(work: Work) -> date:
    """The first day a debit may fall on whose notice is owed now: 08.00 tomorrow at worst, the notice hours, slack."""
    hours = timedelta(hours=work.settings.NOTICE_HOURS) + _NOTICE_SLACK
    return jakarta_day(work.now + hours) + timedelta(days=1)


def _owe_notice(work: Work, attempt: Attempt, mandate: Mandate) -> None:
    worker = mandate.worker
    if attempt.state == AttemptState.SCHEDULED.value:
        move(work.db, attempt, ATTEMPT_MOVES, AttemptState.NOTICED, Cause("system", "notice"), work.now)
    owe_worker(
        work,
        worker,
        "notice",
        notice_key(attempt),
        {"date": day_text(attempt.due_on), **facts(attempt, mandate, worker.language)},
        told_at_once=False,
        priority=REMINDER,
        # A notice that is not out by its day is useless: the day moves and another one is owed.
        expires_at=datetime.combine(attempt.due_on, datetime.min.time(), JAKARTA),
    )


def notice_key(attempt: Attempt) -> str:
    return f"notice:{attempt.reference}:{attempt.due_on:%Y%m%d}"


def was_noticed(work: Work, attempt: Attempt) -> bool:
    """Whether a gateway took the notice of this very day NOTICE_HOURS ago or earlier."""
    query = (
        select(Message.accepted_at)
        .join(MessageKey, (MessageKey.month == Message.month) & (MessageKey.message_id == Message.id))
        .where(MessageKey.key == notice_key(attempt))
    )
    accepted = work.db.scalar(query)
    return accepted is not None and accepted <= work.now - timedelta(hours=work.settings.NOTICE_HOURS)


def postpone(work: Work, attempt: Attempt, mandate: Mandate) -> None:
    """The notice came too late: another day with another notice, or none where the month is too short for it."""
    due_on = earliest_noticed_day(work)
    if due_on > last_day(attempt.month):
        drop(work, attempt, mandate, Cause("system", "notice_late"))
        return
    attempt.due_on = due_on
    record(work.db, attempt.subject, "system", "notice_late", "", attempt.state, attempt.state, work.now)
    _owe_notice(work, attempt, mandate)


def drop(work: Work, attempt: Attempt, mandate: Mandate, cause: Cause) -> None:
    """The month goes by without a debit, and the member is told so: arrears need a yes of their own (rulings 2)."""
    change(work, attempt, AttemptState.CANCELLED, cause)
    row = open_month(work, attempt.worker_id, attempt.month)
    if row.state == MonthState.OPEN.value:
        move(work.db, row, MONTH_MOVES, MonthState.MISSED, cause, work.now)
    if mandate.state == MandateState.ACTIVE.value:
        said = {"month": month_name(attempt.month, mandate.worker.language)}
        owe_worker(work, mandate.worker, "missed", f"missed:{attempt.reference}", said, told_at_once=False)


def _unsent() -> ColumnElement[bool]:
    return Attempt.state.in_([AttemptState.SCHEDULED.value, AttemptState.NOTICED.value])


def cancel_unsent(work: Work, mandate: Mandate, cause: Cause) -> bool:
    """Drop every attempt of the mandate that was not sent; True where one is at the bank and will end there."""
    of_mandate = select(Attempt).where(Attempt.mandate_id == mandate.id)
    for attempt in work.db.scalars(of_mandate.where(_unsent()).with_for_update()):
        change(work, attempt, AttemptState.CANCELLED, cause)
    at_bank = of_mandate.where(Attempt.state.in_([AttemptState.SENT.value, AttemptState.UNKNOWN.value]))
    return work.db.scalars(at_bank).first() is not None


def drop_past_months(work: Work) -> None:
    """Attempts that were never sent in their month are over with it."""
    stale = (
        select(Attempt, Mandate)
        .join(Mandate, Mandate.id == Attempt.mandate_id)
        .where(_unsent(), Attempt.month < first_month(work.today))
        .with_for_update(skip_locked=True, of=Attempt)
    )
    for attempt, mandate in work.db.execute(stale).unique():
        drop(work, attempt, mandate, Cause("system", "month_over"))
