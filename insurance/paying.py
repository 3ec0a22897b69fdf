"""What a member may pay by a yes of its own: this month, a missed one, months ahead; it schedules and asks no bank."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, union_all

from insurance import mandates
from insurance.attempts import Try
from insurance.consent import Yes, keep
from insurance.contributions import STOP_OPEN
from insurance.cover import GRACE_MONTHS
from insurance.party import party
from insurance.prices import quotes_of
from insurance.refunds import returning
from insurance.schedule import Unscheduled, Wanted, schedule_all
from insurance.tariff import PAYER_SELF, NoTariff, first_month
from insurance.waking import collect_at, wake
from insurance.work import Work
from models import Attempt, CoverMonth, Mandate, MandateState, Membership, MembershipState, MonthState, Why, Worker
from models.event import Happening, record_all
from models.month import OPEN_ATTEMPTS
from units.month import Month, add_months

# Source: the insurer's FAQ (programme.md 1.5): arrears are counted for three months at most, and a member who lapsed
# owes none of the old ones.
ARREARS_MONTHS_MAX = 3


class NotOwed(Exception):
    """It is paid, a sponsor's, under way, or nothing that could be offered."""


class TriedToday(Exception):
    """One try a day: it was tried today, and may be again tomorrow (rulings 8)."""


class TriesUsed(Exception):
    """As often as a month may be tried, it was."""


class StopOpen(Exception):
    """The member was asked what to stop: until that is answered nothing is debited (rulings 13)."""


class AboveMaximum(Exception):
    """A month costs more than the mandate allows: a new one has to be agreed to."""


@dataclass(frozen=True)
class Offer:
    """Months that one yes can pay, each by a debit of its own; `prices_rp` with the bank's fee, month by month."""

    why: Why
    months: tuple[Month, ...]
    prices_rp: tuple[int, ...]

    @property
    def total_rp(self) -> int:
        return sum(self.prices_rp)


def offers(work: Work, worker: Worker) -> list[Offer]:
    """What may be paid now through the mandate in force: this month, missed ones, then months ahead; each in one go.

    Missed months stand one by one, for each wants its own yes (rulings 2), and the newest first: months unpaid in a row
    since the last paid one are what ends a membership (programme.md 1.5), so the newest helps most. Raises NoTariff.
    """
    mandate = mandates.live(work, worker.id)
    if mandate is None or mandate.state != MandateState.ACTIVE.value:
        return []
    priced = ((why, months, prices(work, worker, mandate, months)) for why, months in _payable(work, worker.id))
    return [Offer(why, months, rp) for why, months, rp in priced]


def prices(work: Work, worker: Worker, mandate: Mandate, months: Sequence[Month]) -> tuple[int, ...]:
    """All that leaves the account for each month, the fee that was agreed to included. Raises NoTariff."""
    quote = quotes_of(work, work.db.get_one(Membership, worker.id))
    return tuple(quote(month).total_rp + mandate.fee_rp for month in months)


def _payable(work: Work, worker_id: int) -> list[tuple[Why, tuple[Month, ...]]]:
    this = first_month(work.today)
    counts = work.settings.pay_ahead_months
    last = add_months(this, counts[-1])
    paid, taken = _known(work, worker_id, this)
    found: list[tuple[Why, tuple[Month, ...]]] = [] if this in taken else [(Why.NOW, (this,))]
    found += [(Why.ARREARS, (month,)) for month in _missed(this, paid) if month not in taken]
    first = this
    while first in taken and first < last:
        first = add_months(first, 1)
    ahead: list[Month] = []
    while first <= last and first not in taken:
        ahead.append(first)
        first = add_months(first, 1)
    for count in counts:
        # One month from this one on is what is offered first of all.
        if count <= len(ahead) and ahead[:count] != [this]:
            found.append((Why.AHEAD, tuple(ahead[:count])))
    return found


def _known(work: Work, worker_id: int, this: Month) -> tuple[set[Month], set[Month]]:
    """Months that are paid, and all that can not be paid now: settled, a sponsor's, or under way."""
    since = add_months(this, -ARREARS_MONTHS_MAX - GRACE_MONTHS)
    rows = select(CoverMonth.month, CoverMonth.state, CoverMonth.payer).where(
        CoverMonth.worker_id == worker_id, CoverMonth.month >= since
    )
    under_way = select(Attempt.month).where(
        Attempt.worker_id == worker_id,
        Attempt.month >= since,
        Attempt.state.in_([state.value for state in OPEN_ATTEMPTS]),
    )
    paid, taken = set[Month](), set(work.db.scalars(union_all(under_way, returning(worker_id, since))))
    for month, state, payer in work.db.execute(rows):
        if state == MonthState.COVERED.value:
            paid.add(month)
        if state in (MonthState.COVERED.value, MonthState.WAIVED.value) or payer != PAYER_SELF:
            taken.add(month)
    return paid, taken


def _missed(this: Month, paid: set[Month]) -> list[Month]:
    """Unpaid months of the last three, newest first; none of before the first payment, and none of a lapse."""
    missed = []
    for back in range(1, ARREARS_MONTHS_MAX + 1):
        month = add_months(this, -back)
        before = max((one for one in paid if one < month), default=None)
        after = min((one for one in paid if month < one < this), default=this)
        # After three whole months unpaid in a row membership had ended: they are owed no more, paid since or not.
        if month not in paid and before is not None and after <= add_months(before, GRACE_MONTHS):
            missed.append(month)
    return missed


def pay(work: Work, worker: Worker, months: Sequence[Month], yes: Yes) -> list[Try]:
    """Keep the yes and schedule one debit a month for today, without a notice: the yes named month and price.

    Raises StopOpen, NoMandate, MembershipRefused, NotOwed, TriedToday, TriesUsed or AboveMaximum; then nothing is
    written, not even for months that could have been paid.
    """
    # The worker first, as wherever a PIN is checked: two calls wait for each other instead of each holding a half.
    work.db.refresh(worker, ["stop_asked_at"], with_for_update={"of": Worker})
    if worker.stop_asked_at is not None and worker.stop_asked_at > work.now - STOP_OPEN:
        raise StopOpen
    mandate = mandates.live(work, worker.id, lock=True)
    if mandate is None or mandate.state != MandateState.ACTIVE.value:
        raise mandates.NoMandate
    to = party(work, mandate.id)
    if to.membership_state != MembershipState.VERIFIED.value:
        raise mandates.MembershipRefused
    whys = {offered: why for why, offered in _payable(work, worker.id)}
    if tuple(months) not in whys:
        raise NotOwed
    this = first_month(work.today)
    wanted = [
        Wanted(to, month, work.today, Why.NOW if month == this else whys[tuple(months)], needs_notice=False)
        for month in months
    ]
    with work.db.begin_nested():
        consent = keep(work, worker, yes)
        made = [_scheduled(work, one) for one in schedule_all(work, wanted)]
        shown = [Happening(("consent", str(consent.id)), "member", "pay", one.reference, "", "kept") for one in made]
        record_all(work.db, shown, work.now)
    wake(work.db, collect_at(to.bank_code))
    return made


def _scheduled(work: Work, made: Try | Unscheduled) -> Try:
    match made:
        case Try():
            if made.due_on > work.today:
                raise TriedToday
            return made
        case Unscheduled.TRIED:
            raise TriesUsed
        case Unscheduled.TOO_LATE:
            # Tried today, the last day of its month.
            raise TriedToday
        case Unscheduled.ABOVE_MAXIMUM:
            raise AboveMaximum
        case Unscheduled.NO_TARIFF:
            raise NoTariff
        case _:
            raise NotOwed
