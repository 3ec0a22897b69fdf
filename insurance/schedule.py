"""Fixes what is to be debited and when, with its notice; drops what cannot be any more. It asks no bank."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

import structlog
from sqlalchemy import or_, select, union_all

from insurance.attempts import Try, held_months, insert_all, of_months
from insurance.calendar import chosen_day, debit_day, earliest_noticed_day, first_working_day
from insurance.notices import give_notice
from insurance.party import Party, party, reach
from insurance.prices import Quotes, quoted, words
from insurance.receipts import Owed, owe_all
from insurance.references import new_reference
from insurance.refunds import SURPLUS, returning
from insurance.tariff import PAYER_SELF, first_month, price_list
from insurance.waking import collect_at, wake
from insurance.work import Work
from models import (
    Attempt,
    AttemptState,
    CoverMonth,
    Mandate,
    MandateState,
    MembershipState,
    MonthState,
    Refund,
    RefundState,
    Why,
)
from models.event import Happening, record_all
from models.membership import terms_in
from models.month import ASKED_FOR, DEBITED, OPEN_ATTEMPTS
from units.clock import jakarta_day
from units.money import rupiah
from units.month import Month, add_months, last_day, month_name

log = structlog.get_logger()

# Tries that were sent to a bank for one month, over all mandates, one a day (rulings 8).
TRIES_MAX = 3
_BLOCKING = frozenset(state.value for state in (*OPEN_ATTEMPTS, *DEBITED))
_WERE_DEBITED = frozenset(state.value for state in (*DEBITED, AttemptState.REVERSED))
_PAYABLE = (MonthState.OPEN.value, MonthState.MISSED.value)


class Unscheduled(StrEnum):
    """Why a month got no attempt."""

    NOT_OWED = "not_owed"
    """It is paid, waived, a sponsor's, or under way."""
    TRIED = "tried"
    """What may be tried for it has been."""
    ABOVE_MAXIMUM = "above_maximum"
    """It costs more than the mandate allows: never sent, told once, a new consent is needed."""
    TOO_LATE = "too_late"
    """No day is left in the month on which it could be noticed and sent."""
    NO_TARIFF = "no_tariff"


@dataclass(frozen=True)
class Wanted:
    """One month to be debited from one mandate. `due_on` is the earliest day; a notice moves it no earlier.

    `says` is the text that gives the notice, with what it says besides the attempt's own facts.
    """

    party: Party
    month: Month
    due_on: date
    why: Why
    needs_notice: bool = True
    says: str = "notice"
    facts: Mapping[str, str] = field(default_factory=dict)


def schedule_all(work: Work, wanted: Sequence[Wanted]) -> list[Try | Unscheduled]:
    """An attempt for each, with its amounts and reference fixed and its notice owed; or why there is none.

    The caller holds the mandates. What a mandate has tried is tried again only as a RETRY or by the member's own yes;
    what an earlier mandate tried and finally failed is tried on another day (rulings 8).
    """
    keys = [(one.month, one.party.worker_id) for one in wanted]
    months = held_months(work, keys, PAYER_SELF)
    earlier = of_months(work, keys)
    refunds = _refunds(work, [one for tries in earlier.values() for one in tries])
    quotes: Quotes = {}
    done: list[Try | Unscheduled] = []
    made: list[tuple[Try, Wanted]] = []
    for one, key in zip(wanted, keys, strict=True):
        row = months[key]
        if row.state not in _PAYABLE or row.payer != PAYER_SELF:
            done.append(Unscheduled.NOT_OWED)
            continue
        new = _decide(work, one, earlier.get(key, []), refunds, quotes)
        if isinstance(new, Try):
            made.append((new, one))
        done.append(new)
    tries = [new for new, _ in made]
    insert_all(work, tries)
    noticed = [(new, one) for new, one in made if one.needs_notice]
    events = [Happening(new.subject, "system", "schedule", new.why, "", "scheduled") for new in tries]
    events += [Happening(new.subject, "system", "notice", "", "scheduled", new.state) for new, _ in noticed]
    record_all(work.db, events, work.now)
    give_notice(
        work, [(new, one.party, *words(work, new, one.party, one.says, one.facts, quotes)) for new, one in noticed]
    )
    _tell_above_maximum(work, [one for one, new in zip(wanted, done, strict=True) if new is Unscheduled.ABOVE_MAXIMUM])
    return done


def _refunds(work: Work, tries: Sequence[Try]) -> dict[str, tuple[str, str]]:
    """Why those that are owed back are so, and how far it is."""
    debited = [one.reference for one in tries if one.state in _WERE_DEBITED]
    query = select(Refund.attempt_reference, Refund.why, Refund.state).where(Refund.attempt_reference.in_(debited))
    return {reference: (why, state) for reference, why, state in work.db.execute(query)} if debited else {}


def _is_blocked(why: Why, earlier: Sequence[Try], refunds: Mapping[str, tuple[str, str]]) -> bool:
    """A second success pays no month, so it blocks none; a month that was given up waits until its money is back.

    And then for the member's own yes: the insurer may refuse it again, and whoever took it back may not want it.
    """
    for attempt in earlier:
        owed_why, state = refunds.get(attempt.reference, ("", ""))
        given_up = owed_why not in ("", SURPLUS)
        if given_up and why in (Why.MONTHLY, Why.RETRY):
            return True
        back = owed_why == SURPLUS or state == RefundState.DONE.value
        if attempt.state in _BLOCKING and not back:
            return True
    return False


def _decide(
    work: Work,
    one: Wanted,
    earlier: Sequence[Try],
    refunds: Mapping[str, tuple[str, str]],
    quotes: Quotes,
) -> Try | Unscheduled:
    if _is_blocked(one.why, earlier, refunds):
        return Unscheduled.NOT_OWED
    sent = [attempt.asked_at for attempt in earlier if attempt.asked_at is not None]
    own = any(a.mandate_id == one.party.mandate_id and a.asked_at and a.why not in ASKED_FOR for a in earlier)
    if len(sent) >= TRIES_MAX or (own and one.why in (Why.MONTHLY, Why.FIRST)):
        return Unscheduled.TRIED
    due_on = max([one.due_on, *(jakarta_day(at) + timedelta(days=1) for at in sent)])
    if due_on > last_day(one.month) and one.why is not Why.ARREARS:
        return Unscheduled.TOO_LATE
    to = one.party
    key = (to.sector, one.month, *terms_in(to, one.month))
    if key not in quotes:
        quotes[key] = quoted(work, *key)
    quote = quotes[key]
    if quote is None:
        return Unscheduled.NO_TARIFF
    if quote.total_rp + to.fee_rp > to.max_amount_rp:
        return Unscheduled.ABOVE_MAXIMUM
    return Try(
        month=one.month,
        worker_id=to.worker_id,
        n=len(earlier) + 1,
        mandate_id=to.mandate_id,
        bank_code=to.bank_code,
        why=one.why.value,
        reference=new_reference(),
        jkk_rp=quote.by_programme["JKK"],
        jkm_rp=quote.by_programme["JKM"],
        jht_rp=quote.by_programme.get("JHT", 0),
        fee_rp=to.fee_rp,
        state=(AttemptState.NOTICED if one.needs_notice else AttemptState.SCHEDULED).value,
        due_on=due_on,
        needs_notice=one.needs_notice,
        asked_at=None,
        asks=0,
        code="",
        bank_reference="",
    )


def _tell_above_maximum(work: Work, wanted: Sequence[Wanted]) -> None:
    owed = []
    for one in wanted:
        to = one.party
        quote = price_list(work, to.sector).quote(one.month, *terms_in(to, one.month))
        said = {
            "month": month_name(one.month, to.language),
            "amount": rupiah(quote.total_rp + to.fee_rp),
            "max": rupiah(to.max_amount_rp),
        }
        key = f"above_maximum:{to.mandate_id}:{one.month:%Y-%m}"
        owed += [Owed(who, "above_maximum", key, said, told_at_once=False) for who in reach(work, to)]
    owe_all(work, owed)


def monthly(work: Work, held: Iterable[Party], month: Month) -> list[Wanted]:
    """A later month of each: on the member's day, or the first working day by which its notice can have been given."""
    earliest = earliest_noticed_day(work)
    # Most share a few days, so the calendar is asked once for each of them.
    due: dict[int, date] = {}
    wanted = []
    for to in held:
        day = chosen_day(to.day, to.days, month)
        if day not in due:
            due[day] = first_working_day(work, max(debit_day(work, month, day), earliest), month)
        wanted.append(Wanted(to, month, due[day], Why.MONTHLY))
    return wanted


def schedule_first(work: Work, mandate: Mandate) -> Try | None:
    """This month's attempt once the bank and BPJS both said yes; None where nothing is to be debited this month.

    The month that the consent named goes at once; where the yeses came in a later one, that one is noticed (rulings 5).
    What cannot be scheduled is told or logged here: neither the bank's nor the insurer's yes may be lost over it.
    """
    to, month = party(work, mandate.id), first_month(work.today)
    agreed = to.mandate_state == MandateState.ACTIVE.value and to.membership_state == MembershipState.VERIFIED.value
    if not agreed or to.first_month > month:
        return None
    if to.first_month < month:
        [made] = schedule_all(work, monthly(work, [to], month))
    else:
        [made] = schedule_all(work, [Wanted(to, month, work.today, Why.FIRST, needs_notice=False)])
    if isinstance(made, Unscheduled):
        if made is not Unscheduled.NOT_OWED:
            log.error("first_month_not_scheduled", mandate=to.mandate_id, why=made.value)
        return None
    if not made.needs_notice:
        wake(work.db, collect_at(made.bank_code))
    return made


def first_unpaid(work: Work, worker_id: int, month: Month, open_: Sequence[AttemptState] = OPEN_ATTEMPTS) -> Month:
    """The first month from `month` on that nobody has paid or promised, with no debit and no money back under way.

    `open_` says which debits are: AT_BANK where what was not sent is about to be dropped.
    """
    settled = or_(
        CoverMonth.state.in_([MonthState.COVERED.value, MonthState.WAIVED.value]), CoverMonth.payer != PAYER_SELF
    )
    paid = select(CoverMonth.month).where(CoverMonth.worker_id == worker_id, CoverMonth.month >= month, settled)
    trying = select(Attempt.month).where(
        Attempt.worker_id == worker_id, Attempt.month >= month, Attempt.state.in_([s.value for s in open_])
    )
    taken = {*work.db.scalars(union_all(paid, trying, returning(worker_id, month)))}
    while month in taken:
        month = add_months(month, 1)
    return month
