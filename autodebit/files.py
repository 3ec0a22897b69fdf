"""Banks without an API: what is due goes out in debit files, and their result files are taken; it books no word itself.

A file is named with its rows and committed, written, and marked. A crash between any two repeats safely.
"""

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, time, timedelta

import structlog
from sqlalchemy import func, or_, select

from autodebit.collect import Collected, Told, debit_of
from autodebit.mandates import mandate_request
from autodebit.outcomes import UNSENT_AFTER
from autodebit.results import ASKED, take_result
from banks.asked import CollectRequest, MandateRequest
from banks.batch_file import BatchFiles
from insurance import contributions, mandate_life, runs
from insurance.attempts import COLUMNS, Try, as_try, locked
from insurance.contributions import STOP_OPEN, Outcome
from insurance.party import Party, parties
from insurance.references import new_reference
from insurance.work import Work
from models import Attempt, AttemptState, BankFile, Mandate, Worker
from models.bulk import update_rows
from models.mandate import IN_FORCE
from ports import Ports
from units.clock import JAKARTA
from units.month import Month

log = structlog.get_logger()

# One file holds at most this many debits and this many mandates; the rest goes into the next.
FILE_LINES_MAX = 20_000
# A result is there the next morning; a file that nobody answered by then leaves its debits unknown.
LEASE = timedelta(days=2)
# A file that a crash left unwritten is written within this time or never: well before its debits' lease is over.
WRITE_WITHIN = timedelta(days=1)
_IN_FORCE = [state.value for state in IN_FORCE]


def exchange_all(ports: Ports, month: Month | None = None, told: Told = lambda _bank, _sums: None) -> Collected:
    """`exchange_files` with every bank without an API, each in a thread of its own: a folder may hang."""
    result = Collected()
    if not ports.batches:
        return result

    def serve(bank_code: str) -> Collected:
        told(bank_code, done := exchange_files(ports, bank_code, month))
        return done

    with ThreadPoolExecutor(len(ports.batches), thread_name_prefix="files") as threads:
        for done in threads.map(serve, sorted(ports.batches)):
            result.add(done)
    return result


def exchange_files(ports: Ports, bank_code: str, month: Month | None = None) -> Collected:
    """Hand over all that is due, as many files as it takes, and take every result that lies there.

    `month` narrows debits, and what is counted, to one month; mandates and results are taken whatever it is.
    """
    bank, result = ports.batches[bank_code], Collected()
    with _shown(bank_code, result):
        while _name_next(ports, bank, month):
            pass
    for name in _unwritten(ports, bank_code):
        with _shown(bank_code, result):
            _write(ports, bank, name)
    results = list[str]()
    with _shown(bank_code, result):
        results += bank.waiting()
    for name in results:
        with _shown(bank_code, result):
            moved = take_result(ports, bank, name)
            result.not_taken += moved is None
            for one in moved or ():
                if month in (None, one.month):
                    result.count(one)
    result.waiting = _waiting(ports, bank_code, month)
    return result


@contextmanager
def _shown(bank_code: str, result: Collected) -> Iterator[None]:
    """What breaks at one bank's folders is shown, and holds up neither its other files nor another bank."""
    try:
        yield
    except Exception as error:
        log.error("bank_files_broken", bank=bank_code, kind=type(error).__name__)
        result.sick[bank_code] = f"its files, {type(error).__name__}"


def _name_next(ports: Ports, bank: BatchFiles, month: Month | None) -> bool:
    with ports.transaction() as work:
        if not runs.is_open(work, bank.code):
            return False
        return _prepare(work, bank.code, month, with_debits=not _is_past(bank.cut_off, work.now))


def _is_past(cut_off: time | None, at: datetime) -> bool:
    """Whether the bank would work a file off on the next day only: a debit is due on its day, a mandate any day."""
    return cut_off is not None and at.astimezone(JAKARTA).time() >= cut_off


def _prepare(work: Work, bank_code: str, month: Month | None, *, with_debits: bool) -> bool:
    """Give what waits for this bank to one new file name: mandates to be asked, debits that are due; if there is any.

    In one moment of one transaction, by which autodebit/results.py knows later what stood in the file.
    """
    name = f"debit-{bank_code}-{work.today:%Y%m%d}-{new_reference()}.csv"
    asked = 0
    while asked < FILE_LINES_MAX and (mandate := mandate_life.claim(work, [bank_code], LEASE)) is not None:
        mandate.sent_in = name
        work.db.flush()
        asked += 1
    due = contributions.claim(work, bank_code, LEASE, FILE_LINES_MAX, month) if with_debits else []
    rows = [{"month": one.month, "worker_id": one.worker_id, "n": one.n} for one, _ in due]
    update_rows(work.db, Attempt, ("month", "worker_id", "n"), rows, sent_in=name)
    if asked or due:
        work.db.add(BankFile(name=name, bank_code=bank_code, day=work.today, made_at=work.now))
    return bool(asked or due)


def _unwritten(ports: Ports, bank_code: str) -> list[str]:
    with ports.transaction() as work:
        query = select(BankFile.name).where(
            BankFile.bank_code == bank_code,
            BankFile.written_at.is_(None),
            # Later its debits may be unknown, found absent from the bank's day file, and tried anew: never both.
            BankFile.made_at > work.now - WRITE_WITHIN,
        )
        return list(work.db.scalars(query.order_by(BankFile.made_at)))


def _write(ports: Ports, bank: BatchFiles, name: str) -> None:
    """Its row is held meanwhile, so that of two passes at once one alone says what stands in it.

    A file that is there already was left by a crash before its mark: the bank may have read it, and it stays as it is.
    """
    with ports.transaction() as holding:
        query = select(BankFile).where(BankFile.name == name, BankFile.written_at.is_(None))
        file = holding.db.scalars(query.with_for_update(skip_locked=True)).one_or_none()
        if file is None:
            return
        if not bank.is_handed_over(name):
            with ports.transaction() as work:
                _leave_out(work, name)
            with ports.transaction() as work:
                asked, debits = _content(work, name)
            if not asked and not debits:
                return
            bank.hand_over(name, asked, debits)
        file.written_at = holding.now


def _leave_out(work: Work, name: str) -> None:
    """Nobody has read the file yet: nothing was sent of what may not be sent any more, as its member's yes is gone."""
    tries = _sent_in(work, name)
    known = parties(work, _mandates_of(tries))
    stopping = _asked_what_to_stop(work, {one.worker_id for one in tries})
    lost = [
        one
        for one in tries
        if one.mandate_id is not None and (one.worker_id in stopping or _has_ended(work, known[one.mandate_id]))
    ]
    # Mandates before attempts, as everywhere.
    held = parties(work, _mandates_of(lost), lock=True)
    left = [one for one in locked(work, [one.key for one in lost]).values() if one.state == AttemptState.SENT.value]
    outcomes = [Outcome(one, held[one.mandate_id], code="left_out") for one in left if one.mandate_id is not None]
    contributions.not_sent_all(work, outcomes, work.now + UNSENT_AFTER, asked=False)


def _has_ended(work: Work, to: Party) -> bool:
    """A pause is no end: it began with the month after the one that is under way, and its member was told so."""
    return to.mandate_state not in _IN_FORCE or to.expires_on < work.today


def _asked_what_to_stop(work: Work, workers: Collection[int]) -> set[int]:
    """Those whose question what to stop is open (rulings 13) and those who are reported dead: nothing is debited."""
    open_since = work.now - STOP_OPEN
    stopped = or_(Worker.stop_asked_at >= open_since, Worker.held_at.is_not(None))
    return set(work.db.scalars(select(Worker.id).where(Worker.id.in_(workers), stopped)))


def _mandates_of(tries: Iterable[Try]) -> list[int]:
    return sorted({one.mandate_id for one in tries if one.mandate_id is not None})


def _content(work: Work, name: str) -> tuple[list[MandateRequest], list[CollectRequest]]:
    """From the rows that bear its name and wait for the bank's word."""
    mine = select(Mandate).where(Mandate.sent_in == name, Mandate.state.in_(ASKED)).order_by(Mandate.id)
    asked = work.db.scalars(mine).unique()
    tries = _sent_in(work, name)
    known = parties(work, _mandates_of(tries))
    made = [debit_of(work, one, known[one.mandate_id]).request for one in tries if one.mandate_id is not None]
    return [mandate_request(work, mandate) for mandate in asked], [one for one in made if one is not None]


def _sent_in(work: Work, name: str) -> list[Try]:
    sent = select(*COLUMNS).where(Attempt.sent_in == name, Attempt.state == AttemptState.SENT.value)
    return list(map(as_try, work.db.execute(sent.order_by(Attempt.reference))))


def _waiting(ports: Ports, bank_code: str, month: Month | None) -> int:
    """Debits in files that were written and not answered yet, in this pass and before."""
    query = (
        select(func.count())
        .select_from(Attempt)
        .join(BankFile, BankFile.name == Attempt.sent_in)
        .where(
            Attempt.state == AttemptState.SENT.value,
            BankFile.bank_code == bank_code,
            BankFile.written_at.is_not(None),
        )
    )
    if month is not None:
        query = query.where(Attempt.month == month)
    with ports.transaction() as work:
        return work.db.execute(query).scalar_one()
