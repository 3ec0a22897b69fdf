"""A paid month is given up: it is open again, and what paid it is owed back to whoever it came from, once and whole."""

from datetime import date

from sqlalchemy import select

from insurance import unposted
from insurance.attempts import Try, change_months, held_months, key_of, locked
from insurance.ledger import post_owed_back
from insurance.notices import facts
from insurance.party import parties, reach
from insurance.receipts import Owed, owe_all, owe_worker
from insurance.refunds import UNASKED, UNPOSTED, done_by_hand, owe_refund
from insurance.tariff import PAYER_SELF
from insurance.work import Work
from insurance.work_items import close, open_item
from models import Attempt, CoverMonth, MonthState, Refund, TakenLine, Worker, WorkItem, WorkKind
from models.machine import Cause
from models.month import DEBITED
from units.month import month_name

_DEBITED = [state.value for state in DEBITED]


def give_up(work: Work, one: Try, cause: Cause) -> bool:
    """The month that this debit paid is open again; False where something else pays it. The caller posts and tells.

    What the insurer knows of it, and did not refuse, is for people to take back there.
    """
    key = (one.month, one.worker_id)
    row = held_months(work, [key], PAYER_SELF)[key]
    if row.state != MonthState.COVERED.value or row.paid_reference != one.reference:
        return False
    of_month = CoverMonth.month == one.month, CoverMonth.worker_id == one.worker_id
    handed_over = work.db.scalar(select(CoverMonth.handed_over_in).where(*of_month))
    refused = unposted.close_of(work, one.reference, cause)
    if row.posted_on is not None or (handed_over is not None and not refused):
        open_item(work, WorkKind.REVERSED_POSTED, one.reference, bank_code=one.bank_code, amount_rp=one.total_rp)
    empty = {"paid_on": None, "paid_reference": None, "handed_over_in": None, "posted_on": None}
    # A sponsor that has paid, and is paid back, owes the month no more.
    payer = PAYER_SELF if one.mandate_id is None else row.payer
    change_months(work, [row], MonthState.OPEN, cause, [{**empty, "payer": payer}])
    return True


def hold(work: Work, reference: str) -> Try:
    """The debit, held before its month and its items: the mandate first, as everywhere. Raises LookupError."""
    key = key_of(work, reference)
    if key is None:
        raise LookupError("its attempt is not known")
    mandate_id = work.db.get_one(Attempt, key).mandate_id
    parties(work, [] if mandate_id is None else [mandate_id], lock=True)
    return locked(work, [key])[key]


def refund_refused(work: Work, reference: str, cause: Cause) -> None:
    """The insurer will not post its month: owed back, and no second yes is asked for. Raises ValueError."""
    one = hold(work, reference)
    _owe_back(work, one, UNPOSTED, cause)
    if one.mandate_id is None:
        _tell_sponsored(work, one)
        return
    to = parties(work, [one.mandate_id])[one.mandate_id]
    said, key = {**facts(one, to), "ref": one.reference}, f"not_posted_refund:{one.reference}"
    owe_all(work, [Owed(who, "not_posted_refund", key, said, told_at_once=False) for who in reach(work, to)])


def _owe_back(work: Work, one: Try, why: str, cause: Cause) -> None:
    if one.state not in _DEBITED or not give_up(work, one, cause):
        raise ValueError("its month is not paid by this debit, so nothing of it is to be given back")
    post_owed_back(work, one)
    owe_refund(work, one, why, agreed=True)


def _tell_sponsored(work: Work, one: Try) -> None:
    worker = work.db.get_one(Worker, one.worker_id)
    said = {"month": month_name(one.month, worker.language), "name": work.name(worker), "ref": one.reference}
    owe_worker(work, worker, "not_posted_sponsor", f"not_posted_refund:{one.reference}", said, told_at_once=False)


def book_unasked(work: Work, item: WorkItem, cause: Cause) -> None:
    """The bank gave it back by hand, as its file says: the month is given up, the books have it. Raises ValueError."""
    line = line_of(work, item)
    known = select(Refund.reference).where(Refund.attempt_reference == line.debit)
    if work.db.scalar(known) is None:
        _owe_back(work, hold(work, line.debit), UNASKED, cause)
    done_by_hand(work, line.debit, line.bank_reference, cause)
    close(work, item, cause)


def line_of(work: Work, item: WorkItem) -> TakenLine:
    """The line of a bank's file that a difference is about, as `settlements.about` names it."""
    bank_code, day, kind, reference, _ = item.about.split(" ")
    return work.db.get_one(TakenLine, (bank_code, date.fromisoformat(day), reference, kind))
