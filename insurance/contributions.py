"""Collecting one month of one worker: claimed, then confirmed, failed or unknown; each fact with its receipt."""

from datetime import datetime, timedelta

from sqlalchemy import select

from insurance.ledger import post_collected
from insurance.receipts import owe_worker
from insurance.schedule import change, facts, open_month, postpone, was_noticed
from insurance.tariff import first_month
from insurance.waking import EXCHANGE, wake
from insurance.work import Work
from models import Attempt, AttemptState, Mandate, MandateState, MonthState, Worker
from models.machine import Cause, move
from models.month import MONTH_MOVES
from units.month import Month, day_text

# While a member has been asked what to stop, nothing is debited (rulings 13).
STOP_OPEN = timedelta(hours=24)


def claim(work: Work, lease: timedelta, month: Month | None = None) -> tuple[Attempt, Mandate] | None:
    """The next attempt that may be sent now, put into SENT under a lease; the caller commits, then sends.

    May be sent: due today or before, mandate ACTIVE, no open question what to stop, and noticed long enough ago.
    An attempt whose notice came too late gets a later day and a new notice instead. `month` narrows it to one month.
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
    if month is not None:
        query = query.where(Attempt.month == month)
    while (found := work.db.execute(query).unique().first()) is not None:
        attempt, mandate = found[0], found[1]
        if attempt.needs_notice and not was_noticed(work, attempt):
            postpone(work, attempt, mandate)
            work.db.flush()
            continue
        change(work, attempt, AttemptState.SENT, Cause("system", "collect"))
        attempt.lease_until = work.now + lease
        attempt.asked_at = attempt.asked_at or work.now
        return attempt, mandate
    return None


def confirmed(work: Work, attempt: Attempt, mandate: Mandate, bank_reference: str, code: str = "") -> None:
    """The bank debited it: the month is covered, the money posted by programme, the receipt owed, BPJS to be told."""
    if attempt.state == AttemptState.CONFIRMED.value:
        return
    row = open_month(work, attempt.worker_id, attempt.month)
    change(work, attempt, AttemptState.CONFIRMED, Cause("bank", "debited", code))
    attempt.bank_reference = bank_reference
    move(work.db, row, MONTH_MOVES, MonthState.COVERED, Cause("bank", "debited", code), work.now)
    row.paid_on, row.paid_reference = work.today, attempt.reference
    post_collected(work, attempt, mandate.bank_code)
    _tell(work, attempt, mandate, "paid", date=day_text(work.today), ref=attempt.reference)
    wake(work.db, EXCHANGE)


def failed(work: Work, attempt: Attempt, mandate: Mandate, reason: str, code: str, *, hard: bool) -> None:
    """The bank's definite no: nothing was debited."""
    to = AttemptState.FAILED_HARD if hard else AttemptState.FAILED_SOFT
    change(work, attempt, to, Cause("bank", reason, code))
    said = work.texts.word(f"reason.{reason}", mandate.worker.language)
    _tell(work, attempt, mandate, "failed_hard" if hard else "failed_soft", reason=said)


def unknown(work: Work, attempt: Attempt, mandate: Mandate, code: str) -> None:
    """Sent without a final answer: money may have moved. No new attempt exists while this one is unknown."""
    change(work, attempt, AttemptState.UNKNOWN, Cause("bank", "no_answer", code))
    _tell(work, attempt, mandate, "unknown", ref=attempt.reference)


def not_sent(work: Work, attempt: Attempt, mandate: Mandate, code: str, again_at: datetime, *, asked: bool) -> None:
    """Nothing was debited for certain: the same attempt, with its reference, goes again from `again_at` on.

    `asked` False: not even a request left, so the next one is the first. A mandate that the member took back meanwhile
    leaves nothing to send.
    """
    if mandate.state != MandateState.ACTIVE.value:
        change(work, attempt, AttemptState.CANCELLED, Cause("system", "not_sent", code))
        return
    change(work, attempt, AttemptState.NOTICED, Cause("system", "not_sent", code))
    attempt.lease_until = again_at
    if not asked:
        attempt.asked_at = None


def _tell(work: Work, attempt: Attempt, mandate: Mandate, kind: str, **more: str) -> None:
    """At once what follows from the member's own call a moment ago; what a run brings, from 08.00 local on."""
    said = {**facts(attempt, mandate, mandate.worker.language), **more}
    key = f"{kind}:{attempt.reference}"
    owe_worker(work, mandate.worker, kind, key, said, told_at_once=work.is_fresh(mandate.agreed_at))


def overdue(work: Work) -> int:
    """Attempts whose sender died while sending: the bank may have debited, so they are unknown."""
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
