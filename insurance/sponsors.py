"""Months that a village fund or the state pays for a worker: promised, paid, late, handed over to the worker's own pay.

The row of a month says who pays it: while that is a sponsor, no debit of the worker is scheduled for it.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import func, select

from insurance import mandates
from insurance.attempts import (
    COLUMNS,
    MonthRow,
    Try,
    as_try,
    change_all,
    change_months,
    held_months,
    insert_all,
)
from insurance.ledger import post_sponsored
from insurance.mandates import MembershipRefused
from insurance.receipts import owe_worker
from insurance.references import new_reference
from insurance.tariff import PAYER_SELF, Quote, first_month, price_list
from insurance.waking import EXCHANGE, wake
from insurance.work import Work
from insurance.work_items import open_item
from models import (
    Attempt,
    AttemptState,
    CoverMonth,
    Mandate,
    MandateState,
    Membership,
    MembershipState,
    MonthState,
    Sponsorship,
    Why,
    Worker,
    WorkKind,
)
from models.bulk import update_rows
from models.event import Happening, record, record_all
from models.machine import Cause
from models.membership import terms_in
from models.month import AT_BANK, OPEN_ATTEMPTS
from models.partitions import MONTHS_AHEAD
from units.money import rupiah
from units.month import Month, add_months, day_text, month_name

PAYERS = ("village", "state")
SPONSORED_MONTHS_MAX = 12
# So long before their own pay begins members are told, to have time for an account and an autodebit.
TOLD_BEFORE = timedelta(days=30)
DAILY_MAX = 200
_PAYABLE = (MonthState.OPEN.value, MonthState.MISSED.value)
_OVER = (MembershipState.REFUSED.value, MembershipState.ENDED.value)


class NotSponsorable(ValueError):
    """This promise cannot be taken; says why, and names nobody."""


class NotReceivable(ValueError):
    """This payment fits nothing that was promised and is open; says why, and nothing was booked."""


def promise(work: Work, worker: Worker, payer: str, from_month: Month, months: int) -> Sponsorship:
    """`payer` will pay so many months; what was planned for them and not sent is dropped, and the member is told.

    Raises NotSponsorable, MembershipRefused or NoTariff; then nothing is written.
    """
    this = first_month(work.today)
    if payer not in PAYERS:
        raise NotSponsorable(f"payer is one of {', '.join(PAYERS)}")
    if not 1 <= months <= SPONSORED_MONTHS_MAX:
        raise NotSponsorable(f"months are 1 to {SPONSORED_MONTHS_MAX}")
    last = add_months(from_month, months - 1)
    if from_month < this or last > add_months(this, MONTHS_AHEAD - 1):
        raise NotSponsorable(f"from {this:%Y-%m} on, and not after {add_months(this, MONTHS_AHEAD - 1):%Y-%m}")
    member = work.db.get_one(Membership, worker.id)
    if member.state in (MembershipState.REFUSED.value, MembershipState.ENDED.value):
        raise MembershipRefused
    named = [add_months(from_month, ahead) for ahead in range(months)]
    for month in named:
        _quote(work, member, payer, month)
    # The worker first, as wherever a PIN is checked: a call and this must not each hold a half.
    work.db.refresh(worker, ["pin_wrong"], with_for_update={"of": Worker})
    unsent, rows = _hold(work, worker.id, named, NotSponsorable)
    for row in rows:
        if row.state not in _PAYABLE or row.payer != PAYER_SELF:
            what = "paid" if row.payer == PAYER_SELF else "sponsored"
            raise NotSponsorable(f"{row.month:%Y-%m} is {what} already")
    made = Sponsorship(
        worker_id=worker.id,
        payer=payer,
        from_month=from_month,
        months=months,
        reference=new_reference(),
        promised_at=work.now,
    )
    work.db.add(made)
    work.db.flush()
    record(work.db, made.subject, "sponsor", "promise", payer, "", "promised", work.now)
    change_all(work, unsent, AttemptState.CANCELLED, Cause("system", "sponsored"))
    _set_payer(work, rows, payer, "promise")
    said = {"month": _named(worker, from_month), "month2": _named(worker, last), "name": work.name(worker)}
    _tell(work, worker, made, "sponsored", f"sponsored:{made.reference}", said)
    return made


def receive(work: Work, reference: str, month: Month, amount_rp: int) -> Try:
    """The sponsor's money for one month came in: posted, the month covered, the receipt owed, the insurer to be told.

    An amount other than the tariff's is booked by nobody's guess. A promise whose month went back to the member for
    being late is still kept, as long as the member has not paid. Raises NotReceivable; then nothing is written.
    """
    query = select(Sponsorship).where(Sponsorship.reference == reference)
    promised = work.db.scalars(query.with_for_update()).one_or_none()
    if promised is None:
        raise NotReceivable("no promise has this reference")
    if not promised.from_month <= month < add_months(promised.from_month, promised.months):
        raise NotReceivable(f"{month:%Y-%m} was not promised")
    worker, member = work.db.get_one(Worker, promised.worker_id), work.db.get_one(Membership, promised.worker_id)
    if member.state != MembershipState.VERIFIED.value:
        raise NotReceivable("the insurer has not accepted this member")
    quote = _quote(work, member, promised.payer, month)
    if amount_rp != quote.total_rp:
        raise NotReceivable(f"{month:%Y-%m} costs {rupiah(quote.total_rp)}")
    unsent, [row] = _hold(work, worker.id, [month], NotReceivable)
    if row.state not in _PAYABLE:
        raise NotReceivable(f"{month:%Y-%m} is paid already")
    change_all(work, unsent, AttemptState.CANCELLED, Cause("system", "sponsored"))
    one = _paid(work, promised, month, quote)
    insert_all(work, [one])
    record_all(work.db, [Happening(one.subject, "sponsor", "paid", promised.payer, "", one.state)], work.now)
    columns = [{"paid_on": work.today, "paid_reference": one.reference, "payer": promised.payer}]
    change_months(work, [row], MonthState.COVERED, Cause("sponsor", "paid", promised.payer), columns)
    post_sponsored(work, [(one, promised.payer)])
    said = {
        "month": _named(worker, month),
        "amount": rupiah(one.total_rp),
        "date": day_text(work.today),
        "ref": one.reference,
    }
    _tell(work, worker, promised, "paid_sponsor", f"paid:{one.reference}", said)
    wake(work.db, EXCHANGE)
    return one


def _quote(work: Work, member: Membership, payer: str, month: Month) -> Quote:
    return price_list(work, member.sector, payer).quote(month, *terms_in(member, month))


def _hold(
    work: Work, worker_id: int, months: Sequence[Month], refusal: type[ValueError]
) -> tuple[list[Try], list[MonthRow]]:
    """The worker's own unsent attempts for these months, and the months, held in the usual order: mandates first."""
    mandates.live_all(work, worker_id, lock=True)
    query = select(*COLUMNS).where(
        Attempt.worker_id == worker_id,
        Attempt.month.in_(months),
        Attempt.state.in_([state.value for state in OPEN_ATTEMPTS]),
    )
    tries = list(map(as_try, work.db.execute(query.order_by(Attempt.month).with_for_update())))
    for one in tries:
        if one.state in [state.value for state in AT_BANK]:
            raise refusal(f"{one.month:%Y-%m} may be debited from the member in this moment")
    held = held_months(work, [(month, worker_id) for month in months], PAYER_SELF)
    return tries, [held[month, worker_id] for month in months]


def _paid(work: Work, promised: Sponsorship, month: Month, quote: Quote) -> Try:
    """An attempt that no bank is asked for: a payment has its reference like any other, for books and insurer."""
    tried = select(func.coalesce(func.max(Attempt.n), 0)).where(
        Attempt.month == month, Attempt.worker_id == promised.worker_id
    )
    return Try(
        month=month,
        worker_id=promised.worker_id,
        n=work.db.execute(tried).scalar_one() + 1,
        mandate_id=None,
        bank_code="",
        why=Why.SPONSOR.value,
        reference=new_reference(),
        jkk_rp=quote.by_programme["JKK"],
        jkm_rp=quote.by_programme["JKM"],
        jht_rp=quote.by_programme.get("JHT", 0),
        fee_rp=0,
        state=AttemptState.CONFIRMED.value,
        due_on=work.today,
        needs_notice=False,
        asked_at=None,
        asks=0,
        code="",
        bank_reference="",
    )


def _set_payer(work: Work, rows: Sequence[MonthRow], payer: str, why: str) -> None:
    keys = [{"month": row.month, "worker_id": row.worker_id} for row in rows]
    update_rows(work.db, CoverMonth, ("month", "worker_id"), keys, payer=payer)
    events = [Happening(row.subject, "sponsor", why, payer, row.state, row.state) for row in rows]
    record_all(work.db, events, work.now)


def _named(worker: Worker, month: Month) -> str:
    return month_name(month, worker.language)


def _tell(work: Work, worker: Worker, promised: Sponsorship, kind: str, key: str, said: dict[str, str]) -> None:
    payer = work.texts.word(f"payer.{promised.payer}", worker.language)
    owe_worker(work, worker, kind, key, {"payer": payer, **said}, told_at_once=False)


def daily(work: Work, after: int) -> int | None:
    """See to the next DAILY_MAX running promises past the id `after`; the last one's id, None where there was none.

    A month that is late goes back to its member, who may pay it; an end that is near is told, and so is the end.
    """
    query = (
        select(Sponsorship)
        .where(Sponsorship.ended_on.is_(None), Sponsorship.id > after)
        .order_by(Sponsorship.id)
        .limit(DAILY_MAX)
        .with_for_update(skip_locked=True)
    )
    found = work.db.scalars(query).all()
    # All at once, for that is in the one order in which everybody takes months.
    over = {one.id: work.db.get_one(Membership, one.worker_id).state in _OVER for one in found}
    keys = {one.id: _months(work, one, all_of_them=over[one.id]) for one in found}
    held = held_months(work, [key for promised in found for key in keys[promised.id]], PAYER_SELF)
    for promised in found:
        worker, months = work.db.get_one(Worker, promised.worker_id), [held[key] for key in keys[promised.id]]
        if over[promised.id]:
            # Who joins again later pays for themselves: no month may wait for a sponsor who is gone.
            _set_payer(work, _unpaid(months, promised), PAYER_SELF, "ended")
            promised.ended_on = work.today
            continue
        _late(work, worker, promised, months)
        _hand_over(work, worker, promised)
    return found[-1].id if found else None


def _due(work: Work, month: Month) -> date:
    return month.replace(day=work.settings.DUE_DAY)


def _months(work: Work, promised: Sponsorship, *, all_of_them: bool) -> list[tuple[Month, int]]:
    """Those whose due day has passed, or all."""
    months = [add_months(promised.from_month, ahead) for ahead in range(promised.months)]
    return [(month, promised.worker_id) for month in months if all_of_them or _due(work, month) < work.today]


def _unpaid(held: Sequence[MonthRow], promised: Sponsorship) -> list[MonthRow]:
    return [row for row in held if row.payer == promised.payer and row.state in _PAYABLE]


def _late(work: Work, worker: Worker, promised: Sponsorship, held: Sequence[MonthRow]) -> None:
    """Months that the sponsor has not paid by their due day."""
    rows = _unpaid(held, promised)
    _set_payer(work, rows, PAYER_SELF, "late")
    for row in rows:
        key = f"sponsor_unpaid:{promised.reference}:{row.month:%Y-%m}"
        _tell(work, worker, promised, "sponsor_unpaid", key, {"month": _named(worker, row.month)})
        open_item(work, WorkKind.SPONSOR_UNPAID, f"{promised.payer} {worker.village_code} {row.month:%Y-%m}")


def _hand_over(work: Work, worker: Worker, promised: Sponsorship) -> None:
    """Told once before the member's own pay begins, and once more then where nothing would be debited."""
    own = add_months(promised.from_month, promised.months)
    begun = work.today >= own
    if not begun and work.today < own - TOLD_BEFORE:
        return
    following = work.db.get(CoverMonth, (own, worker.id))
    mandate = mandates.live(work, worker.id)
    held = _held(mandate, own)
    if (following is None or following.payer == PAYER_SELF) and not (begun and held == "_debit"):
        about: dict[str, str] = {}
        if mandate is not None:
            state = work.texts.word(f"mandate.{mandate.state}", worker.language)
            about = {**mandates.bank_facts(mandate), "state": state}
        last, first = _named(worker, add_months(own, -1)), _named(worker, own)
        named, what = ({"month": first}, "over") if begun else ({"month": last, "month2": first}, "ends")
        key = f"sponsor_{what}:{promised.reference}"
        _tell(work, worker, promised, f"sponsor_{what}{held}", key, {**named, **about})
    if begun:
        promised.ended_on = work.today
        record(work.db, promised.subject, "system", "over", "", "promised", "over", work.now)


def _held(mandate: Mandate | None, own: Month) -> str:
    """How the texts on a sponsor's end are called: nothing stands, it debits in time, or it needs the member's hand."""
    if mandate is None:
        return ""
    taken_up = mandate.paused_until is not None and mandate.paused_until <= own
    debits = mandate.state == MandateState.ACTIVE.value or (mandate.state == MandateState.PAUSED.value and taken_up)
    return "_debit" if debits else "_held"
