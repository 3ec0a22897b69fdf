"""What single lines of a day file mean for the books: matched, booked, or named as a difference; never by guess."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import select

from banks.base import Became
from banks.settlement import SettlementLine
from insurance import refunds
from insurance.attempts import COLUMNS, Key, Try, as_try, change_all, locked
from insurance.bank_words import Word, hear
from insurance.party import parties
from insurance.work import Work
from insurance.work_items import REFUND_UNASKED, WRONG_AMOUNT
from models import Attempt, AttemptReference, AttemptState, Refund, RefundState, TakenLine
from models.bulk import insert_rows
from models.machine import Cause

# Found: in order. `matched` was in the books already, the others are booked by the line.
SETTLED, MATCHED, REVERSED, REFUNDED = "settled", "matched", "reversed", "refunded"
# Found: differences, each a work item.
MISSING_HERE, TWICE = "missing_here", "twice"
UNSENT, RETURN_UNBOOKED, UNBOOKED = "unsent", "return_unbooked", "unbooked"
LINE_CODES = (MISSING_HERE, WRONG_AMOUNT, TWICE, UNSENT, RETURN_UNBOOKED, REFUND_UNASKED, UNBOOKED)

_FILE = Cause("bank", "file")
_DEBITED = (AttemptState.CONFIRMED.value, AttemptState.SETTLED.value)
_UNSENT = (AttemptState.SCHEDULED.value, AttemptState.NOTICED.value)
_REFUNDABLE = (RefundState.SENT.value, RefundState.UNKNOWN.value, RefundState.BY_HAND.value)

Odd = tuple[SettlementLine, str]


def book(work: Work, bank_code: str, day: date, lines: Sequence[SettlementLine]) -> tuple[Counter[str], list[Odd]]:
    """Keep lines of one kind and do what each says; how many were found to be what, and the differences."""
    ours = _matched(work, bank_code, lines)
    kind = lines[0].kind
    named = _named(work, ours.values(), kind)
    to_do, found = list[tuple[SettlementLine, Try]](), dict[str, str]()
    for line in lines:
        one = ours.get(line.reference)
        if one is None:
            found[line.reference] = MISSING_HERE
        elif one.reference in named:
            found[line.reference] = TWICE
        else:
            named.add(one.reference)
            to_do.append((line, one))
    if kind == "debit":
        found |= _debits(work, day, to_do)
    elif kind == "return":
        found |= _returns(work, to_do)
    else:
        found |= {line.reference: _refund(work, line, one) for line, one in to_do}
    about = {line.reference: one for line, one in to_do}
    rows = [_row(bank_code, day, line, about.get(line.reference), found[line.reference]) for line in lines]
    insert_rows(work.db, TakenLine, rows)
    if kind == "debit":
        _returned_before(work, [one for _, one in to_do])
    odd = [(line, found[line.reference]) for line in lines if found[line.reference] in LINE_CODES]
    return Counter(found.values()), odd


def _row(bank_code: str, day: date, line: SettlementLine, one: Try | None, found: str) -> dict[str, object]:
    return {
        "bank_code": bank_code,
        "day": day,
        "reference": line.reference,
        "kind": line.kind,
        "amount_rp": line.amount_rp,
        "bank_reference": line.bank_reference,
        "at": line.at,
        "found": found,
        "debit": one.reference if one else "",
        "month": one.month if one else None,
        "worker_id": one.worker_id if one else None,
        "n": one.n if one else None,
    }


def _matched(work: Work, bank_code: str, lines: Sequence[SettlementLine]) -> dict[str, Try]:
    """Attempts through this bank by the reference that the line gives: ours, or else the bank's own if it is unique."""
    by_ours = (
        select(*COLUMNS)
        .join(
            AttemptReference,
            (AttemptReference.month == Attempt.month)
            & (AttemptReference.worker_id == Attempt.worker_id)
            & (AttemptReference.n == Attempt.n),
        )
        .where(AttemptReference.reference.in_([line.reference for line in lines]), Attempt.bank_code == bank_code)
    )
    ours = {one.reference: one for one in map(as_try, work.db.execute(by_ours))}
    rest = {line.bank_reference: line.reference for line in lines if line.reference not in ours}
    if not rest:
        return ours
    by_theirs = select(*COLUMNS).where(
        Attempt.bank_reference.in_(list(rest)), Attempt.bank_reference != "", Attempt.bank_code == bank_code
    )
    tries = list(map(as_try, work.db.execute(by_theirs)))
    times = Counter(one.bank_reference for one in tries)
    return ours | {rest[one.bank_reference]: one for one in tries if times[one.bank_reference] == 1}


def _named(work: Work, ours: Iterable[Try], kind: str) -> set[str]:
    """Our references that a line of this kind was about before."""
    references = [one.reference for one in ours]
    query = select(TakenLine.debit).where(
        TakenLine.debit.in_(references), TakenLine.debit != "", TakenLine.kind == kind
    )
    return set(work.db.scalars(query)) if references else set()


def _hold(work: Work, tries: Iterable[Try], done: Sequence[str]) -> dict[Key, Try]:
    """As they stand now. Mandates first, as everywhere, of all but those that need no more than their own row."""
    given = list(tries)
    parties(work, sorted({t.mandate_id for t in given if t.mandate_id and t.state not in done}), lock=True)
    return locked(work, [one.key for one in given])


def _debits(work: Work, day: date, pairs: Sequence[tuple[SettlementLine, Try]]) -> dict[str, str]:
    rows = _hold(work, (one for _, one in pairs), _DEBITED)
    found, settled = dict[str, str](), list[Try]()
    for line, before in pairs:
        one = rows[before.key]
        if one.state not in _DEBITED:
            # A line before may have changed it: a late success cancels what was still to be sent.
            one = locked(work, [one.key])[one.key]
        found[line.reference] = _debit(work, line, one)
        if found[line.reference] == SETTLED:
            if one.state != AttemptState.CONFIRMED.value:
                one = locked(work, [one.key])[one.key]
            one.bank_reference = one.bank_reference or line.bank_reference
            settled.append(one)
    change_all(work, settled, AttemptState.SETTLED, _FILE, settled_on=day)
    return found


def _debit(work: Work, line: SettlementLine, one: Try) -> str:
    """The bank's last word that it debited: what we took for failed or unknown is booked by it."""
    if line.amount_rp != one.total_rp:
        return WRONG_AMOUNT
    if one.state == AttemptState.CONFIRMED.value:
        return SETTLED
    if one.state in (AttemptState.SETTLED.value, AttemptState.REVERSED.value):
        return MATCHED
    if one.state in _UNSENT:
        if one.asked_at is None:
            # Never sent by us, and the bank has it: nobody here can say why.
            return UNSENT
        # It was sent, and we took the answer for a no; sending it again would be the second debit.
        change_all(work, [one], AttemptState.SENT, _FILE)
    word = Word(Became.DONE, _FILE.why, line.bank_reference, amount_rp=line.amount_rp)
    return SETTLED if hear(work, one.key, word) == "confirmed" else UNBOOKED


def _returned_before(work: Work, tries: Sequence[Try]) -> None:
    """A file of another day, taken earlier, had its return already: only now there is something to give back."""
    named = _named(work, tries, "return")
    for one in locked(work, [one.key for one in tries if one.reference in named]).values():
        if one.state in _DEBITED:
            hear(work, one.key, Word(Became.FAILED, _FILE.why))


def _returns(work: Work, pairs: Sequence[tuple[SettlementLine, Try]]) -> dict[str, str]:
    rows = _hold(work, (one for _, one in pairs), ())
    return {line.reference: _return(work, line, rows[one.key]) for line, one in pairs}


def _return(work: Work, line: SettlementLine, one: Try) -> str:
    if line.amount_rp != one.total_rp:
        return WRONG_AMOUNT
    if one.state == AttemptState.REVERSED.value:
        return MATCHED
    if one.state not in _DEBITED:
        # Given back what we never saw debited: its debit may come in a file that is late.
        return RETURN_UNBOOKED
    # Without its time: a return is a movement of its own, not an older word about the debit.
    word = Word(Became.FAILED, _FILE.why, amount_rp=line.amount_rp)
    return REVERSED if hear(work, one.key, word) == REVERSED else UNBOOKED


def _refund(work: Work, line: SettlementLine, one: Try) -> str:
    if line.amount_rp != one.total_rp:
        return WRONG_AMOUNT
    query = select(Refund).where(Refund.attempt_reference == one.reference)
    # Held, so that one that is being sent in this moment is not called unasked.
    refund = work.db.scalars(query.with_for_update()).one_or_none()
    if refund is None:
        return REFUND_UNASKED
    if refund.state == RefundState.DONE.value:
        return MATCHED
    if refund.state not in _REFUNDABLE:
        return REFUND_UNASKED
    refunds.done(work, refund.reference, line.bank_reference, _FILE)
    return REFUNDED
