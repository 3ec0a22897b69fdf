"""Takes a bank's day file into the books, a thousand lines in one transaction; what does not fit waits for people."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

from sqlalchemy import text

from banks.settlement import Kind, SettlementFile, SettlementLine
from dayfiles import BadFile
from insurance.settlement_lines import book
from insurance.work import Work
from insurance.work_items import Matter, open_all
from models import TakenFile, WorkKind

LINES_AT_ONCE = 1000
# As long as a missed month may be paid (programme.md 1.5), and as the tables of months reach back: refused, a late file
# would leave unseen what only it can tell, such as a debit that its bank had denied, made once more and never told of.
FILE_DAYS_MAX = 92
# Debits before what undoes them, wherever they stand in the file.
_KINDS: tuple[Kind, ...] = ("debit", "return", "refund")
# One taker a bank; the first number only names this use of advisory locks.
_ALONE = text("SELECT pg_advisory_xact_lock(7304120, CAST(:bank AS integer))")


class Busy(Exception):
    """Another process is taking this very file."""


@dataclass(frozen=True)
class Content:
    """What a file adds up to, and the mark of its lines by which another file is told from it."""

    lines: int
    sums_rp: dict[Kind, int]
    mark: str


def content(lines: Iterable[SettlementLine]) -> Content:
    """Goes through the whole file once, holding one line."""
    count, sums_rp, digest = 0, dict.fromkeys(_KINDS, 0), hashlib.sha256()
    for line in lines:
        count += 1
        sums_rp[line.kind] += line.amount_rp
        digest.update(repr((line.kind, line.reference, line.bank_reference, line.amount_rp)).encode())
    return Content(count, sums_rp, digest.hexdigest())


def begin(work: Work, file: SettlementFile, what: Content) -> int | None:
    """How many lines of the file were taken already; None if the whole of it was, which makes it a mere repeat.

    Raises BadFile for a day that is not over or too long ago, and for a second file of a day: which of two is right
    nobody here can say, so the first stays and nothing of the other is booked.
    """
    if not work.today - timedelta(days=FILE_DAYS_MAX) <= file.day < work.today:
        raise BadFile(f"{file.name}: not a day of the last {FILE_DAYS_MAX} that is over")
    work.db.execute(_ALONE, {"bank": file.bank_code})
    known = work.db.get(TakenFile, (file.bank_code, file.day))
    if known is None:
        known = TakenFile(
            bank_code=file.bank_code,
            day=file.day,
            name=file.name[:255],
            lines=what.lines,
            debits_rp=what.sums_rp["debit"],
            returns_rp=what.sums_rp["return"],
            refunds_rp=what.sums_rp["refund"],
            mark=what.mark,
            done=0,
            begun_at=work.now,
        )
        work.db.add(known)
    elif known.mark != what.mark:
        raise BadFile(f"{file.name}: the day has another file already")
    elif known.name != file.name[:255]:
        raise BadFile(f"{file.name}: the same day again")
    return known.done if known.taken_at is None else None


def batches(lines: Iterable[SettlementLine], done: int) -> Iterator[list[SettlementLine]]:
    """What is left after `done` lines, at most LINES_AT_ONCE at once, all of one kind; each reading gives the same."""
    for kind in _KINDS:
        of_kind = (line for line in lines if line.kind == kind)
        skipped = sum(1 for _ in islice(of_kind, done)) if done else 0
        done -= skipped
        while batch := list(islice(of_kind, LINES_AT_ONCE)):
            yield batch


def take(work: Work, bank_code: str, day: date, done: int, batch: Sequence[SettlementLine]) -> Counter[str]:
    """Book a batch, whose lines are of one kind and come after `done` others; how many were found to be what.

    Raises Busy.
    """
    work.db.execute(_ALONE, {"bank": bank_code})
    file = work.db.get_one(TakenFile, (bank_code, day), with_for_update=True)
    if file.done != done:
        raise Busy
    found, odd = book(work, bank_code, day, batch)
    open_all(
        work,
        WorkKind.DIFFERENCE,
        [Matter(about(bank_code, day, line, code), code, bank_code, line.amount_rp) for line, code in odd],
    )
    file.done += len(batch)
    return found


def about(bank_code: str, day: date, line: SettlementLine, code: str) -> str:
    """How a difference is named; `insurance/reconcile.py` spells it the same way in SQL."""
    return f"{bank_code} {day} {line.kind} {line.reference} {code}"


def bad_file(work: Work, bank_code: str, name: str, why: str) -> None:
    """A person has to see it; told once a day, and never with what stands in the file."""
    matter = Matter(f"{bank_code} {name[:80]} {work.today}", why.removeprefix(f"{name}: "), bank_code, 0)
    open_all(work, WorkKind.BAD_FILE, [matter])
