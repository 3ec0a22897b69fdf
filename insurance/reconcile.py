"""One number a day per bank and programme: bank, ledger and insurer compared debit by debit; it books no money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select, text

from insurance.ledger import bank_account
from insurance.open_items import POSTING_DAYS
from insurance.reconcile_sql import CLOSED, COMPARED, DROPPED, MOVED, NUMBERS, TABLES, UNEXPECTED, UNFILED
from insurance.settlement_lines import LINE_CODES
from insurance.settlements import FILE_DAYS_MAX
from insurance.work import Work
from insurance.work_items import Matter, close, open_all
from models import ReconciledDay, TakenFile, WorkItem, WorkKind
from models.machine import Cause
from units.clock import JAKARTA

MISSING_AT_BANK, UNPOSTED, NO_FILE = "missing_at_bank", "unposted", "no_file"
_CODES = (MISSING_AT_BANK, UNPOSTED, *LINE_CODES)
PROGRAMMES = ("JKK", "JKM", "JHT", "FEE", "SURPLUS", "OTHER")
_ITEMS_AT_ONCE = 5000
# A day that does not agree yet is counted again this often: the insurer posts, a late file comes.
COUNT_AGAIN_AFTER = timedelta(hours=1)
# A bank has a whole day to send its file of the day before.
FILE_AFTER_DAYS = 2


@dataclass(frozen=True)
class Number:
    """Of one bank, day and programme, in rupiah; `open_rp` must be 0."""

    bank_code: str
    day: date
    programme: str
    bank_rp: int
    ledger_rp: int
    insurer_rp: int
    difference_rp: int
    explained_rp: int

    @property
    def open_rp(self) -> int:
        return self.difference_rp - self.explained_rp


def whole(work: Work, bank_code: str, day: date) -> None:
    """All lines are booked: from now on what this file lacks is absent. The day's number is counted."""
    file = work.db.get_one(TakenFile, (bank_code, day), with_for_update=True)
    assert file.done == file.lines
    file.taken_at = work.now
    work.db.flush()
    count(work, bank_code, day)


def count(work: Work, bank_code: str, day: date) -> None:
    """Compare the day anew, name what is missing, close what agrees now, and keep the number.

    A repeat gives the same. Only for a day whose file was taken whole.
    """
    given = _given(work, bank_code, day)
    for step in (*TABLES, *MOVED, *COMPARED):
        work.db.execute(text(step), given)
    while rows := work.db.execute(text(UNEXPECTED), given | {"limit": _ITEMS_AT_ONCE}).all():
        matters = [Matter(about, code, bank_code, amount_rp) for about, code, amount_rp in rows]
        open_all(work, WorkKind.DIFFERENCE, matters)
    agreeing = select(WorkItem).where(WorkItem.id.in_(work.db.scalars(text(CLOSED), given).all())).with_for_update()
    for item in work.db.scalars(agreeing):
        close(work, item, Cause("system", "agrees"))
    work.db.flush()
    work.db.execute(text(NUMBERS), given)
    work.db.execute(text(DROPPED))


def _given(work: Work, bank_code: str, day: date) -> dict[str, Any]:
    return {
        "bank": bank_code,
        "account": bank_account(bank_code),
        "day": day,
        **_hours(day),
        "first_day": day - timedelta(days=FILE_DAYS_MAX),
        "late": work.today > day + timedelta(days=POSTING_DAYS),
        "codes": list(_CODES),
        "programmes": list(PROGRAMMES),
        "now": work.now,
        "missing": MISSING_AT_BANK,
        "unposted": UNPOSTED,
    }


def _hours(day: date) -> dict[str, datetime]:
    """From midnight to midnight in Jakarta."""
    begins = datetime.combine(day, time(), JAKARTA)
    return {"begins": begins, "ends": begins + timedelta(days=1)}


def in_doubt(work: Work, bank_code: str, *, at_once: bool = False) -> Sequence[date]:
    """Days of this bank that do not agree, and were not counted for an hour; all of them `at_once`."""
    before = work.now if at_once else work.now - COUNT_AGAIN_AFTER
    query = (
        select(ReconciledDay.day)
        .where(
            ReconciledDay.bank_code == bank_code,
            ReconciledDay.day >= work.today - timedelta(days=FILE_DAYS_MAX),
            ReconciledDay.difference_rp > 0,
        )
        .group_by(ReconciledDay.day)
        .having(func.max(ReconciledDay.counted_at) <= before)
        .order_by(ReconciledDay.day)
    )
    return work.db.scalars(query).all()


def numbers(work: Work, day: date) -> list[Number]:
    query = select(ReconciledDay).where(ReconciledDay.day == day).order_by(ReconciledDay.bank_code)
    found = [
        Number(
            row.bank_code,
            row.day,
            row.programme,
            row.bank_rp,
            row.ledger_rp,
            row.insurer_rp,
            row.difference_rp,
            row.explained_rp,
        )
        for row in work.db.scalars(query)
    ]
    return sorted(found, key=lambda one: (one.bank_code, PROGRAMMES.index(one.programme)))


def taken_banks(work: Work, day: date) -> Sequence[str]:
    """Banks whose file of the day was taken whole."""
    query = select(TakenFile.bank_code).where(TakenFile.day == day, TakenFile.taken_at.is_not(None))
    return work.db.scalars(query.order_by(TakenFile.bank_code)).all()


def unfiled(work: Work, day: date) -> Sequence[str]:
    """Banks through which money was booked on the day, and whose file of it was not taken whole."""
    return work.db.scalars(text(UNFILED), {"day": day, **_hours(day)}).all()


def watch_files(work: Work) -> int:
    """Banks that owe us a file become a matter for a person, and no longer once the file is taken; how many new."""
    day = work.today - timedelta(days=FILE_AFTER_DAYS)
    waited = [Matter(f"{bank} {day} {NO_FILE}", NO_FILE, bank, 0) for bank in unfiled(work, day)]
    query = select(WorkItem).where(
        WorkItem.kind == WorkKind.DIFFERENCE.value, WorkItem.code == NO_FILE, WorkItem.closed_at.is_(None)
    )
    for item in work.db.scalars(query.with_for_update()):
        bank_code, told_day, _ = item.about.split()
        file = work.db.get(TakenFile, (bank_code, date.fromisoformat(told_day)))
        if file is not None and file.taken_at is not None:
            close(work, item, Cause("system", "agrees"))
    return open_all(work, WorkKind.DIFFERENCE, waited)
