"""Paid months that the insurer refused to post, or posted too late: people's matters, each with its trail; no money."""

import structlog
from sqlalchemy import func, select

from insurance.attempts import key_of
from insurance.ledger import is_posted
from insurance.receipts import owe_worker
from insurance.waking import EXCHANGE, wake
from insurance.work import Work
from insurance.work_items import POSTED_REFUSED, close, find, open_item
from insurer.base import ContributionResult
from models import Attempt, AttemptReference, CoverMonth, InsurerFile, MonthState, Worker, WorkItem, WorkKind, WorkState
from models.event import record
from models.machine import Cause
from units.month import month_name

log = structlog.get_logger()

DECISION_AGAIN = "hand_over_again"
_UNCLOSED = [WorkState.OPEN.value, WorkState.APPROVED.value]


def refused(work: Work, attempt: Attempt, month: CoverMonth, line: ContributionResult, answered: str) -> None:
    """Money was taken and is not posted, the worst case: logged, told, and waiting for two people's decision.

    `answered` is our file that the refusal answers; where the month was handed over anew since, it is an old word.
    """
    if answered != month.handed_over_in and work.db.get(InsurerFile, answered) is not None:
        return
    reference = attempt.reference
    bank_code, amount_rp = attempt.bank_code, attempt.total_rp
    if month.posted_on is not None:
        # It said both, and which of them is its last word nobody here can say: only people take "protected" back.
        log.error("posted_and_refused", reference=reference, why=line.reason)
        about = f"{reference} {POSTED_REFUSED}"
        known = find(work, WorkKind.DIFFERENCE, about)
        if known is not None and known.closed_at is not None:
            # Said again, of another file, after people had decided.
            about = f"{about} {answered}"
        open_item(work, WorkKind.DIFFERENCE, about, code=POSTED_REFUSED, bank_code=bank_code, amount_rp=amount_rp)
        return
    about = f"{reference} {month.handed_over_in or ''}".strip()
    if find(work, WorkKind.NOT_POSTED, about) is not None:
        return
    log.error("month_not_posted", reference=reference, why=line.reason)
    record(work.db, month.subject, "insurer", "refused", line.reason, month.state, month.state, work.now)
    open_item(work, WorkKind.NOT_POSTED, about, code=line.reason, bank_code=bank_code, amount_rp=amount_rp)
    worker = work.db.get_one(Worker, month.worker_id)
    facts = {"month": month_name(month.month, worker.language), "name": work.name(worker), "ref": reference}
    owe_worker(work, worker, "not_posted", f"not_posted:{reference}", facts, told_at_once=False)


def close_posted(work: Work) -> None:
    """Those that the insurer has posted after all wait for nobody any more."""
    query = (
        select(WorkItem)
        .join(AttemptReference, AttemptReference.reference == func.split_part(WorkItem.about, " ", 1))
        .join(
            CoverMonth,
            (CoverMonth.month == AttemptReference.month) & (CoverMonth.worker_id == AttemptReference.worker_id),
        )
        .where(
            WorkItem.kind == WorkKind.NOT_POSTED.value,
            WorkItem.state.in_(_UNCLOSED),
            CoverMonth.paid_reference == AttemptReference.reference,
            CoverMonth.posted_on.is_not(None),
        )
        .order_by(WorkItem.id)
        .with_for_update(of=WorkItem)
    )
    for item in work.db.scalars(query):
        close(work, item, Cause("insurer", "posted"))


def posted_in_vain(work: Work, attempt: Attempt) -> None:
    """The insurer has a month whose money went back meanwhile: nobody is called protected, and people tell it so."""
    if is_posted(work, attempt.month, attempt.reference):
        # An old word: it was booked, and taken back since.
        return
    log.error("posted_and_given_back", reference=attempt.reference)
    known = find(work, WorkKind.REVERSED_POSTED, attempt.reference)
    if known is not None and known.closed_at is None:
        return
    about = attempt.reference if known is None else f"{attempt.reference} posted"
    open_item(work, WorkKind.REVERSED_POSTED, about, bank_code=attempt.bank_code, amount_rp=attempt.total_rp)


def close_of(work: Work, reference: str, cause: Cause) -> bool:
    """Its month is given up: nothing is left to decide; whether the insurer's refusal was its last word."""
    query = select(WorkItem).where(
        WorkItem.state.in_(_UNCLOSED),
        WorkItem.kind.in_([WorkKind.NOT_POSTED.value, WorkKind.DIFFERENCE.value]),
        func.split_part(WorkItem.about, " ", 1) == reference,
    )
    items = work.db.scalars(query.order_by(WorkItem.id).with_for_update()).all()
    for item in items:
        close(work, item, cause)
    return any(item.kind == WorkKind.NOT_POSTED.value for item in items)


def hand_over_again(work: Work, item: WorkItem, cause: Cause) -> None:
    """The data were mended: the month goes into the next file under its reference. Raises ValueError if it may not."""
    reference = reference_of(item)
    month = hold_month(work, reference)
    if month.state != MonthState.COVERED.value or month.paid_reference != reference or month.posted_on is not None:
        raise ValueError("its month is not one that waits for the insurer")
    month.handed_over_in = None
    record(work.db, month.subject, cause.actor, cause.why, reference, month.state, month.state, work.now)
    close(work, item, cause)
    wake(work.db, EXCHANGE)


def hold_month(work: Work, reference: str) -> CoverMonth:
    """Held as the insurer's answers hold it, before any item of it. Raises LookupError."""
    key = key_of(work, reference)
    if key is None:
        raise LookupError("its attempt is not known")
    return work.db.get_one(CoverMonth, key[:2], with_for_update=True, populate_existing=True)


def reference_of(item: WorkItem) -> str:
    """Of the debit that a matter about a posting names first."""
    return item.about.split(" ", 1)[0]
