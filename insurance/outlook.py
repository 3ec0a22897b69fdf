"""What comes next and what was paid last, for a member who asks; it changes nothing."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from insurance import mandates, schedule
from insurance.calendar import chosen_day, debit_day, is_working_day
from insurance.prices import quotes_of
from insurance.tariff import first_month
from insurance.work import Work
from models import Attempt, CoverMonth, Mandate, MandateState, Membership, MembershipState, MonthState, Worker
from models.month import OPEN_ATTEMPTS
from units.month import Month, add_months

LAST_SHOWN = 3


@dataclass(frozen=True)
class NextDebit:
    """`announced`: month, day and amount are fixed; else they are what the planning would choose as things stand."""

    month: Month
    day: date
    amount_rp: int
    mandate: Mandate
    announced: bool
    closed_on: int | None = None
    """The day of the month that the member chose, where banks are closed on it and `day` is another for that."""


@dataclass(frozen=True)
class Paid:
    month: Month
    on: date
    amount_rp: int
    payer: str


def next_debit(work: Work, worker: Worker) -> NextDebit | None:
    """None where nothing would be debited by itself. Raises NoTariff."""
    open_ = select(Attempt).where(
        Attempt.worker_id == worker.id,
        Attempt.month >= first_month(work.today),
        Attempt.state.in_([state.value for state in OPEN_ATTEMPTS]),
    )
    attempt = work.db.scalars(open_.order_by(Attempt.due_on, Attempt.month).limit(1)).first()
    if attempt is not None and attempt.mandate_id is not None:
        mandate = work.db.get_one(Mandate, attempt.mandate_id)
        closed_on = _closed_on(work, mandate, attempt.month, attempt.due_on)
        return NextDebit(attempt.month, attempt.due_on, attempt.total_rp, mandate, True, closed_on)
    mandate_in_force = mandates.live(work, worker.id)
    member = work.db.get_one(Membership, worker.id)
    if mandate_in_force is None or mandate_in_force.state != MandateState.ACTIVE.value:
        return None
    if member.state != MembershipState.VERIFIED.value:
        return None
    month = schedule.first_unpaid(work, worker.id, max(first_month(work.today), mandate_in_force.first_month))
    day = debit_day(work, month, chosen_day(mandate_in_force.day, mandate_in_force.days, month))
    if day <= work.today:
        # Its day is over: what is left of the month is for a yes of its own.
        month = schedule.first_unpaid(work, worker.id, add_months(month, 1))
        day = debit_day(work, month, chosen_day(mandate_in_force.day, mandate_in_force.days, month))
    amount_rp = quotes_of(work, member)(month).total_rp + mandate_in_force.fee_rp
    return NextDebit(month, day, amount_rp, mandate_in_force, False, _closed_on(work, mandate_in_force, month, day))


def _closed_on(work: Work, mandate: Mandate, month: Month, day: date) -> int | None:
    chosen = chosen_day(mandate.day, mandate.days, month)
    # A retry, or a notice that was late, has its day for another reason.
    moved = day == debit_day(work, month, chosen) and not is_working_day(work, month.replace(day=chosen))
    return chosen if moved else None


def last_paid(work: Work, worker: Worker) -> list[Paid]:
    """The last payments that stand, newest first, by whom they were made; what was taken back is none."""
    query = (
        select(CoverMonth.month, CoverMonth.paid_on, CoverMonth.payer, Attempt)
        .join(
            Attempt,
            (Attempt.month == CoverMonth.month)
            & (Attempt.worker_id == CoverMonth.worker_id)
            & (Attempt.reference == CoverMonth.paid_reference),
        )
        .where(CoverMonth.worker_id == worker.id, CoverMonth.state == MonthState.COVERED.value)
        .order_by(CoverMonth.paid_on.desc(), CoverMonth.month.desc())
        .limit(LAST_SHOWN)
    )
    return [
        Paid(month, on or attempt.due_on, attempt.total_rp, payer)
        for month, on, payer, attempt in work.db.execute(query)
    ]
