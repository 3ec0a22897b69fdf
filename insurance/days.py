"""The one number of each bank and day, over some weeks, for an operator; it only reads, a few rows a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select

from insurance.work import Work
from models import ReconciledDay

DAYS_SHOWN = 31


@dataclass(frozen=True)
class BankDay:
    """In rupiah, of all programmes together."""

    day: date
    bank_code: str
    bank_rp: int
    ledger_rp: int
    insurer_rp: int
    difference_rp: int
    explained_rp: int

    @property
    def open_rp(self) -> int:
        return self.difference_rp - self.explained_rp


def bank_days(work: Work) -> Sequence[BankDay]:
    """Newest first."""
    sums = [
        func.sum(getattr(ReconciledDay, name))
        for name in ("bank_rp", "ledger_rp", "insurer_rp", "difference_rp", "explained_rp")
    ]
    query = (
        select(ReconciledDay.day, ReconciledDay.bank_code, *sums)
        .where(ReconciledDay.day > work.today - timedelta(days=DAYS_SHOWN))
        .group_by(ReconciledDay.day, ReconciledDay.bank_code)
        .order_by(ReconciledDay.day.desc(), ReconciledDay.bank_code)
    )
    return [BankDay(day, code, *map(int, amounts)) for day, code, *amounts in work.db.execute(query)]
