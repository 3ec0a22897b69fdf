"""What result files of banks without an API say of our debit files, booked whole or not at all; it sends nothing."""

from collections.abc import Iterable, Sequence

import structlog
from sqlalchemy import select

from autodebit.outcomes import Outcomes
from banks.base import Answer, BankAnswer, BankRefused, Became, Reason
from banks.batch_file import ACTIVE, DONE, BatchFiles, BatchResult, DebitResult, MandateResult
from dayfiles import BadFile
from insurance import mandate_life, mandates
from insurance.attempts import COLUMNS, Try, as_try, key_of, locked
from insurance.bank_words import Word, hear
from insurance.party import parties
from insurance.work import Work
from insurance.work_items import open_item
from models import Attempt, AttemptState, BankFile, Event, Mandate, MandateState, WorkKind
from models.month import AT_BANK, DEBITED
from ports import Ports
from units.clock import jakarta_day
from units.month import month_of

log = structlog.get_logger()

ASKED = (MandateState.SUBMITTED.value, MandateState.UNKNOWN.value)
"""Mandates that wait for the bank's word."""
_DEBITED = [state.value for state in DEBITED]


class NotOurs(Exception):
    """A result speaks of what its debit file did not ask, or of another amount: the whole file is for a person."""


def take_result(ports: Ports, bank: BatchFiles, name: str) -> Sequence[Try] | None:
    """Book one waiting file and put it aside; the debits that it moved, or None where it was not taken."""
    try:
        result = bank.read(name)
        with ports.transaction() as work:
            moved = _apply(work, result)
    except FileNotFoundError:
        # Another pass was faster: it has put the file aside after booking it, or says itself why it did not.
        return ()
    except (BadFile, NotOurs) as error:
        # Refused whole: nothing was booked, and a person has to look at it.
        log.error("bank_file_refused", bank=bank.code, file=name, kind=type(error).__name__, why=str(error))
        _for_a_person(ports, bank, name, str(error)[-40:])
        bank.refuse(name)
        return None
    except Exception as error:
        # A fault of ours: the file waits for the next pass, and holds up no other.
        log.error("bank_file_broken", bank=bank.code, file=name, kind=type(error).__name__)
        _for_a_person(ports, bank, name, "fault of ours")
        return None
    bank.take(name)
    return moved


def _for_a_person(ports: Ports, bank: BatchFiles, name: str, why: str) -> None:
    with ports.transaction() as work:
        open_item(work, WorkKind.BAD_FILE, f"{bank.code} {name}"[:120], code=why, bank_code=bank.code)


def _apply(work: Work, result: BatchResult) -> Sequence[Try]:
    """All of it or nothing. The same result again changes nothing, and one that says less is not the last word.

    The debits that it moved, as they stand now. Raises NotOurs.
    """
    file = work.db.get(BankFile, result.answers, with_for_update=True)
    if file is None or file.bank_code != result.bank_code:
        raise NotOurs("it answers no debit file of ours")
    # In the sandbox a file may have been named on a day that is yet to come.
    if not file.day <= result.day <= max(work.today, file.day):
        raise NotOurs("another day than its debit file's or later, up to today")
    _apply_mandates(work, file, result.mandates)
    moved = _apply_debits(work, file, result.debits)
    if file.answered_at is None and not _left(work, file.name):
        file.answered_at = work.now
    return moved


def _left(work: Work, name: str) -> bool:
    """Whether a line of our file has had no answer yet."""
    # Past its lease a line is unknown and not answered: as long as the bank has it, it may still be debited.
    at_bank = [state.value for state in AT_BANK]
    debits = select(Attempt.reference).where(Attempt.sent_in == name, Attempt.state.in_(at_bank))
    asked = select(Mandate.id).where(Mandate.sent_in == name, Mandate.state.in_(ASKED))
    return any(work.db.execute(query.limit(1)).first() for query in (debits, asked))


def _went_with(work: Work, file: BankFile, subject: str, after: str) -> set[str]:
    """Ids of all that was sent in the very moment in which `file` was named, by the events that nothing can change.

    A row knows the last file that it was named for, and no earlier one. But a file is named and its rows are sent in
    one transaction of one moment, and no other file of that bank has the same one: outside the sandbox time does not
    stand still. So nothing is taken for a line of a file for which it was never named.
    """
    query = select(Event.subject_id).where(
        Event.month == month_of(jakarta_day(file.made_at)),
        Event.at == file.made_at,
        Event.subject == subject,
        Event.after == after,
    )
    return set(work.db.scalars(query))


def _is_later(work: Work, file: BankFile, name: str | None) -> bool:
    """Whether `name` is a file for the same bank that was made after `file`."""
    other = work.db.get(BankFile, name) if name is not None else None
    return other is not None and other.bank_code == file.bank_code and other.made_at > file.made_at


def _apply_mandates(work: Work, file: BankFile, lines: Iterable[MandateResult]) -> None:
    went: set[str] | None = None
    for line in lines:
        mandate_id = int(line.customer_id[2:]) if line.customer_id[2:].isdigit() else 0
        mandate = work.db.get(Mandate, mandate_id)
        if mandate is None:
            raise NotOurs("a mandate that the file did not ask for")
        if mandate.sent_in != file.name:
            went = _went_with(work, file, "mandate", MandateState.SUBMITTED.value) if went is None else went
            if str(mandate.id) not in went or not _is_later(work, file, mandate.sent_in):
                raise NotOurs("a mandate that the file did not ask for")
            if line.outcome != ACTIVE:
                # It was asked for again since: only a yes is still news.
                continue
        _apply_mandate(work, mandate_life.hold(work, mandate.id), line)


def _apply_mandate(work: Work, mandate: Mandate, line: MandateResult) -> None:
    agreed, waits = line.outcome == ACTIVE, mandate.state in ASKED
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


def _apply_debits(work: Work, file: BankFile, lines: Sequence[DebitResult]) -> Sequence[Try]:
    sent = select(*COLUMNS).where(Attempt.sent_in == file.name).order_by(Attempt.reference)
    asked = {one.reference: one for one in map(as_try, work.db.execute(sent))}
    resent = _resent(work, file, [line.reference for line in lines if line.reference not in asked])
    named = [asked.get(line.reference) or resent[line.reference] for line in lines]
    # Mandates before attempts, as everywhere: what a no leads to hangs on what the member did meanwhile.
    known = parties(work, sorted({one.mandate_id for one in named if one.mandate_id is not None}), lock=True)
    rows = {one.reference: one for one in locked(work, [one.key for one in named]).values()}
    before = {one.key: one.state for one in rows.values()}
    outcomes, late = Outcomes(work), list[tuple[Try, DebitResult]]()
    for line in lines:
        one = rows[line.reference]
        if line.outcome == DONE and line.amount_rp != one.total_rp:
            raise NotOurs("another amount than was asked for")
        if line.reference in resent and line.outcome != DONE:
            # "Nothing was debited" was said of an earlier sending, and it was sent again since: no news.
            continue
        if line.reference in resent or one.state != AttemptState.SENT.value:
            # Its lease had run out, or the bank has spoken before: the word still counts, on what it is by now.
            late.append((one, line))
        elif one.mandate_id is not None:
            outcomes.put(one, known[one.mandate_id], _said(line.outcome, line.bank_reference, line.reason, line.code))
    outcomes.write()
    for one, line in late:
        _hear_late(work, one, line)
    return [one for key, one in locked(work, list(before)).items() if one.state != before[key]]


def _resent(work: Work, file: BankFile, references: Sequence[str]) -> dict[str, Try]:
    """What stood in `file`, had "not now" for an answer, and stands in a later file by now. Raises NotOurs."""
    if not references:
        return {}
    went, found = _went_with(work, file, "attempt", AttemptState.SENT.value), dict[str, Try]()
    for reference in references:
        key = key_of(work, reference) if reference in went else None
        row = work.db.get(Attempt, key) if key is not None else None
        if row is None or row.bank_code != file.bank_code or not _is_later(work, file, row.sent_in):
            raise NotOurs("a debit that the file did not ask for")
        found[reference] = Try(*(getattr(row, name) for name in Try.__dataclass_fields__))
    return found


def _hear_late(work: Work, one: Try, line: DebitResult) -> None:
    if line.outcome == DONE:
        hear(work, one.key, Word(Became.DONE, "file", line.bank_reference))
    elif one.state in _DEBITED:
        # "Nothing was debited" of what the bank said it had debited: no return of money, and not to be guessed at.
        about = f"{one.reference} refused too"
        open_item(work, WorkKind.NOTICE, about, code=line.code, bank_code=one.bank_code, amount_rp=one.total_rp)
    else:
        hear(work, one.key, Word(Became.FAILED, "file", code=line.code, reason=line.reason))


def _said(outcome: str, bank_reference: str, reason: Reason | None, code: str) -> BankAnswer | BankRefused:
    if outcome == DONE:
        return BankAnswer(Answer.DONE, bank_reference)
    return BankRefused(reason or Reason.OURS, code)
