"""What is scheduled and not sent after all: postponed with a new notice, dropped and told, or cancelled."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import ColumnElement, or_, select

from insurance.attempts import COLUMNS, Try, as_try, back_to_mandate, change_all, change_months, held_months
from insurance.calendar import earliest_noticed_day, first_working_day
from insurance.notices import facts, give_notice, is_stale, noticed_in_time
from insurance.party import Party, parties, reach
from insurance.receipts import Owed, owe_all
from insurance.tariff import PAYER_SELF, first_month
from insurance.work import Work
from models import Attempt, AttemptState, MandateState, MonthState, Why
from models.bulk import update_rows
from models.event import Happening, record_all
from models.machine import Cause
from models.month import ASKED_FOR, AT_BANK
from units.month import last_day

_UNSENT = (AttemptState.SCHEDULED.value, AttemptState.NOTICED.value)
Pair = tuple[Try, Party]


def may_go(work: Work, due: Sequence[Pair]) -> list[Pair]:
    """Those of `due` that were noticed in time, for a day not long past; the others get a new day, or are dropped."""
    noticed = noticed_in_time(work, [one for one, _ in due])
    old, late, ready = list[Pair](), list[Pair](), list[Pair]()
    for one, to in due:
        in_time = not one.needs_notice or one.reference in noticed
        (old if is_stale(work, one) else ready if in_time else late).append((one, to))
    # What the member wanted on one day is not wanted on any other.
    drop_all(work, [(one, to) for one, to in old if one.why in ASKED_FOR], Cause("system", "day_over"))
    _postpone(work, [(one, to) for one, to in old if one.why not in ASKED_FOR], "notice_old")
    _postpone(work, late, "notice_late")
    return ready


def _postpone(work: Work, late: Sequence[Pair], why: str) -> None:
    """Another day with another notice, which it waits for; none where the month is too short for it."""
    earliest = earliest_noticed_day(work)
    over = [(one, to) for one, to in late if earliest > last_day(one.month)]
    drop_all(work, over, Cause("system", why))
    moved = [
        (replace(one, due_on=first_working_day(work, earliest, one.month)), to)
        for one, to in late
        if earliest <= last_day(one.month)
    ]
    rows = [{"month": o.month, "worker_id": o.worker_id, "n": o.n, "due_on": o.due_on} for o, _ in moved]
    noticed = AttemptState.NOTICED.value
    # A new day begins a new wait for its own notice, which a first month now needs too: nothing else holds it back.
    fixed = {"lease_until": None, "needs_notice": True, "state": noticed}
    update_rows(work.db, Attempt, ("month", "worker_id", "n"), rows, **fixed)
    record_all(work.db, [Happening(one.subject, "system", why, "", one.state, noticed) for one, _ in moved], work.now)
    give_notice(work, [(one, to, "notice", {}) for one, to in moved])


def drop_all(work: Work, dropped: Sequence[Pair], cause: Cause) -> None:
    """The month goes by without a debit, and the member is told so: arrears need a yes of their own (rulings 2)."""
    if not dropped:
        return
    change_all(work, [one for one, _ in dropped], AttemptState.CANCELLED, cause)
    back_to_mandate(work, [one for one, _ in dropped])
    lost = [(one.month, one.worker_id) for one, _ in dropped if one.why not in ASKED_FOR]
    gone = [row for row in held_months(work, lost, PAYER_SELF).values() if row.state == MonthState.OPEN.value]
    change_months(work, gone, MonthState.MISSED, cause, [{} for _ in gone])
    owed = []
    for one, to in dropped:
        kind = _kind(one, to)
        owed += [
            Owed(who, kind, f"{kind}:{one.reference}", facts(one, to), told_at_once=False) for who in reach(work, to)
        ]
    owe_all(work, owed)


def _kind(one: Try, to: Party) -> str:
    """The text that tells a drop: whether the mandate goes on, and whether by itself."""
    if to.mandate_state != MandateState.ACTIVE.value:
        return "not_debited"
    return "missed_asked" if one.why in ASKED_FOR else "missed"


def _pairs(work: Work, *conditions: ColumnElement[bool], limit: int = 1000) -> list[Pair]:
    query = select(*COLUMNS).where(*conditions, Attempt.state.in_(_UNSENT)).limit(limit)
    tries = list(map(as_try, work.db.execute(query.with_for_update(skip_locked=True))))
    known = parties(work, sorted({one.mandate_id for one in tries if one.mandate_id is not None}))
    return [(one, known[one.mandate_id]) for one in tries if one.mandate_id is not None]


def drop_past(work: Work) -> int:
    """Drop what was not sent while it could be: a month that is over, a payment the member wanted days ago."""
    yesterday = work.today - timedelta(days=1)
    asked_for = Attempt.why.in_(ASKED_FOR)
    over = Attempt.month < first_month(work.today)
    past = _pairs(work, or_(over & (Attempt.why != Why.ARREARS.value), asked_for & (Attempt.due_on < yesterday)))
    drop_all(work, past, Cause("system", "month_over"))
    return len(past)


def cancel_unsent(work: Work, mandate_id: int, cause: Cause) -> bool:
    """Drop every attempt of the mandate that was not sent; True where one is at the bank and will end there."""
    of_mandate = select(*COLUMNS).where(Attempt.mandate_id == mandate_id)
    unsent = list(map(as_try, work.db.execute(of_mandate.where(Attempt.state.in_(_UNSENT)).with_for_update())))
    change_all(work, unsent, AttemptState.CANCELLED, cause)
    at_bank = of_mandate.where(Attempt.state.in_([state.value for state in AT_BANK]))
    return work.db.execute(at_bank.limit(1)).first() is not None
