"""How long things are kept that need not be kept for ever: counted, then emptied or deleted a chunk a transaction.

Months, attempts, transfers and events stay: ten years for payments (programme.md 6), and the seals prove them whole.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from config import Settings
from insurance.work import Work
from models.partitions import drop_texts_of, months_before
from units.month import Month, add_months, month_of

AT_ONCE = 1000
MESSAGES = "messages"


@dataclass(frozen=True)
class Rule:
    """After KEEP_INBOX_DAYS: `rows` finds what is past it; `change` does it to at most :most, and returns one row each.

    Their conditions are those of partial indexes: what was emptied is looked at no more.
    """

    what: str
    rows: str
    change: str

    def kept_for(self, settings: Settings) -> str:
        return f"{settings.KEEP_INBOX_DAYS} days"

    def _given(self, work: Work) -> dict[str, object]:
        return {"before": work.now - timedelta(days=work.settings.KEEP_INBOX_DAYS)}

    def count(self, work: Work) -> int:
        return int(work.db.scalar(text(f"SELECT count(*) FROM {self.rows}"), self._given(work)) or 0)  # noqa: S608

    def apply(self, work: Work) -> int:
        """A chunk of them; the caller commits."""
        return len(work.db.execute(text(self.change), {**self._given(work), "most": AT_ONCE}).all())


@dataclass(frozen=True)
class OldTexts:
    """After KEEP_TEXTS_MONTHS: the texts of a whole month, with their keys and their gateways' ids."""

    what: str = "months of texts"

    def kept_for(self, settings: Settings) -> str:
        return f"{settings.KEEP_TEXTS_MONTHS} months"

    def _due(self, work: Work) -> Sequence[Month]:
        first_kept = add_months(month_of(work.today), -work.settings.KEEP_TEXTS_MONTHS)
        return months_before(work.db.connection(), MESSAGES, first_kept)

    def count(self, work: Work) -> int:
        return len(self._due(work))

    def apply(self, work: Work) -> int:
        """The oldest month; the caller commits."""
        due = self._due(work)[:1]
        for month in due:
            for table in ("message_keys", "gateway_messages"):
                work.db.execute(text(f"DELETE FROM {table} WHERE month = :month"), {"month": month})  # noqa: S608
            drop_texts_of(work.db.connection(), month)
        return len(due)


_INBOX = "inbound_sms WHERE received_at < :before AND sender_index <> ''"
_STRANGERS = (
    "messages WHERE worker_id IS NULL AND created_at < :before AND phone_index <> '' "
    "AND state NOT IN ('created', 'sending', 'held', 'sent')"
)
_REPORTS = "gateway_reports WHERE received_at < :before"
_TRIES = "code_tries WHERE day < CAST(:before AS date)"

# Nothing typed by anyone gets into these: they are put together from the lines above.
RULES: Sequence[Rule | OldTexts] = (
    Rule(
        "texts that came in",
        _INBOX,
        "UPDATE inbound_sms AS row SET sender_sealed = '', sender_index = '', text_sealed = '', text_index = NULL "  # noqa: S608
        f"FROM (SELECT gateway_id FROM {_INBOX} LIMIT :most FOR UPDATE SKIP LOCKED) AS old "
        "WHERE row.gateway_id = old.gateway_id RETURNING row.gateway_id",
    ),
    Rule(
        "texts to strangers and heads",
        _STRANGERS,
        "UPDATE messages AS row SET phone_sealed = '', text_sealed = '', phone_index = '' FROM "  # noqa: S608
        f"(SELECT month, id FROM {_STRANGERS} LIMIT :most FOR UPDATE SKIP LOCKED) AS old "
        "WHERE row.month = old.month AND row.id = old.id RETURNING row.id",
    ),
    Rule(
        "reports of gateways",
        _REPORTS,
        f"DELETE FROM gateway_reports WHERE id IN (SELECT id FROM {_REPORTS} LIMIT :most) RETURNING id",  # noqa: S608
    ),
    Rule(
        "wrong codes of a number and day",
        _TRIES,
        "DELETE FROM code_tries WHERE (phone_index, day) IN "  # noqa: S608
        f"(SELECT phone_index, day FROM {_TRIES} LIMIT :most) RETURNING day",
    ),
    OldTexts(),
)


def apply_all(transaction: Callable[[], AbstractContextManager[Work]], rule: Rule | OldTexts) -> int:
    """All that is past its time by one rule, a chunk a transaction; how many."""
    done = 0
    while True:
        with transaction() as work:
            changed = rule.apply(work)
        done += changed
        if not changed:
            return done
