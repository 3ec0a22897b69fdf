"""The SMS before a debit: it names the day, and nothing is debited that was not announced in time (rulings 5)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import text

from insurance.attempts import Try
from insurance.manners import REMINDER
from insurance.party import Party, reach
from insurance.receipts import Owed, owe_all
from insurance.work import Work
from units.clock import JAKARTA
from units.money import rupiah
from units.month import day_text, month_name

# The texts of a plan made ahead, which nobody's call a moment ago has led to.
PLANNED = frozenset({"notice", "notice_changed"})
# What was announced for a day is not debited out of the blue long after it: money paid in for it is spent by then.
NOTICE_HOLDS_DAYS = 3


def facts(one: Try, to: Party) -> dict[str, str]:
    """What every text about an attempt says of it; the amount is all that leaves the account, fee included."""
    return {
        "month": month_name(one.month, to.language),
        "amount": rupiah(one.total_rp),
        **to.bank_facts,
    }


def give_notice(work: Work, given: Sequence[tuple[Try, Party, str, Mapping[str, str]]]) -> None:
    """Owe the text that names the day; one that is not out by then is useless, and another day is named."""
    owed = []
    for one, to, kind, more in given:
        said = {"date": day_text(one.due_on), **facts(one, to), **more}
        expires_at = datetime.combine(one.due_on, datetime.min.time(), JAKARTA)
        fresh = kind not in PLANNED and work.is_fresh(to.agreed_at)
        owed += [
            Owed(who, kind, notice_key(one.reference, one.due_on), said, fresh, REMINDER, expires_at)
            for who in reach(work, to)
        ]
    owe_all(work, owed)


def is_stale(work: Work, one: Try) -> bool:
    """Whether its day is so long past that its notice, or the yes that named it, holds no more."""
    return work.today - one.due_on > timedelta(days=NOTICE_HOLDS_DAYS)


def notice_key(reference: str, due_on: date) -> str:
    return f"notice:{reference}:{due_on:%Y%m%d}"


_ACCEPTED = text(
    "SELECT k.key FROM message_keys k JOIN messages m ON m.month = k.month AND m.id = k.message_id "
    "WHERE k.key = ANY(:keys) AND m.accepted_at <= :latest"
)


def noticed_in_time(work: Work, tries: Sequence[Try]) -> set[str]:
    """References of those whose notice, of this very day, a gateway took NOTICE_HOURS ago or earlier."""
    keys = {notice_key(one.reference, one.due_on): one.reference for one in tries if one.needs_notice}
    if not keys:
        return set()
    latest = work.now - timedelta(hours=work.settings.NOTICE_HOURS)
    return {keys[key] for key in work.db.execute(_ACCEPTED, {"keys": list(keys), "latest": latest}).scalars()}
