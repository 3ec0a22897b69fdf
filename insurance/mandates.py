"""The standing yes to be debited: asked for, given, cancelled; ACTIVE only on the bank's word about the holder."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from insurance import schedule
from insurance.consent import Yes, keep
from insurance.receipts import URGENT, owe_worker
from insurance.reference import detached
from insurance.tariff import Quote, first_month, price_list
from insurance.waking import ASK_BANKS, wake
from insurance.work import Work
from models import Bank, Mandate, MandateState, Membership, MembershipState, Worker
from models.event import record
from models.machine import Cause, move
from models.mandate import FINAL_MANDATES, MANDATE_MOVES
from texts.longest import BANK_SHOWN_SEPTETS
from units.gsm import shorten
from units.money import rupiah
from units.month import Month, add_months, day_text, last_day, month_name
from units.phone import masked_tail

# How long a member's yes stands before it must be given again; the bank is told this day (SNAP 70, expiredDatetime).
MANDATE_MONTHS = 24
_FINAL = [state.value for state in FINAL_MANDATES]


class AlreadyMandated(Exception):
    """The worker has a mandate that is not final: at most one at a time."""


class NoMandate(Exception):
    """There is nothing to cancel."""


class MembershipRefused(Exception):
    """The insurer refused this worker: nothing may be debited."""


class AccountFull(Exception):
    """ACCOUNT_WORKERS_MAX live mandates of others name this account already."""


@dataclass(frozen=True)
class Terms:
    """What a consent says about money: first month and price, the next change, the maximum, the bank's fee."""

    month: Month
    at_once: bool
    """Whether the first month is debited as soon as the bank agrees: it is today's, and nobody has paid it yet."""
    first: Quote
    change: tuple[Month, Quote] | None
    max_rp: int
    fee_rp: int


def live(work: Work, worker_id: int, *, lock: bool = False) -> Mandate | None:
    """The worker's mandate that is not final. Locks are taken in one order: mandate, attempt, month."""
    query = select(Mandate).where(Mandate.worker_id == worker_id, Mandate.state.not_in(_FINAL))
    if lock:
        query = query.with_for_update(of=Mandate).execution_options(populate_existing=True)
    return work.db.scalars(query).unique().one_or_none()


def terms(work: Work, worker: Worker) -> Terms:
    membership = work.db.get_one(Membership, worker.id)
    prices, this = price_list(work, membership.sector), first_month(work.today)
    month = schedule.first_unpaid(work, worker.id, this)
    base, programmes, fee = membership.base_rp, membership.programmes, work.settings.BANK_FEE_RP
    return Terms(
        month,
        month == this,
        prices.quote(month, base, programmes),
        prices.next_change(month, base, programmes),
        prices.highest_rp(month, base, programmes) + fee,
        fee,
    )


def connected_banks(work: Work) -> list[Bank]:
    def read() -> list[Bank]:
        return detached(work.db, work.db.scalars(select(Bank).where(Bank.connected)).all())

    return work.reference.get("banks", work.now, read)


def bank_name(bank: Bank) -> str:
    return shorten(bank.name, BANK_SHOWN_SEPTETS)


def bank_facts(mandate: Mandate) -> dict[str, str]:
    """Bank and account as a text may show them."""
    return {"bank": bank_name(mandate.bank), "account": masked_tail(mandate.account_tail)}


def authorise(work: Work, worker: Worker, bank_code: str, account_no: str, day: int, yes: Yes) -> Mandate:
    """Keep the yes and have the bank asked, by a job, after the commit.

    Raises MembershipRefused, AlreadyMandated or AccountFull.
    """
    membership = work.db.get_one(Membership, worker.id)
    if membership.state in (MembershipState.REFUSED.value, MembershipState.ENDED.value):
        raise MembershipRefused
    # Locking the worker makes two calls of one family wait for each other; the unique index is the last word.
    work.db.refresh(worker, ["pin_wrong"], with_for_update={"of": Worker})
    if live(work, worker.id) is not None:
        raise AlreadyMandated
    account_index = work.keys.index("account", f"{bank_code}:{account_no}")
    # One after the other for one account, or several calls at once would each count the others not yet there.
    work.db.execute(select(func.pg_advisory_xact_lock(int.from_bytes(account_index[:8], signed=True))))
    sharing = select(func.count()).where(Mandate.account_index == account_index, Mandate.state.not_in(_FINAL))
    if work.db.execute(sharing).scalar_one() >= work.settings.ACCOUNT_WORKERS_MAX:
        raise AccountFull
    agreed = terms(work, worker)
    mandate = Mandate(
        worker_id=worker.id,
        state=MandateState.CONSENTED.value,
        bank_code=bank_code,
        account_sealed=work.box(worker).seal(account_no, "mandate.account"),
        account_index=account_index,
        account_tail=account_no[-4:],
        max_amount_rp=agreed.max_rp,
        fee_rp=agreed.fee_rp,
        first_month=agreed.month,
        agreed_at=work.now,
        day=day,
        expires_on=last_day(add_months(agreed.month, MANDATE_MONTHS)),
        consent_id=keep(work, worker, yes).id,
        bank_reference="",
        changed_at=work.now,
    )
    work.db.add(mandate)
    work.db.flush()
    record(work.db, mandate.subject, "member", "consent", "", "", mandate.state, work.now)
    owe_worker(
        work,
        worker,
        "mandate_asked",
        f"mandate_asked:{mandate.id}",
        {"date": day_text(work.today), "max": rupiah(mandate.max_amount_rp), "day": str(day), **bank_facts(mandate)},
    )
    wake(work.db, ASK_BANKS)
    return mandate


def cancel(work: Work, worker: Worker, cause: Cause) -> Mandate:
    """At once: what was not sent is never sent; one debit already at the bank ends there. Raises NoMandate.

    A bank whose product knows no cancelling is told by a person: the event is the work item (rulings 7).
    """
    mandate = live(work, worker.id, lock=True)
    if mandate is None:
        raise NoMandate
    at_bank = schedule.cancel_unsent(work, mandate, cause)
    _change(work, mandate, MandateState.CANCELLED, cause)
    owe_worker(
        work,
        worker,
        "mandate_cancelled_late" if at_bank else "mandate_cancelled",
        f"mandate_cancelled:{mandate.id}",
        {"date": day_text(work.today), **bank_facts(mandate)},
        priority=URGENT,
    )
    return mandate


def _change(work: Work, mandate: Mandate, to: MandateState, cause: Cause) -> None:
    move(work.db, mandate, MANDATE_MOVES, to, cause, work.now)
    mandate.changed_at, mandate.lease_until = work.now, None


def claim(work: Work, lease: timedelta) -> Mandate | None:
    """The next mandate the bank is to be asked for, put into SUBMITTED under a lease; the caller commits, then asks."""
    query = (
        select(Mandate)
        .where(
            Mandate.state == MandateState.CONSENTED.value,
            Mandate.lease_until.is_(None) | (Mandate.lease_until <= work.now),
        )
        .order_by(Mandate.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Mandate)
    )
    mandate = work.db.scalars(query).unique().one_or_none()
    if mandate is not None:
        _change(work, mandate, MandateState.SUBMITTED, Cause("system", "ask"))
        mandate.lease_until = work.now + lease
    return mandate


def activated(work: Work, mandate: Mandate, bank_reference: str, code: str = "") -> None:
    """The bank says that the holder agreed and the name is right."""
    if mandate.state == MandateState.CANCELLED.value:
        # The member took it back while the bank was thinking: the yes does not come alive again.
        record(work.db, mandate.subject, "bank", "late_yes", code, mandate.state, mandate.state, work.now)
        mandate.bank_reference = bank_reference
        return
    mandate.bank_reference = bank_reference
    _change(work, mandate, MandateState.ACTIVE, Cause("bank", "agreed", code))
    facts = bank_facts(mandate)
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
    )


def _tell_active_without_debit(work: Work, mandate: Mandate, facts: dict[str, str]) -> None:
    worker = mandate.worker
    verified = work.db.get_one(Membership, worker.id).state == MembershipState.VERIFIED.value
    kind = "mandate_active_later" if verified else "mandate_active_waiting"
    month = max(mandate.first_month, first_month(work.today))
    said = {"month": month_name(month, worker.language), **facts}
    owe_worker(work, worker, kind, f"mandate_active:{mandate.id}", said)


def rejected(work: Work, mandate: Mandate, reason: str, code: str, *, tell: bool = True) -> None:
    """The bank says no, or takes an active mandate back (then the failed debit's own receipt tells the member)."""
    if mandate.state in _FINAL:
        return
    cause = Cause("bank", reason, code)
    schedule.cancel_unsent(work, mandate, cause)
    _change(work, mandate, MandateState.REJECTED, cause)
    if not tell:
        return
    worker = mandate.worker
    owe_worker(
        work,
        worker,
        "mandate_rejected",
        f"mandate_rejected:{mandate.id}",
        {"reason": work.texts.word(f"reason.{reason}", worker.language), **bank_facts(mandate)},
    )


def unknown(work: Work, mandate: Mandate, code: str) -> None:
    """Sent, and no answer: the mandate stays out of use until the bank's word comes, or the member cancels."""
    if mandate.state == MandateState.SUBMITTED.value:
        _change(work, mandate, MandateState.UNKNOWN, Cause("bank", "no_answer", code))


def unreachable(work: Work, mandate: Mandate, again_at: datetime) -> None:
    """Nothing was sent: asked again from `again_at` on."""
    if mandate.state == MandateState.SUBMITTED.value:
        _change(work, mandate, MandateState.CONSENTED, Cause("system", "unreachable"))
        mandate.lease_until = again_at


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
