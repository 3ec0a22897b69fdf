"""Banks without an API: what is due goes out as one debit file; its result file says what became of each line."""

from datetime import datetime, time, timedelta

import structlog
from sqlalchemy import select

from autodebit.collect import debit_of
from autodebit.mandates import mandate_request
from autodebit.outcomes import Outcomes
from banks.base import Answer, BankAnswer, BankRefused, Became, CollectRequest, MandateRequest, Reason
from banks.batch_file import ACTIVE, DONE, BatchFiles, BatchResult, DebitResult, MandateResult
from dayfiles import BadFile
from insurance import contributions, mandate_life, mandates, runs
from insurance.attempts import COLUMNS, Try, as_try, locked
from insurance.bank_words import Word, hear
from insurance.party import parties
from insurance.references import new_reference
from insurance.work import Work
from insurance.work_items import open_item
from models import Attempt, AttemptState, BankFile, Mandate, MandateState, WorkKind
from models.bulk import update_rows
from models.month import AT_BANK
from ports import Ports
from units.clock import JAKARTA

log = structlog.get_logger()

# One file holds at most this many debits and this many mandates; the rest goes into the next.
FILE_LINES_MAX = 20_000
# A result is there the next morning; a file that nobody answered by then leaves its debits unknown.
LEASE = timedelta(days=2)
# A file that a crash left unwritten is written within this time or never: well before its debits' lease is over.
WRITE_WITHIN = timedelta(days=1)
_ASKED = (MandateState.SUBMITTED.value, MandateState.UNKNOWN.value)
_DEBITED = (AttemptState.CONFIRMED.value, AttemptState.SETTLED.value)


class NotOurs(Exception):
    """A result speaks of what its debit file did not ask, or of another amount: the whole file is for a person."""


def exchange_files(ports: Ports, bank_code: str) -> None:
    """Name the file and commit, write it, mark it; then take every result. A crash between any two repeats safely."""
    bank = ports.batches[bank_code]
    with ports.transaction() as work:
        if runs.is_open(work, bank_code):
            _prepare(work, bank_code, with_debits=not _is_past(bank.cut_off, work.now))
    with ports.transaction() as work:
        unwritten = select(BankFile.name).where(
            BankFile.bank_code == bank_code,
            BankFile.written_at.is_(None),
            # Later its debits may be unknown, found absent from the bank's day file, and tried anew: never both.
            BankFile.made_at > work.now - WRITE_WITHIN,
        )
        names = work.db.scalars(unwritten.order_by(BankFile.made_at)).all()
    for name in names:
        with ports.transaction() as work:
            asked, debits = _content(work, name)
        bank.hand_over(name, asked, debits)
        with ports.transaction() as work:
            work.db.get_one(BankFile, name).written_at = work.now
    for name in list(bank.waiting()):
        _take(ports, bank, name)


def _is_past(cut_off: time | None, at: datetime) -> bool:
    """Whether the bank would work a file off on the next day only: a debit is due on its day, a mandate any day."""
    return cut_off is not None and at.astimezone(JAKARTA).time() >= cut_off


def _prepare(work: Work, bank_code: str, *, with_debits: bool) -> None:
    """Give what waits for this bank to one new file name: mandates to be asked, debits that are due."""
    name = f"debit-{bank_code}-{work.today:%Y%m%d}-{new_reference()}.csv"
    asked = 0
    while asked < FILE_LINES_MAX and (mandate := mandate_life.claim(work, [bank_code], LEASE)) is not None:
        mandate.sent_in = name
        work.db.flush()
        asked += 1
    due = contributions.claim(work, bank_code, LEASE, FILE_LINES_MAX) if with_debits else []
    rows = [{"month": one.month, "worker_id": one.worker_id, "n": one.n} for one, _ in due]
    update_rows(work.db, Attempt, ("month", "worker_id", "n"), rows, sent_in=name)
    if asked or due:
        work.db.add(BankFile(name=name, bank_code=bank_code, day=work.today, made_at=work.now))


def _content(work: Work, name: str) -> tuple[list[MandateRequest], list[CollectRequest]]:
    """From the rows that bear its name, so that the file is the same however often it is written."""
    asked = work.db.scalars(select(Mandate).where(Mandate.sent_in == name).order_by(Mandate.id)).unique()
    tries = _sent_in(work, name)
    known = parties(work, sorted({one.mandate_id for one in tries if one.mandate_id is not None}))
    made = [debit_of(work, one, known[one.mandate_id]).request for one in tries if one.mandate_id is not None]
    return [mandate_request(work, mandate) for mandate in asked], [one for one in made if one is not None]


def _take(ports: Ports, bank: BatchFiles, name: str) -> None:
    try:
        result = bank.read(name)
        with ports.transaction() as work:
            _apply(work, result)
    except (BadFile, NotOurs) as error:
        # Refused whole: nothing was booked, and a person has to look at it.
        log.error("bank_file_refused", bank=bank.code, file=name, kind=type(error).__name__, why=str(error))
        with ports.transaction() as work:
            open_item(work, WorkKind.BAD_FILE, f"{bank.code} {name}"[:120], code=str(error)[-40:], bank_code=bank.code)
        bank.refuse(name)
    except Exception as error:
        # A fault of ours: the file waits for the next pass, and holds up no other.
        log.error("bank_file_broken", bank=bank.code, file=name, kind=type(error).__name__)
        with ports.transaction() as work:
            open_item(work, WorkKind.BAD_FILE, f"{bank.code} {name}"[:120], code="fault of ours", bank_code=bank.code)
    else:
        bank.take(name)


def _apply(work: Work, result: BatchResult) -> None:
    """All of it or nothing. The same result again changes nothing, and one that says less is not the last word.

    Raises NotOurs.
    """
    file = work.db.get(BankFile, result.answers, with_for_update=True)
    if file is None or file.bank_code != result.bank_code:
        raise NotOurs("it answers no debit file of ours")
    if not file.day <= result.day <= work.today:
        raise NotOurs("another day than its debit file's or later, up to today")
    _apply_mandates(work, result)
    _apply_debits(work, result)
    if file.answered_at is None and not _left(work, file.name):
        file.answered_at = work.now


def _left(work: Work, name: str) -> bool:
    """Whether a line of our file has had no answer yet."""
    # Past its lease a line is unknown and not answered: as long as the bank has it, it may still be debited.
    at_bank = [state.value for state in AT_BANK]
    debits = select(Attempt.reference).where(Attempt.sent_in == name, Attempt.state.in_(at_bank))
    asked = select(Mandate.id).where(Mandate.sent_in == name, Mandate.state.in_(_ASKED))
    return any(work.db.execute(query.limit(1)).first() for query in (debits, asked))


def _apply_mandates(work: Work, result: BatchResult) -> None:
    for line in result.mandates:
        mandate_id = int(line.customer_id[2:]) if line.customer_id[2:].isdigit() else 0
        mandate = work.db.get(Mandate, mandate_id)
        if mandate is None or mandate.sent_in != result.answers:
            raise NotOurs("a mandate that the file did not ask for")
        _apply_mandate(work, mandate_life.hold(work, mandate.id), line)


def _apply_mandate(work: Work, mandate: Mandate, line: MandateResult) -> None:
    agreed, waits = line.outcome == ACTIVE, mandate.state in _ASKED
    if agreed and (waits or mandate.state in mandates.FINAL):
        if line.mandate_reference != mandate.bank_reference:
            mandate_life.activated(work, mandate, line.mandate_reference)
    elif line.reason is Reason.NOT_NOW:
        mandate_life.unreachable(work, mandate, work.now)
    elif not agreed and waits:
        mandate_life.rejected(work, mandate, (line.reason or Reason.OURS).value, line.code)
    elif line.mandate_reference != mandate.bank_reference:
        # The bank has said the other thing before: which of both holds, a person asks.
        open_item(work, WorkKind.NOTICE, f"mandate {mandate.id} again", code=line.outcome, bank_code=mandate.bank_code)


def _apply_debits(work: Work, result: BatchResult) -> None:
    asked = {one.reference: one for one in _sent_in(work, result.answers)}
    if not all(line.reference in asked for line in result.debits):
        raise NotOurs("a debit that the file did not ask for")
    named = [asked[line.reference] for line in result.debits]
    # Mandates before attempts, as everywhere: what a no leads to hangs on what the member did meanwhile.
    known = parties(work, sorted({one.mandate_id for one in named if one.mandate_id is not None}), lock=True)
    rows = {one.reference: one for one in locked(work, [one.key for one in named]).values()}
    outcomes, late = Outcomes(work), list[tuple[Try, DebitResult]]()
    for line in result.debits:
        one = rows[line.reference]
        if line.outcome == DONE and line.amount_rp != one.total_rp:
            raise NotOurs("another amount than was asked for")
        if one.state != AttemptState.SENT.value:
            # Its lease had run out, or the bank has spoken before: the word still counts, on what it is by now.
            late.append((one, line))
        elif one.mandate_id is not None:
            outcomes.put(one, known[one.mandate_id], _said(line.outcome, line.bank_reference, line.reason, line.code))
    outcomes.write()
    for one, line in late:
        _hear_late(work, one, line)


def _hear_late(work: Work, one: Try, line: DebitResult) -> None:
    if line.outcome == DONE:
        hear(work, one.key, Word(Became.DONE, "file", line.bank_reference))
    elif one.state in _DEBITED:
        # "Nothing was debited" of what the bank said it had debited: no return of money, and not to be guessed at.
        about = f"{one.reference} refused too"
        open_item(work, WorkKind.NOTICE, about, code=line.code, bank_code=one.bank_code, amount_rp=one.total_rp)
    else:
        hear(work, one.key, Word(Became.FAILED, "file", code=line.code, reason=line.reason))


def _sent_in(work: Work, name: str) -> list[Try]:
    sent = select(*COLUMNS).where(Attempt.sent_in == name).order_by(Attempt.reference)
    return list(map(as_try, work.db.execute(sent)))


def _said(outcome: str, bank_reference: str, reason: Reason | None, code: str) -> BankAnswer | BankRefused:
    if outcome == DONE:
        return BankAnswer(Answer.DONE, bank_reference)
    return BankRefused(reason or Reason.OURS, code)
