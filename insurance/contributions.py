"""Collecting a month: claimed, then confirmed, failed or unknown, many at a time; each fact with its one receipt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select

from insurance import mandate_life, refunds
from insurance.attempts import (
    COLUMNS,
    Key,
    MonthRow,
    Try,
    as_try,
    back_to_mandate,
    change_all,
    change_months,
    held_months,
    plan_anew,
)
from insurance.calendar import retry_day
from insurance.ledger import post_collected, post_surplus
from insurance.notices import facts
from insurance.party import Party, parties, reach
from insurance.receipts import Owed, owe_all
from insurance.schedule import Unscheduled, Wanted, schedule_all
from insurance.tariff import PAYER_SELF, first_month
from insurance.unsent import Pair, may_go
from insurance.waking import EXCHANGE, wake
from insurance.work import Work
from models import Attempt, AttemptState, Mandate, MandateState, MonthState, Why, Worker
from models.bulk import read_by_key, update_rows
from models.machine import Cause
from models.mandate import FINAL_MANDATES
from models.month import ASKED_FOR
from units.month import Month, day_text

# While a member has been asked what to stop, nothing is debited (rulings 13).
STOP_OPEN = timedelta(hours=24)
# Asked for after this long, then more and more rarely (architecture.md 5; field.md 3.4).
FIRST_ASK = timedelta(minutes=1)
NO_FUNDS = "no_funds"
FINAL = [state.value for state in FINAL_MANDATES]
_PAYABLE = (MonthState.OPEN.value, MonthState.MISSED.value)


class Outcome(NamedTuple):
    """What the bank said of one attempt: its own reference, its code."""

    one: Try
    to: Party
    bank_reference: str = ""
    code: str = ""


def claim(work: Work, bank_code: str, lease: timedelta, limit: int, month: Month | None = None) -> list[Pair]:
    """The next attempts of one bank that may be sent now, put into SENT under a lease; the caller commits, then sends.

    May be sent: due today or before, mandate ACTIVE, no open question what to stop, and noticed long enough ago.
    Those whose notice came too late, or whose day is long past, get a later day and a new notice instead. `month`
    narrows it to one month.
    """
    read_by_key(work.db)
    query = (
        select(*COLUMNS)
        .join(Mandate, Mandate.id == Attempt.mandate_id)
        .join(Worker, Worker.id == Attempt.worker_id)
        .where(
            Attempt.bank_code == bank_code,
            Attempt.state.in_([AttemptState.SCHEDULED.value, AttemptState.NOTICED.value]),
            Attempt.due_on <= work.today,
            (Attempt.month >= first_month(work.today)) | (Attempt.why == Why.ARREARS.value),
            Mandate.state == MandateState.ACTIVE.value,
            # It is the planning that ends a mandate; where that waits for two people, its time is over all the same.
            Mandate.expires_on >= work.today,
            (Worker.stop_asked_at.is_(None)) | (Worker.stop_asked_at < work.now - STOP_OPEN),
            (Attempt.lease_until.is_(None)) | (Attempt.lease_until < work.now),
        )
        .order_by(Attempt.due_on, Attempt.month, Attempt.reference)
        .limit(limit)
        # Who cancels in this moment waits for the attempt, and then finds it sent: one debit that is at the bank.
        .with_for_update(skip_locked=True, of=Attempt)
    )
    if month is not None:
        query = query.where(Attempt.month == month)
    while tries := list(map(as_try, work.db.execute(query))):
        known = parties(work, sorted({one.mandate_id for one in tries if one.mandate_id is not None}))
        pairs = [(one, known[one.mandate_id]) for one in tries if one.mandate_id is not None]
        if ready := may_go(work, pairs):
            _send(work, [one for one, _ in ready], lease)
            return ready
    return []


def _send(work: Work, tries: Sequence[Try], lease: timedelta) -> None:
    """Its first sending fixes `asked_at`: part of the request, so that a resend says the same."""
    lease_until = work.now + lease
    cause = Cause("system", "collect")
    resent = [one for one in tries if one.asked_at is not None]
    change_all(work, resent, AttemptState.SENT, cause, lease_until=lease_until)
    fresh = [one for one in tries if one.asked_at is None]
    change_all(work, fresh, AttemptState.SENT, cause, lease_until=lease_until, asked_at=work.now)
    for one in fresh:
        one.asked_at = work.now


def confirm_all(work: Work, outcomes: Sequence[Outcome], cause: Cause) -> None:
    """The bank debited them: each month is covered, the money posted by programme, the receipt owed, BPJS to be told.

    Where the month was paid already the money is a surplus, and a refund is due: the later success gives way.
    """
    news = [one for one in outcomes if one.one.state not in (AttemptState.CONFIRMED.value, AttemptState.SETTLED.value)]
    if not news:
        return
    late = [outcome.one for outcome in news if outcome.one.state != AttemptState.SENT.value]
    for outcome in news:
        outcome.one.bank_reference = outcome.bank_reference or outcome.one.bank_reference
    codes = {outcome.one.key: outcome.code for outcome in news}
    change_all(work, [outcome.one for outcome in news], AttemptState.CONFIRMED, cause, codes)
    months = held_months(work, [(o.one.month, o.one.worker_id) for o in news], PAYER_SELF)
    paying, surplus = dict[tuple[Month, int], tuple[Outcome, MonthRow]](), list[Outcome]()
    for outcome in news:
        key = (outcome.one.month, outcome.one.worker_id)
        if months[key].state in _PAYABLE and key not in paying:
            paying[key] = (outcome, months[key])
        else:
            surplus.append(outcome)
    paid = [outcome for outcome, _ in paying.values()]
    columns = [{"paid_on": work.today, "paid_reference": outcome.one.reference} for outcome in paid]
    change_months(work, [row for _, row in paying.values()], MonthState.COVERED, cause, columns)
    post_collected(work, [(outcome.one, outcome.one.bank_code) for outcome in paid])
    _cancel_others(work, late)
    today = day_text(work.today)
    _tell(work, paid, "paid", {o.one.key: {"date": today, "ref": o.one.reference} for o in paid})
    _funds_were_there(work, [outcome.to for outcome in news])
    if paid:
        wake(work.db, EXCHANGE)
    if surplus:
        post_surplus(work, [(outcome.one, outcome.one.bank_code) for outcome in surplus])
        for outcome in surplus:
            refunds.owe_refund(work, outcome.one, refunds.SURPLUS)
        _tell(work, surplus, "surplus", {o.one.key: {"ref": o.one.reference} for o in surplus})


def _cancel_others(work: Work, late: Sequence[Try]) -> None:
    """A late success leaves nothing more to be sent for its month."""
    for one in late:
        others = (
            select(*COLUMNS)
            .where(
                Attempt.month == one.month,
                Attempt.worker_id == one.worker_id,
                Attempt.state.in_([AttemptState.SCHEDULED.value, AttemptState.NOTICED.value]),
            )
            .with_for_update()
        )
        unsent = list(map(as_try, work.db.execute(others)))
        change_all(work, unsent, AttemptState.CANCELLED, Cause("system", "paid_late"))


def _funds_were_there(work: Work, payers: Sequence[Party]) -> None:
    rows = [{"id": to.mandate_id} for to in payers if to.no_funds_months]
    update_rows(work.db, Mandate, ("id",), rows, no_funds_months=0)


@dataclass(frozen=True)
class Failure:
    """The bank's definite no: nothing was debited. `reason` is a word of texts/, `code` the bank's."""

    one: Try
    to: Party
    reason: str
    code: str
    retry: bool = True
    """Whether another day may do, as far as the bank and its fees go."""


def worth_retrying(work: Work, bounce_fee_rp: int, one: Try) -> bool:
    """Whether the bank's fee for a bounce is small against the contribution (field.md 2D: retries can cost more)."""
    return bounce_fee_rp * 100 <= one.total_rp * work.settings.BOUNCE_FEE_PERCENT_MAX


def fail_all(work: Work, failures: Sequence[Failure], *, hard: bool) -> None:
    """Each failed for good; a soft one is tried again on a sensible day of the month, if one is left.

    The text that tells the failure names that day: it is the notice of the next try.
    """
    if not failures:
        return
    to_state = AttemptState.FAILED_HARD if hard else AttemptState.FAILED_SOFT
    codes = {failure.one.key: failure.code for failure in failures}
    for reason in sorted({failure.reason for failure in failures}):
        alike = [failure.one for failure in failures if failure.reason == reason]
        change_all(work, alike, to_state, Cause("bank", reason), codes)
    back_to_mandate(work, [failure.one for failure in failures])
    _leave_to_successor(work, [failure.to for failure in failures])
    again = [] if hard else [failure for failure in failures if failure.retry]
    tried = _try_again(work, again)
    rest = [failure for failure in failures if failure.one.key not in tried]
    reasons = {f.one.key: {"reason": work.texts.word(f"reason.{f.reason}", f.to.language)} for f in rest}
    _tell(work, [Outcome(f.one, f.to) for f in rest], "failed_hard" if hard else "failed_soft", reasons)
    for failure in rest:
        if failure.reason == NO_FUNDS and failure.one.why not in ASKED_FOR:
            mandate_life.month_without_funds(work, failure.to)


def _leave_to_successor(work: Work, payers: Sequence[Party]) -> None:
    """While a debit of a mandate that was replaced could still succeed, the new one was not planned for its month."""
    workers = [to.worker_id for to in payers if to.mandate_state in FINAL]
    if workers:
        query = select(Mandate.id).where(Mandate.worker_id.in_(workers), Mandate.state == MandateState.ACTIVE.value)
        plan_anew(work, work.db.scalars(query).all())


def _try_again(work: Work, failures: Sequence[Failure]) -> set[Key]:
    """The keys of those that get another day: never what the member asked for once, whose yes was to one debit."""
    wanted: list[Wanted] = []
    of: list[Failure] = []
    for failure in failures:
        one, to = failure.one, failure.to
        if one.why in ASKED_FOR:
            continue
        day = retry_day(work, work.today, one.month, 3 if one.why == Why.RETRY.value else 2)
        if day is None or to.mandate_state != MandateState.ACTIVE.value or one.month < first_month(work.today):
            continue
        reason = {"reason": work.texts.word(f"reason.{failure.reason}", to.language)}
        wanted.append(Wanted(to, one.month, day, Why.RETRY, says="failed_retry", facts=reason))
        of.append(failure)
    made = schedule_all(work, wanted)
    return {f.one.key for f, new in zip(of, made, strict=True) if not isinstance(new, Unscheduled)}


def unknown_all(work: Work, outcomes: Sequence[Outcome]) -> None:
    """Sent without a final answer: money may have moved. No new attempt exists while one is unknown."""
    codes = {outcome.one.key: outcome.code for outcome in outcomes}
    tries = [outcome.one for outcome in outcomes]
    change_all(work, tries, AttemptState.UNKNOWN, Cause("bank", "no_answer"), codes, ask_at=work.now + FIRST_ASK)
    _tell(work, outcomes, "unknown", {outcome.one.key: {"ref": outcome.one.reference} for outcome in outcomes})


def not_sent_all(work: Work, outcomes: Sequence[Outcome], again_at: datetime, *, asked: bool) -> None:
    """Nothing was debited for certain: the same attempt, with its reference, goes again from `again_at` on.

    `asked` False: not even a request left, so the next one is the first. A mandate that was taken back, or rests,
    meanwhile leaves nothing to send: whoever was told that a debit is under way is told that it came to nothing.
    """
    codes = {outcome.one.key: outcome.code for outcome in outcomes}
    cause = Cause("system", "not_sent")
    gone = [outcome for outcome in outcomes if outcome.to.mandate_state != MandateState.ACTIVE.value]
    change_all(work, [outcome.one for outcome in gone], AttemptState.CANCELLED, cause, codes)
    _leave_to_successor(work, [outcome.to for outcome in gone])
    _tell(work, gone, "not_debited", {outcome.one.key: {} for outcome in gone})
    tries = [outcome.one for outcome in outcomes if outcome.to.mandate_state == MandateState.ACTIVE.value]
    first = set() if asked else _first_sent_now(work, tries)
    never, before = [t for t in tries if t.key in first], [t for t in tries if t.key not in first]
    change_all(work, never, AttemptState.NOTICED, cause, codes, lease_until=again_at, asked_at=None)
    change_all(work, before, AttemptState.NOTICED, cause, codes, lease_until=again_at)


def _first_sent_now(work: Work, tries: Sequence[Try]) -> set[Key]:
    """Those whose first sending is the one that did not leave: what left earlier keeps the time of its request."""
    query = select(Attempt.month, Attempt.worker_id, Attempt.n).where(
        Attempt.reference.in_([one.reference for one in tries]),
        Attempt.month.in_({one.month for one in tries}),
        Attempt.asked_at == Attempt.changed_at,
    )
    return {(month, worker_id, n) for month, worker_id, n in work.db.execute(query)} if tries else set()


def _tell(work: Work, outcomes: Sequence[Outcome], kind: str, more: Mapping[Key, dict[str, str]]) -> None:
    """At once what follows from the member's own call a moment ago; what a run brings, from 08.00 local on."""
    owed = []
    for outcome in outcomes:
        one, to = outcome.one, outcome.to
        said = {**facts(one, to), **more[one.key]}
        at_once = work.is_fresh(to.agreed_at) or one.why in ASKED_FOR
        owed += [Owed(who, kind, f"{kind}:{one.reference}", said, at_once) for who in reach(work, to)]
    owe_all(work, owed)


def overdue(work: Work, limit: int = 1000) -> int:
    """Attempts whose sender died while sending: the bank may have debited, so they are unknown."""
    query = (
        select(*COLUMNS)
        .where(Attempt.state == AttemptState.SENT.value, Attempt.lease_until < work.now)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    tries = list(map(as_try, work.db.execute(query)))
    known = parties(work, sorted({one.mandate_id for one in tries if one.mandate_id is not None}))
    unknown_all(work, [Outcome(one, known[one.mandate_id], code="lease") for one in tries if one.mandate_id])
    return len(tries)
