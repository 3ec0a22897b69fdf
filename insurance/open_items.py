"""What waits for a person: debits without a clear outcome, money not posted, texts held back; it only reads."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select

from insurance.work import Work
from insurance.work_items import waiting
from models import Attempt, AttemptState, CoverMonth, Mandate, MandateState, Message, MessageState, MonthState
from units.clock import jakarta_day

# The insurer answers within a day; what is older needs somebody to ask.
POSTING_DAYS = 3
ITEMS_MAX = 1000


@dataclass(frozen=True)
class OpenItem:
    """`which` is a reference or an id, never a name or a number of a person."""

    what: str
    which: str
    since: date
    number: str = ""
    """Of its work item, by which it is approved; empty where time or a bank settles it."""
    overdue: bool = False
    """Past the day by which somebody was to have seen to it, or was promised an answer."""


def open_items(work: Work) -> list[OpenItem]:
    """Oldest first within each kind, at most ITEMS_MAX of each."""
    attempts = select(Attempt.reference, Attempt.changed_at).where(Attempt.state == AttemptState.UNKNOWN.value)
    mandates = select(Mandate.id, Mandate.changed_at).where(Mandate.state == MandateState.UNKNOWN.value)
    held = select(Message.id, Message.created_at).where(Message.state == MessageState.HELD.value)
    unposted = select(CoverMonth.paid_reference, CoverMonth.paid_on).where(
        CoverMonth.state == MonthState.COVERED.value,
        CoverMonth.posted_on.is_(None),
        CoverMonth.paid_on < work.today - timedelta(days=POSTING_DAYS),
    )
    found: list[OpenItem] = []
    for what, query, order in (
        ("debit without a clear answer", attempts, Attempt.changed_at),
        ("mandate without a clear answer", mandates, Mandate.changed_at),
        ("text that may have been sent", held, Message.created_at),
    ):
        rows = work.db.execute(query.order_by(order).limit(ITEMS_MAX))
        found += [OpenItem(what, str(which), jakarta_day(since)) for which, since in rows]
    found += [
        OpenItem(
            f"{item.kind} {item.code}".strip(),
            item.about,
            jakarta_day(item.opened_at),
            str(item.id),
            item.due_on < work.today,
        )
        for item in waiting(work, ITEMS_MAX)
    ]
    rows = work.db.execute(unposted.order_by(CoverMonth.paid_on).limit(ITEMS_MAX))
    return found + [OpenItem("money taken and not posted", str(which), since) for which, since in rows]
