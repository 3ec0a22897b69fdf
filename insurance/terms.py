"""Other programmes or another income, by a yes of its own, from the first month that is neither paid nor announced."""

from dataclasses import dataclass

from sqlalchemy import func, or_, select

from insurance import mandates
from insurance.consent import Yes, keep
from insurance.enrolment import check_stands
from insurance.receipts import owe_worker
from insurance.tariff import PAYER_SELF, Quote, first_month, highest_rp, next_change, price_list
from insurance.told import tell_insurer
from insurance.work import Work
from models import Attempt, ChangeKind, CoverMonth, Mandate, Membership, MonthState, Worker
from models.event import record
from models.membership import PROGRAMMES, terms_in
from models.month import OPEN_ATTEMPTS
from units.money import rupiah
from units.month import Month, add_months, month_name


class Unchanged(Exception):
    """These are the terms already, or will be from that month on."""


@dataclass(frozen=True)
class NewTerms:
    """What other terms would cost: from `month` on, what it would have cost there, and the next change after."""

    month: Month
    quote: Quote
    before: Quote
    change: tuple[Month, Quote] | None
    fee_rp: int
    above: Mandate | None
    """The mandate whose maximum does not allow them: its months are not debited until there is another."""


def begins(work: Work, worker_id: int) -> Month:
    """The month after the last that is paid, a sponsor's, or under way: what was announced stays as announced."""
    this = first_month(work.today)
    settled = or_(CoverMonth.state != MonthState.OPEN.value, CoverMonth.payer != PAYER_SELF)
    paid = select(func.max(CoverMonth.month)).where(
        CoverMonth.worker_id == worker_id, CoverMonth.month >= this, settled
    )
    trying = select(func.max(Attempt.month)).where(
        Attempt.worker_id == worker_id,
        Attempt.month >= this,
        Attempt.state.in_([state.value for state in OPEN_ATTEMPTS]),
    )
    taken = [month for month in (work.db.scalar(paid), work.db.scalar(trying)) if month is not None]
    return add_months(max(taken), 1) if taken else this


def offer(work: Work, worker: Worker, programmes: str, base_rp: int) -> NewTerms:
    """Raises NoTariff."""
    member, month = work.db.get_one(Membership, worker.id), begins(work, worker.id)
    listed = price_list(work, member.sector)

    def quote(later: Month) -> Quote:
        return listed.quote(later, base_rp, programmes)

    mandate = mandates.live(work, worker.id)
    fee_rp = mandate.fee_rp if mandate else 0
    above = mandate is not None and highest_rp(quote, month) + fee_rp > mandate.max_amount_rp
    before = listed.quote(month, *terms_in(member, month))
    return NewTerms(month, quote(month), before, next_change(quote, month), fee_rp, mandate if above else None)


def stand_already(work: Work, worker: Worker, programmes: str, base_rp: int) -> bool:
    """Whether these hold, or will hold, from the first month that could still be changed; the member is held."""
    work.db.refresh(worker, ["pin_wrong"], with_for_update={"of": Worker})
    # The planning holds mandates: what it announces in this moment is seen here, or sees this.
    mandates.live_all(work, worker.id, lock=True)
    return terms_in(check_stands(work, worker), begins(work, worker.id)) == (base_rp, programmes)


def change(work: Work, worker: Worker, programmes: str, base_rp: int, yes: Yes) -> NewTerms:
    """Keep the yes and the terms, tell the insurer, owe the receipt. Raises NotAMember, Unchanged or NoTariff."""
    if stand_already(work, worker, programmes, base_rp):
        raise Unchanged
    member, new = work.db.get_one(Membership, worker.id), offer(work, worker, programmes, base_rp)
    before = terms_in(member, new.month)
    # What was announced before keeps the terms that it was announced with.
    member.base_rp, member.programmes = terms_in(member, add_months(new.month, -1))
    member.next_from, member.next_base_rp, member.next_programmes = new.month, base_rp, programmes
    keep(work, worker, yes)
    record(work.db, member.subject, "member", "terms", f"{new.month:%Y-%m}", before[1], programmes, work.now)
    tell_insurer(work, worker, ChangeKind.TERMS, new.month, programmes, str(base_rp))
    said = {
        "month": month_name(new.month, worker.language),
        "programmes": "+".join(PROGRAMMES[programmes]),
        "amount": rupiah(new.quote.total_rp + new.fee_rp),
    }
    key = f"terms:{worker.id}:{work.now:%Y%m%d%H%M%S%f}"
    if new.above is not None:
        owe_worker(work, worker, "terms_above", key, {**said, "max": rupiah(new.above.max_amount_rp)})
    else:
        owe_worker(work, worker, "terms", key, said)
    return new
