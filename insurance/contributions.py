"""One month of one worker: scheduled, noticed, collected, failed; each fact with its rows and its receipt together."""

import calendar
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from insurance.ledger import post_collected
from insurance.receipts import REMINDER, owe_worker
from insurance.references import new_reference
from insurance.tariff import PAYER_SELF, PriceList, first_month
from insurance.waking import COLLECT, EXCHANGE, wake
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
    Worker,
)
from models.event import record
from models.machine import Cause, move
from models.month import ATTEMPT_MOVES, MONTH_MOVES, OPEN_ATTEMPTS
from units.clock import JAKARTA, jakarta_day
from units.gsm import shorten
from units.money import rupiah
from units.month import Month, add_months, day_text, month_name
from units.phone import masked_tail

# Tries that were sent to a bank for one month, over all mandates (rulings 8).
TRIES_MAX = 3
# While a member has been asked what to stop, nothing is debited (rulings 13).
STOP_OPEN = timedelta(hours=24)
# The notice is given at least this long before the day it names, on top of NOTICE_HOURS after a gateway took it.
_NOTICE_SLACK = timedelta(hours=12)


class AboveMaximum(Exception):
    """The month costs more than the mandate allows: never sent, a new consent is needed."""


def facts(attempt: Attempt, mandate: Mandate, language: str) -> dict[str, str]:
    """What every text about an attempt says of it; the amount is all that leaves the account, fee included."""
    return {
        "month": month_name(attempt.month, language),
        "amount": rupiah(attempt.total_rp),
        "bank": shorten(mandate.bank.name, 18),
        "account": masked_tail(mandate.account_tail),
    }


def _months_attempts(work: Work, worker_id: int, month: Month) -> Sequence[Attempt]:
    query = select(Attempt).where(Attempt.month == month, Attempt.worker_id == worker_id).order_by(Attempt.n)
    return work.db.scalars(query).all()


def _open_month(work: Work, worker_id: int, month: Month) -> CoverMonth:
    row = insert(CoverMonth).values(month=month, worker_id=worker_id, state=MonthState.OPEN.value, payer=PAYER_SELF)
    work.db.execute(row.on_conflict_do_nothing())
    query = select(CoverMonth).where(CoverMonth.month == month, CoverMonth.worker_id == worker_id).with_for_update()
    return work.db.scalars(query).one()


def schedule(work: Work, mandate: Mandate, month: Month, due_on: date, *, needs_notice: bool) -> Attempt | None:
    """Fix the attempt for `month` with its amount and reference; None where the month needs none or has one.

    Raises AboveMaximum. What this mandate has tried already is tried again by the retry rules, not from here; what an
    earlier mandate tried and finally failed is, on another day, for the member agreed to it anew (rulings 8).
    """
    row = _open_month(work, mandate.worker_id, month)
    if row.state not in (MonthState.OPEN.value, MonthState.MISSED.value):
        return None
    earlier = _months_attempts(work, mandate.worker_id, month)
    sent = [attempt.asked_at for attempt in earlier if attempt.asked_at is not None]
    if len(sent) >= TRIES_MAX or any(_blocks(attempt, mandate) for attempt in earlier):
        return None
    if sent:
        due_on = max(due_on, jakarta_day(max(sent)) + timedelta(days=1))
    membership = work.db.get_one(Membership, mandate.worker_id)
    quote = PriceList(work.db, membership.sector).quote(month, membership.base_rp, membership.programmes)
    fee = work.settings.BANK_FEE_RP
    if quote.total_rp + fee > mandate.max_amount_rp:
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
        fee_rp=fee,
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


def _blocks(attempt: Attempt, mandate: Mandate) -> bool:
    """Whether an earlier attempt forbids another: it is open, it succeeded, or it was this mandate's own."""
    taken = (*OPEN_ATTEMPTS, AttemptState.CONFIRMED)
    return attempt.state in taken or (attempt.mandate_id == mandate.id and attempt.asked_at is not None)


def first_unpaid(work: Work, worker_id: int, month: Month) -> Month:
    """The first month from `month` on that is neither paid nor under way."""
    paid = select(CoverMonth.month).where(
        CoverMonth.worker_id == worker_id, CoverMonth.month >= month, CoverMonth.state != MonthState.OPEN.value
    )
    under_way = select(Attempt.month).where(
        Attempt.worker_id == worker_id,
        Attempt.month >= month,
        Attempt.state.in_([state.value for state in OPEN_ATTEMPTS]),
    )
    taken = {*work.db.scalars(paid), *work.db.scalars(under_way)}
    while month in taken:
        month = add_months(month, 1)
    return month


def schedule_first(work: Work, mandate: Mandate) -> Attempt | None:
    """The month of today, at once, as the consent says (rulings 5); None while BPJS has not verified the worker."""
    membership = work.db.get_one(Membership, mandate.worker_id)
    if membership.state != MembershipState.VERIFIED.value or mandate.state != MandateState.ACTIVE.value:
        return None
    attempt = schedule(work, mandate, first_month(work.today), work.today, needs_notice=False)
    if attempt is not None:
        wake(work.db, COLLECT)
    return attempt


def due_day(month: Month, day: int) -> date:
    return month.replace(day=min(day, calendar.monthrange(month.year, month.month)[1]))


def earliest_noticed_day(work: Work) -> date:
    """The first day a debit may fall on whose notice is owed now: 08.00 tomorrow at worst, the notice hours, slack."""
    return (work.now + timedelta(hours=work.settings.NOTICE_HOURS) + _NOTICE_SLACK).astimezone(JAKARTA).date() + (
        timedelta(days=1)
    )


def first_due(work: Work, mandate: Mandate, month: Month) -> date:
    """The member's day of that month, or the first day by which the notice can have been given."""
    return max(due_day(month, mandate.day), earliest_noticed_day(work))


def _owe_notice(work: Work, attempt: Attempt, mandate: Mandate) -> None:
    worker = mandate.worker
    if attempt.state == AttemptState.SCHEDULED.value:
        move(work.db, attempt, ATTEMPT_MOVES, AttemptState.NOTICED, Cause("system", "notice"), work.now)
    # A notice that is not out by the day before is useless: the date moves and another one is owed.
    expires = datetime.combine(attempt.due_on, datetime.min.time(), JAKARTA)
    owe_worker(
        work,
        worker,
        "notice",
        notice_key(attempt),
        {"date": day_text(attempt.due_on), **facts(attempt, mandate, worker.language)},
        told_at_once=False,
        priority=REMINDER,
        expires_at=expires,
    )


def notice_key(attempt: Attempt) -> str:
    return f"notice:{attempt.reference}:{attempt.due_on:%Y%m%d}"


def _was_noticed(work: Work, attempt: Attempt) -> bool:
    query = (
        select(Message.accepted_at)
        .join(MessageKey, (MessageKey.month == Message.month) & (MessageKey.message_id == Message.id))
        .where(MessageKey.key == notice_key(attempt))
    )
    accepted = work.db.scalar(query)
    return accepted is not None and accepted <= work.now - timedelta(hours=work.settings.NOTICE_HOURS)


def cancel_unsent(work: Work, mandate: Mandate, cause: Cause) -> int:
    """Drop every attempt of the mandate that was not sent. One that is at the bank right now ends there."""
    query = (
        select(Attempt)
        .where(
            Attempt.mandate_id == mandate.id,
            Attempt.state.in_([AttemptState.SCHEDULED.value, AttemptState.NOTICED.value]),
        )
        .with_for_update()
    )
    rows = work.db.scalars(query).all()
    for attempt in rows:
        _change(work, attempt, AttemptState.CANCELLED, cause)
    return len(rows)


def _change(work: Work, attempt: Attempt, to: AttemptState, cause: Cause) -> None:
    move(work.db, attempt, ATTEMPT_MOVES, to, cause, work.now)
    attempt.changed_at, attempt.code, attempt.lease_until = work.now, cause.code, None


def claim(work: Work, lease: timedelta) -> tuple[Attempt, Mandate] | None:
    """The next attempt that may be sent now, put into SENT under a lease; the caller commits, then sends.

    May be sent: due today or before, mandate ACTIVE, no open question what to stop, and noticed long enough ago.
    An attempt whose notice came too late gets a later day and a new notice instead.
    """
    query = (
        select(Attempt, Mandate)
        .join(Mandate, Mandate.id == Attempt.mandate_id)
        .join(Worker, Worker.id == Attempt.worker_id)
        .where(
            Attempt.state.in_([AttemptState.SCHEDULED.value, AttemptState.NOTICED.value]),
            Attempt.due_on <= work.today,
            Attempt.month >= first_month(work.today),
            Mandate.state == MandateState.ACTIVE.value,
            (Worker.stop_asked_at.is_(None)) | (Worker.stop_asked_at < work.now - STOP_OPEN),
            (Attempt.lease_until.is_(None)) | (Attempt.lease_until < work.now),
        )
        .order_by(Attempt.due_on, Attempt.reference)
        .limit(1)
        .with_for_update(skip_locked=True, of=[Attempt, Mandate])
    )
    while (found := work.db.execute(query).unique().first()) is not None:
        attempt, mandate = found[0], found[1]
        if attempt.needs_notice and not _was_noticed(work, attempt):
            attempt.due_on = earliest_noticed_day(work)
            record(work.db, attempt.subject, "system", "notice_late", "", attempt.state, attempt.state, work.now)
            _owe_notice(work, attempt, mandate)
            continue
        _change(work, attempt, AttemptState.SENT, Cause("system", "collect"))
        attempt.lease_until = work.now + lease
        attempt.asked_at = attempt.asked_at or work.now
        return attempt, mandate
    return None


def confirmed(work: Work, attempt: Attempt, mandate: Mandate, bank_reference: str, code: str = "") -> None:
    """The bank debited it: the month is covered, the money posted by programme, the receipt owed, BPJS to be told."""
    if attempt.state == AttemptState.CONFIRMED.value:
        return
    row = _open_month(work, attempt.worker_id, attempt.month)
    _change(work, attempt, AttemptState.CONFIRMED, Cause("bank", "debited", code))
    attempt.bank_reference = bank_reference
    move(work.db, row, MONTH_MOVES, MonthState.COVERED, Cause("bank", "debited", code), work.now)
    row.paid_on, row.paid_reference = work.today, attempt.reference
    post_collected(work, attempt, mandate.bank_code)
    _tell(work, attempt, mandate, "paid", date=day_text(work.today), ref=attempt.reference)
    wake(work.db, EXCHANGE)


def failed(work: Work, attempt: Attempt, mandate: Mandate, reason: str, code: str, *, hard: bool) -> None:
    """The bank's definite no: nothing was debited."""
    to = AttemptState.FAILED_HARD if hard else AttemptState.FAILED_SOFT
    _change(work, attempt, to, Cause("bank", reason, code))
    said = work.texts.word(f"reason.{reason}", mandate.worker.language)
    _tell(work, attempt, mandate, "failed_hard" if hard else "failed_soft", reason=said)


def unknown(work: Work, attempt: Attempt, mandate: Mandate, code: str) -> None:
    """Sent without a final answer: money may have moved. No new attempt exists while this one is unknown."""
    _change(work, attempt, AttemptState.UNKNOWN, Cause("bank", "no_answer", code))
    _tell(work, attempt, mandate, "unknown", ref=attempt.reference)


def not_sent(work: Work, attempt: Attempt, code: str, again_at: datetime) -> None:
    """Nothing was debited for certain: the same attempt, with its reference, is sent again from `again_at` on."""
    _change(work, attempt, AttemptState.NOTICED, Cause("system", "not_sent", code))
    attempt.lease_until = again_at


def _tell(work: Work, attempt: Attempt, mandate: Mandate, kind: str, **more: str) -> None:
    """By day at once for what the member has just caused (the first month), else from 08.00 local on."""
    worker = mandate.worker
    owe_worker(
        work,
        worker,
        kind,
        f"{kind}:{attempt.reference}",
        {**facts(attempt, mandate, worker.language), **more},
        told_at_once=not attempt.needs_notice,
    )


def overdue(work: Work) -> int:
    """Attempts whose sender died while sending: the bank may have debited, so they are unknown.

    Attempts never sent in their month are dropped: an arrears month needs its own yes (rulings 2).
    """
    stale = select(Attempt).where(
        Attempt.state.in_([AttemptState.SCHEDULED.value, AttemptState.NOTICED.value]),
        Attempt.month < first_month(work.today),
    )
    for attempt in work.db.scalars(stale.with_for_update(skip_locked=True)):
        _change(work, attempt, AttemptState.CANCELLED, Cause("system", "month_over"))
    query = (
        select(Attempt, Mandate)
        .join(Mandate, Mandate.id == Attempt.mandate_id)
        .where(Attempt.state == AttemptState.SENT.value, Attempt.lease_until < work.now)
        .with_for_update(skip_locked=True, of=[Attempt])
    )
    rows = work.db.execute(query).unique().all()
    for attempt, mandate in rows:
        unknown(work, attempt, mandate, "lease")
    return len(rows)
