"""The standing yes to be debited, as the member gives, pauses and takes it back; what the bank says is elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from insurance import schedule, unsent
from insurance.consent import Yes, keep
from insurance.prices import quotes_of
from insurance.receipts import owe_worker
from insurance.reference import detached
from insurance.tariff import Quote, first_month, highest_rp, next_change
from insurance.waking import ASK_BANKS, wake
from insurance.work import Work
from insurance.work_items import close, find, open_item
from models import Bank, Mandate, MandateState, Membership, MembershipState, Worker, WorkKind
from models.event import record
from models.machine import Cause, move
from models.mandate import FINAL_MANDATES, IN_FORCE, MANDATE_MOVES
from models.month import AT_BANK, OPEN_ATTEMPTS
from texts.longest import BANK_SHOWN_SEPTETS
from units.gsm import shorten
from units.money import rupiah
from units.month import Month, add_months, day_text, last_day, month_name
from units.phone import masked_tail

# How long a member's yes stands before it must be given again; the bank is told this day (SNAP 70, expiredDatetime).
MANDATE_MONTHS = 24
FINAL = [state.value for state in FINAL_MANDATES]
_IN_FORCE = [state.value for state in IN_FORCE]
# Members pause for a lean season; after three unpaid months membership would be inactive (programme.md 1.5).
PAUSE_MONTHS = (1, 2, 3)


class AlreadyMandated(Exception):
    """The worker has a mandate that is not final: at most one at a time."""


class NoMandate(Exception):
    """There is nothing to cancel."""


class MembershipRefused(Exception):
    """The insurer refused this worker: nothing may be debited."""


class HeldBack(Exception):
    """The worker was reported dead: until people have decided, nothing may be debited."""


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


def live_all(work: Work, worker_id: int, *, lock: bool = False) -> Sequence[Mandate]:
    """What is not final: the one in force, then one on its way to the bank beside it where the account is changed.

    Locks are taken in one order: mandate, attempt, month.
    """
    query = (
        select(Mandate)
        .where(Mandate.worker_id == worker_id, Mandate.state.not_in(FINAL))
        .order_by(Mandate.state.not_in(_IN_FORCE), Mandate.id)
    )
    if lock:
        query = query.with_for_update(of=Mandate).execution_options(populate_existing=True)
    return work.db.scalars(query).unique().all()


def live(work: Work, worker_id: int, *, lock: bool = False) -> Mandate | None:
    """The worker's mandate in force, else the one on its way."""
    return next(iter(live_all(work, worker_id, lock=lock)), None)


def terms(work: Work, worker: Worker, *, replacing: bool = False) -> Terms:
    """What a consent given now says. `replacing`: what the mandate in force has not sent yet ends with it."""
    membership = work.db.get_one(Membership, worker.id)
    quote, this = quotes_of(work, membership), first_month(work.today)
    month = schedule.first_unpaid(work, worker.id, this, AT_BANK if replacing else OPEN_ATTEMPTS)
    fee = work.settings.BANK_FEE_RP
    return Terms(
        month,
        month == this,
        quote(month),
        next_change(quote, month),
        highest_rp(quote, month) + fee,
        fee,
    )


def connected_banks(work: Work) -> list[Bank]:
    def read() -> list[Bank]:
        return detached(work.db, work.db.scalars(select(Bank).where(Bank.connected)).all())

    return work.reference.get("banks", work.now, read)


def bank_name(bank: Bank) -> str:
    return shorten(bank.name, BANK_SHOWN_SEPTETS)


def bank_facts(mandate: Mandate) -> dict[str, str]:
    """Bank, account and debit day as a text may show them."""
    account = masked_tail(mandate.account_tail)
    return {"bank": bank_name(mandate.bank), "account": account, "day": days_text(mandate)}


def days_text(mandate: Mandate) -> str:
    """`5`, or where it differs by month `5/15`."""
    return "/".join(map(str, sorted(set(mandate.days)))) if mandate.days else str(mandate.day)


def authorise(
    work: Work,
    worker: Worker,
    bank_code: str,
    account_no: str,
    day: int,
    yes: Yes,
    *,
    days: Sequence[int] | None = None,
    replacing: bool = False,
) -> Mandate:
    """Keep the yes and have the bank asked, by a job, after the commit.

    `days` are twelve days, January first, for whom money comes by harvest. With `replacing` the mandate in force stays
    until the bank has agreed to the new account. Raises MembershipRefused, HeldBack, AlreadyMandated or AccountFull.
    """
    membership = work.db.get_one(Membership, worker.id)
    if membership.state in (MembershipState.REFUSED.value, MembershipState.ENDED.value):
        raise MembershipRefused
    # Locking the worker makes two calls of one family wait for each other; the unique index is the last word.
    work.db.refresh(worker, ["pin_wrong", "held_at"], with_for_update={"of": Worker})
    if worker.held_at is not None:
        raise HeldBack
    standing = live_all(work, worker.id)
    if any(not replacing or mandate.state not in _IN_FORCE for mandate in standing):
        raise AlreadyMandated
    account_index = work.keys.index("account", f"{bank_code}:{account_no}")
    _check_account(work, worker, account_index)
    agreed = terms(work, worker, replacing=bool(standing))
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
        days=list(days) if days else None,
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
        {"date": day_text(work.today), "max": rupiah(mandate.max_amount_rp), **bank_facts(mandate)},
    )
    wake(work.db, ASK_BANKS)
    return mandate


def _check_account(work: Work, worker: Worker, account_index: bytes) -> None:
    """Raises AccountFull. One after the other for one account, or calls at once would not count each other."""
    work.db.execute(select(func.pg_advisory_xact_lock(int.from_bytes(account_index[:8], signed=True))))
    sharing = select(func.count()).where(
        Mandate.account_index == account_index, Mandate.state.not_in(FINAL), Mandate.worker_id != worker.id
    )
    if work.db.execute(sharing).scalar_one() >= work.settings.ACCOUNT_WORKERS_MAX:
        raise AccountFull


def cancel(work: Work, worker: Worker, cause: Cause) -> Mandate:
    """At once: what was not sent is never sent; one debit already at the bank ends there. Raises NoMandate."""
    mandates = live_all(work, worker.id, lock=True)
    if not mandates:
        raise NoMandate
    at_bank = False
    for mandate in mandates:
        at_bank |= unsent.cancel_unsent(work, mandate.id, cause)
        tell_bank(work, mandate)
        change(work, mandate, MandateState.CANCELLED, cause)
    mandate = mandates[0]
    owe_worker(
        work,
        worker,
        "mandate_cancelled_late" if at_bank else "mandate_cancelled",
        f"mandate_cancelled:{mandate.id}",
        {"date": day_text(work.today), **bank_facts(mandate)},
    )
    return mandate


def tell_bank(work: Work, mandate: Mandate) -> None:
    """The bank is told by a job, or by a person where its product knows no cancelling (rulings 7)."""
    if mandate.state != MandateState.CONSENTED.value:
        open_item(work, WorkKind.CANCEL_AT_BANK, f"mandate {mandate.id}", bank_code=mandate.bank_code)


def change(work: Work, mandate: Mandate, to: MandateState, cause: Cause) -> None:
    if mandate.state == MandateState.UNKNOWN.value:
        item = find(work, WorkKind.MANDATE_OUTCOME, f"mandate {mandate.id}", lock=True)
        if item is not None:
            close(work, item, cause)
    move(work.db, mandate, MANDATE_MOVES, to, cause, work.now)
    mandate.changed_at, mandate.lease_until = work.now, None
    work.db.flush()


def pause_from(work: Work, worker: Worker) -> Month:
    """The first month that a pause begun now leaves unpaid."""
    return schedule.first_unpaid(work, worker.id, first_month(work.today), AT_BANK)


def pause(work: Work, worker: Worker, months: int) -> Mandate:
    """No debit for so many months from the next unpaid one on; nothing is promised for them. Raises NoMandate."""
    mandate = live(work, worker.id, lock=True)
    if mandate is None or mandate.state != MandateState.ACTIVE.value:
        raise NoMandate
    cause = Cause("member", "pause")
    first = pause_from(work, worker)
    unsent.cancel_unsent(work, mandate.id, cause)
    mandate.paused_until = add_months(first, months)
    change(work, mandate, MandateState.PAUSED, cause)
    said = {"month": month_name(first, worker.language), "month2": month_name(mandate.paused_until, worker.language)}
    key = f"mandate_paused:{mandate.id}:{work.now:%Y%m%d%H%M%S}"
    owe_worker(work, worker, "mandate_paused", key, {**said, **bank_facts(mandate)})
    return mandate


def resume(work: Work, worker: Worker, cause: Cause) -> Mandate:
    """Take up a paused or suspended mandate; this month is planned like any other. Raises NoMandate or HeldBack."""
    mandate = live(work, worker.id, lock=True)
    work.db.refresh(worker, ["held_at"])
    if worker.held_at is not None:
        raise HeldBack
    if mandate is None or mandate.state not in (MandateState.PAUSED.value, MandateState.SUSPENDED.value):
        raise NoMandate
    mandate.paused_until, mandate.no_funds_months = None, 0
    take_up(work, mandate, cause)
    return mandate


def take_up(work: Work, mandate: Mandate, cause: Cause) -> None:
    change(work, mandate, MandateState.ACTIVE, cause)
    key = f"mandate_resumed:{mandate.id}:{work.now:%Y%m%d%H%M%S}"
    owe_worker(work, mandate.worker, "mandate_resumed", key, bank_facts(mandate), told_at_once=cause.actor == "member")
