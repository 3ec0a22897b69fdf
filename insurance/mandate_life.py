"""A mandate after its yes: the bank is asked, agrees or not; it is replaced, suspended, taken up again, or ends."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, exists, func, literal, not_, select

from banks.base import Reason
from insurance import schedule, unsent
from insurance.mandates import FINAL, bank_facts, change, live_all, take_up, tell_bank
from insurance.party import Party
from insurance.receipts import owe_worker
from insurance.tariff import first_month
from insurance.work import Work
from insurance.work_items import close, find, open_item
from models import Mandate, MandateState, Membership, MembershipState, Worker, WorkItem, WorkKind, WorkState
from models.event import record
from models.machine import Cause
from models.mandate import IN_FORCE
from units.money import rupiah
from units.month import Month, month_name

# Source: architecture.md 5: the bank's lane is spared an account that has been empty three months in a row.
NO_FUNDS_MONTHS_MAX = 3
# A bank that can be asked after a mandate is asked a minute later, then after twice as long each time, at least daily.
ASK_FIRST, ASK_AT_LEAST_EACH = timedelta(minutes=1), timedelta(days=1)
UNANSWERED_FOR = timedelta(days=1)


def claim(work: Work, banks: Collection[str], lease: timedelta) -> Mandate | None:
    """The next mandate that one of `banks` is to be asked for, under a lease; the caller commits, then asks.

    One whose code the member has typed goes with its code: `code_sealed` is not None. One that still waits for its code
    stays as it is: only a new code is to be asked for.
    """
    wanted = Mandate.code_sealed.is_not(None) | Mandate.code_wanted_at.is_not(None)
    with_code = (Mandate.state == MandateState.CODE_NEEDED.value) & wanted
    mandate = _next(work, banks, (Mandate.state == MandateState.CONSENTED.value) | with_code)
    if mandate is not None:
        if mandate.state == MandateState.CONSENTED.value or mandate.code_sealed is not None:
            change(work, mandate, MandateState.SUBMITTED, Cause("system", "ask"))
        mandate.lease_until = work.now + lease
    return mandate


def _next(work: Work, banks: Collection[str], waits: ColumnElement[bool]) -> Mandate | None:
    """The next mandate at one of `banks` that waits so, and that nobody is asking about."""
    free = Mandate.lease_until.is_(None) | (Mandate.lease_until <= work.now)
    query = select(Mandate).where(waits, Mandate.bank_code.in_(banks), free).order_by(Mandate.id).limit(1)
    return work.db.scalars(query.with_for_update(skip_locked=True, of=Mandate)).unique().one_or_none()


def hold(work: Work, mandate_id: int) -> Mandate:
    """The mandate, held after the one that it may replace: as who cancels both holds them."""
    mandate = work.db.get_one(Mandate, mandate_id)
    live_all(work, mandate.worker_id, lock=True)
    return work.db.get_one(Mandate, mandate_id, with_for_update={"of": Mandate}, populate_existing=True)


def activated(work: Work, mandate: Mandate, bank_reference: str, code: str = "", token: str = "") -> None:
    """The bank says that the holder agreed and the name is right; `token` is what it gave to debit by."""
    mandate.bank_reference, mandate.code_sealed = bank_reference, None
    if token:
        mandate.token_sealed = work.box(mandate.worker).seal(token, "mandate.token")
    if mandate.state in FINAL:
        # The member took it back while the bank was thinking, or it was given up: the yes does not come alive again.
        record(work.db, mandate.subject, "bank", "late_yes", code, mandate.state, mandate.state, work.now)
        _take_back_late(work, mandate)
        return
    for old in live_all(work, mandate.worker_id, lock=True):
        if old.id != mandate.id:
            unsent.cancel_unsent(work, old.id, Cause("system", "replaced"))
            tell_bank(work, old)
            change(work, old, MandateState.REPLACED, Cause("member", "other_account"))
    change(work, mandate, MandateState.ACTIVE, Cause("bank", "agreed", code))
    facts = bank_facts(mandate)
    if mandate.worker.held_at is not None:
        change(work, mandate, MandateState.PAUSED, Cause("system", "held"))
        return
    # The insurer's yes may come in this very moment: whoever holds the membership second sees both and schedules.
    work.db.get_one(Membership, mandate.worker_id, populate_existing=True, with_for_update={"of": Membership})
    attempt = schedule.schedule_first(work, mandate)
    if attempt is None or attempt.needs_notice:
        _tell_active_without_debit(work, mandate, facts)
        return
    owe_worker(
        work,
        mandate.worker,
        "mandate_active",
        f"mandate_active:{mandate.id}",
        {"month": month_name(attempt.month, mandate.worker.language), "amount": rupiah(attempt.total_rp), **facts},
        told_at_once=work.is_fresh(mandate.agreed_at),
    )


def _take_back_late(work: Work, mandate: Mandate) -> None:
    """The bank holds what has ended here; where that matter was closed before its yes came, it is a new one."""
    known = find(work, WorkKind.CANCEL_AT_BANK, _matter(mandate.id))
    late = known is not None and known.state != WorkState.OPEN.value
    open_item(work, WorkKind.CANCEL_AT_BANK, _matter(mandate.id, late=late), bank_code=mandate.bank_code)


def _matter(mandate_id: int, *, late: bool = False) -> str:
    return f"mandate {mandate_id}{' late' if late else ''}"


def _tell_active_without_debit(work: Work, mandate: Mandate, facts: dict[str, str]) -> None:
    worker = mandate.worker
    verified = work.db.get_one(Membership, worker.id).state == MembershipState.VERIFIED.value
    kind = "mandate_active_later" if verified else "mandate_active_waiting"
    month = schedule.first_unpaid(work, worker.id, max(mandate.first_month, first_month(work.today)))
    said = {"month": month_name(month, worker.language), **facts}
    fresh = work.is_fresh(mandate.agreed_at)
    owe_worker(work, worker, kind, f"mandate_active:{mandate.id}", said, told_at_once=fresh)


def rejected(work: Work, mandate: Mandate, reason: str, code: str, *, tell: bool = True) -> None:
    """The bank says no, or takes an active mandate back (then the failed debit's own receipt tells the member)."""
    if mandate.state in FINAL:
        return
    cause = Cause("bank", reason, code)
    unsent.cancel_unsent(work, mandate.id, cause)
    mandate.code_sealed = None
    change(work, mandate, MandateState.REJECTED, cause)
    if not tell:
        return
    worker = mandate.worker
    owe_worker(
        work,
        worker,
        # Another account would help no more than this one: it is the code that was wrong.
        "mandate_rejected_code" if reason == Reason.CODE.value else "mandate_rejected",
        f"mandate_rejected:{mandate.id}",
        {"reason": work.texts.word(f"reason.{reason}", worker.language), **bank_facts(mandate)},
        told_at_once=work.is_fresh(mandate.agreed_at),
    )


def unknown(work: Work, mandate: Mandate, code: str) -> None:
    """Sent, and no answer: the mandate stays out of use until the bank's word comes, or the member cancels."""
    if mandate.state == MandateState.SUBMITTED.value:
        change(work, mandate, MandateState.UNKNOWN, Cause("bank", "no_answer", code))


def unreachable(work: Work, mandate: Mandate, again_at: datetime) -> None:
    """Nothing was sent: asked again from `again_at` on."""
    if mandate.state == MandateState.SUBMITTED.value:
        back = MandateState.CONSENTED if mandate.code_sealed is None else MandateState.CODE_NEEDED
        change(work, mandate, back, Cause("system", "unreachable"))
        mandate.lease_until = again_at


def rejected_by_debit(work: Work, mandate_id: int, reason: str, code: str) -> None:
    """A debit's hard refusal ends the mandate; the failed debit's own receipt tells the member."""
    mandate = work.db.get_one(Mandate, mandate_id, populate_existing=True)
    rejected(work, mandate, reason, code, tell=False)


def month_without_funds(work: Work, to: Party) -> None:
    """Counted once a month; after NO_FUNDS_MONTHS_MAX in a row the bank is spared and the member told what to do."""
    mandate = work.db.get_one(Mandate, to.mandate_id, populate_existing=True)
    mandate.no_funds_months += 1
    if mandate.no_funds_months < NO_FUNDS_MONTHS_MAX or mandate.state != MandateState.ACTIVE.value:
        return
    cause = Cause("system", "no_funds")
    unsent.cancel_unsent(work, mandate.id, cause)
    change(work, mandate, MandateState.SUSPENDED, cause)
    key = f"mandate_suspended:{mandate.id}:{work.today:%Y-%m}"
    owe_worker(work, mandate.worker, "mandate_suspended", key, bank_facts(mandate), told_at_once=False)


def _held_back() -> ColumnElement[bool]:
    return exists().where(Worker.id == Mandate.worker_id, Worker.held_at.is_not(None))


def end_and_take_up(work: Work, month: Month, limit: int) -> int:
    """Before `month` is planned: take up what was paused until then, end what has expired; how many of both."""
    paused = (Mandate.state == MandateState.PAUSED.value) & (Mandate.paused_until <= month) & ~_held_back()
    expired = Mandate.state.in_([state.value for state in IN_FORCE]) & (Mandate.expires_on < work.today)
    query = select(Mandate).where(paused | expired).order_by(Mandate.id).limit(limit)
    rows = work.db.scalars(query.with_for_update(skip_locked=True, of=Mandate)).unique().all()
    for mandate in rows:
        if mandate.expires_on < work.today:
            unsent.cancel_unsent(work, mandate.id, Cause("system", "expired"))
            change(work, mandate, MandateState.EXPIRED, Cause("system", "expired"))
            key = f"mandate_expired:{mandate.id}"
            owe_worker(work, mandate.worker, "mandate_expired", key, bank_facts(mandate), told_at_once=False)
        else:
            take_up(work, mandate, Cause("system", "pause_over"))
    return len(rows)


def overdue(work: Work) -> int:
    """Mandates whose asker died while asking: the bank may have them, so their outcome is unknown."""
    query = (
        select(Mandate)
        .where(Mandate.state == MandateState.SUBMITTED.value, Mandate.lease_until < work.now)
        .with_for_update(skip_locked=True, of=Mandate)
    )
    rows = work.db.scalars(query).unique().all()
    for mandate in rows:
        unknown(work, mandate, "lease")
    return len(rows)


def claim_unknown(work: Work, banks: Collection[str]) -> Mandate | None:
    """The next mandate without a clear answer that one of `banks` is to be asked after, each time after twice as long.

    The caller commits, then asks.
    """
    old = (Mandate.state == MandateState.UNKNOWN.value) & (Mandate.changed_at <= work.now - ASK_FIRST)
    mandate = _next(work, banks, old)
    if mandate is not None:
        mandate.lease_until = work.now + min(work.now - mandate.changed_at, ASK_AT_LEAST_EACH)
    return mandate


def answered_late(work: Work, mandate: Mandate, bank_reference: str, token: str) -> None:
    """Asked after a mandate without a clear answer, the bank says that it holds it."""
    if mandate.state in (MandateState.UNKNOWN.value, MandateState.CANCELLED.value):
        activated(work, mandate, bank_reference, token=token)


def give_to_people(work: Work, limit: int = 500) -> int:
    """Mandates without a clear answer for a day: a person asks the bank, and the member learns why nothing happens."""
    about = literal("mandate ").concat(Mandate.id.cast(String))
    known = exists().where(WorkItem.kind == WorkKind.MANDATE_OUTCOME.value, WorkItem.about == about)
    query = (
        select(Mandate)
        .where(
            Mandate.state == MandateState.UNKNOWN.value, Mandate.changed_at <= work.now - UNANSWERED_FOR, not_(known)
        )
        .order_by(Mandate.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Mandate)
    )
    rows = work.db.scalars(query).unique().all()
    for mandate in rows:
        open_item(work, WorkKind.MANDATE_OUTCOME, f"mandate {mandate.id}", bank_code=mandate.bank_code)
        key = f"mandate_unanswered:{mandate.id}"
        owe_worker(work, mandate.worker, "mandate_unanswered", key, bank_facts(mandate), told_at_once=False)
    return len(rows)


def to_take_back(work: Work, bank_code: str, limit: int = 500) -> list[int]:
    """Mandates that ended with us and of which this bank has not been told.

    In any order: those that the bank never answers must not stand before the others for ever.
    """
    query = (
        select(WorkItem.about)
        .where(
            WorkItem.kind == WorkKind.CANCEL_AT_BANK.value,
            WorkItem.state == WorkState.OPEN.value,
            WorkItem.bank_code == bank_code,
        )
        .order_by(func.random())
        .limit(limit)
    )
    return [int(about.split()[1]) for about in work.db.scalars(query)]


def taken_back(work: Work, mandate_id: int) -> None:
    for late in (False, True):
        item = find(work, WorkKind.CANCEL_AT_BANK, _matter(mandate_id, late=late), lock=True)
        if item is not None:
            close(work, item, Cause("bank", "taken_back"))
