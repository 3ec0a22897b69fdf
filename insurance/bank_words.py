"""What a bank says of a debit after the call: statuses, notices, lines of files. Booked as said, never by guess."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select

from banks.base import UNTIMED, Became, Reason
from insurance import mandate_life, refunds
from insurance.absence import is_absent
from insurance.attempts import Key, Try, change_all, locked
from insurance.contributions import Failure, Outcome, confirm_all, fail_all, worth_retrying
from insurance.giving_back import give_up
from insurance.ledger import is_owed_back, post_reversed, posted_at
from insurance.notices import facts
from insurance.party import Party, parties, reach
from insurance.receipts import Owed, owe_all
from insurance.work import Work
from insurance.work_items import close, find, open_item
from models import AttemptState, BankNotice, WorkKind
from models.bulk import update_rows
from models.machine import Cause
from models.month import Attempt

log = structlog.get_logger()

# Source: architecture.md 5 and field.md 3.4: asked 1 m after, then 5 m, 30 m, 2 h, 6 h, and daily to five days.
ASK_AFTER = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6))
ASK_DAILY = timedelta(days=1)
ASKED_FOR_MAX = timedelta(days=5)
STATUS = "status"
"""A word that came as the answer to our question."""
DEBITED, NOT_DEBITED = "debited", "not_debited"
"""What people decide in the bank's place; no bank has such codes."""
REFUNDED = "04"
GIVEN_BACK = (REFUNDED, "05")
"""Statuses that only what was debited can have: refunded, cancelled (ASPI SNAP; programme.md 3.5)."""
HARD = (Reason.ACCOUNT, Reason.NAME, Reason.HOLDER)
_WAITING = (AttemptState.SENT.value, AttemptState.UNKNOWN.value, AttemptState.MANUAL.value)
_DEBITED = (AttemptState.CONFIRMED.value, AttemptState.SETTLED.value)
_FAILED = (AttemptState.FAILED_SOFT.value, AttemptState.FAILED_HARD.value, AttemptState.CANCELLED.value)


@dataclass(frozen=True)
class Word:
    """The bank's word on one attempt. `by` is how it came: `status`, `notice`, `file` or `people`."""

    became: Became
    by: str
    bank_reference: str = ""
    code: str = ""
    reason: Reason | None = None
    amount_rp: int | None = None
    at: datetime | None = None
    """When it became so at the bank, where it says; None is now."""
    bounce_fee_rp: int = 0
    """What the bank charges for a failure without funds: decides whether another try is worth it."""
    in_cut_off: bool = False
    """Said while the bank closes its day: what it does not know then it may still find."""


def hear(work: Work, key: Key, word: Word) -> str:
    """Do what `word` says of the attempt; what was done, as one word for a log or a table.

    The state only moves as its machine allows: a word told twice, late or in the wrong order changes nothing twice. A
    word with another amount than ours is a matter for a person, and nothing is booked.
    """
    one, to = hold(work, key)
    if word.amount_rp is not None and word.amount_rp != one.total_rp:
        _for_a_person(work, one, "amount", word.code, word.amount_rp)
        return "wrong amount"
    cause = Cause("bank", word.by, word.code)
    if word.became is Became.DONE:
        return _debited(work, one, to, word, cause)
    if word.became is Became.FAILED:
        return _failed(work, one, to, word, cause)
    if one.state == AttemptState.UNKNOWN.value:
        if word.became is Became.NOT_FOUND and not word.in_cut_off and is_absent(work, key):
            return "freed" if free_absent(work, key, word.code) else "waits"
        if word.by == STATUS:
            # What a notice says of a debit under way answers no question of ours, and puts none off.
            _ask_later(work, one, word)
    return "waits"


def hold(work: Work, key: Key) -> tuple[Try, Party]:
    """The attempt and its mandate, held: the mandate first, as everywhere. Sponsors' payments have no mandate."""
    month, worker_id, n = key
    query = select(Attempt.mandate_id).where(Attempt.month == month, Attempt.worker_id == worker_id, Attempt.n == n)
    mandate_id = work.db.scalar(query)
    assert mandate_id is not None
    to = parties(work, [mandate_id], lock=True)[mandate_id]
    return locked(work, [key])[key], to


def _debited(work: Work, one: Try, to: Party, word: Word, cause: Cause) -> str:
    if one.state in _DEBITED:
        learn_reference(work, one, word.bank_reference)
        return "known"
    if one.state == AttemptState.REVERSED.value:
        _for_a_person(work, one, "again", word.code)
        return "contradicts"
    if one.state not in (*_WAITING, *_FAILED):
        # Never sent by us, and the bank has it: nobody here can say why.
        _for_a_person(work, one, "unsent", word.code)
        return "never sent"
    confirm_all(work, [Outcome(one, to, word.bank_reference, word.code)], cause)
    close_manual(work, one, cause)
    return "confirmed"


def learn_reference(work: Work, one: Try, bank_reference: str) -> None:
    if bank_reference and not one.bank_reference:
        row = {"month": one.month, "worker_id": one.worker_id, "n": one.n, "bank_reference": bank_reference}
        update_rows(work.db, Attempt, ("month", "worker_id", "n"), [row])


def _failed(work: Work, one: Try, to: Party, word: Word, cause: Cause) -> str:
    if one.state in _WAITING:
        reason = word.reason or Reason.LIMIT
        hard = reason in HARD
        # Final now, whatever it was for: there is no later today for it.
        said = "bank" if word.reason in (None, Reason.NOT_NOW) else reason.value
        retry = worth_retrying(work, word.bounce_fee_rp, one)
        fail_all(work, [Failure(one, to, said, word.code, retry)], hard=hard)
        if hard:
            mandate_life.rejected_by_debit(work, to.mandate_id, reason.value, word.code)
        close_manual(work, one, cause)
        return "failed"
    if one.state in _DEBITED:
        yes_at = _said_yes_at(work, one) if word.at is not None else None
        if word.at is not None and yes_at is not None and word.at <= yes_at and word.code not in GIVEN_BACK:
            # Told late, and overtaken by the bank's own yes: that one stands until the bank says otherwise again.
            log.warning("older_failure", reference=one.reference)
            if word.at in (UNTIMED, yes_at):
                # Of two words at one moment nobody can say which is the last: a month opened by guess is paid twice.
                _for_a_person(work, one, "failed too", word.code)
                return "contradicts"
            return "older"
        return reverse(work, one, to, cause)
    return "known"


def _said_yes_at(work: Work, one: Try) -> datetime | None:
    """When the bank had debited: by its own notice's time, else when its answer was recorded; None if it never said so.

    The day file that settles a debit comes a day later and says no new thing, and people's word is not the bank's.
    """
    notice = select(func.max(BankNotice.at)).where(
        BankNotice.bank_code == one.bank_code,
        BankNotice.reference == one.reference,
        BankNotice.became == Became.DONE.value,
    )
    if (told_at := work.db.scalar(notice)) is not None:
        return told_at
    return None if one.code == DEBITED else posted_at(work, one.month, one.reference)


def free_absent(work: Work, key: Key, code: str) -> bool:
    """The bank does not know it, its cut-off is past, and its day's file lacks it: nothing was debited (rulings 8).

    Called only for what insurance/absence.py found, which reads files that were taken whole. The month may be tried
    again.
    """
    one, to = hold(work, key)
    if one.state not in (AttemptState.UNKNOWN.value, AttemptState.MANUAL.value):
        return False
    fail_all(work, [Failure(one, to, "not_received", code)], hard=False)
    close_manual(work, one, Cause("file", "absent", code))
    return True


def close_manual(work: Work, one: Try, cause: Cause) -> None:
    item = find(work, WorkKind.MANUAL_OUTCOME, one.reference, lock=True)
    if item is not None:
        close(work, item, cause)


def _ask_later(work: Work, one: Try, word: Word) -> None:
    """Still unknown: asked again more rarely, and after five days decided by people."""
    asked_at = one.asked_at or work.now
    if work.now - asked_at >= ASKED_FOR_MAX:
        change_all(work, [one], AttemptState.MANUAL, Cause("system", "unknown_too_long", word.code))
        open_item(
            work,
            WorkKind.MANUAL_OUTCOME,
            one.reference,
            code=word.code,
            bank_code=one.bank_code,
            amount_rp=one.total_rp,
        )
        return
    after = ASK_AFTER[one.asks] if one.asks < len(ASK_AFTER) else ASK_DAILY
    # The last question falls on the fifth day, not on the day after it.
    ask_at = min(work.now + after, max(asked_at + ASKED_FOR_MAX, work.now + ASK_AFTER[0]))
    row = {"month": one.month, "worker_id": one.worker_id, "n": one.n, "asks": one.asks + 1, "ask_at": ask_at}
    update_rows(work.db, Attempt, ("month", "worker_id", "n"), [row], lease_until=None)


def reverse(work: Work, one: Try, to: Party, cause: Cause) -> str:
    """The bank gave the money back: posted the other way round, the month open again, cover recomputed, told."""
    owed_back = is_owed_back(work, one.month, one.reference)
    if owed_back and cause.code == REFUNDED and refunds.is_done(work, one.reference):
        # What we asked for, told once more.
        return "known"
    if owed_back and not refunds.undone(work, one, cause):
        _for_a_person(work, one, "refunded too", cause.code)
        return "contradicts"
    change_all(work, [one], AttemptState.REVERSED, cause)
    post_reversed(work, one, one.bank_code, owed_back=owed_back)
    if not owed_back:
        give_up(work, one, cause)
        said = {**facts(one, to), "ref": one.reference}
        key_told = f"reversed:{one.reference}"
        owe_all(work, [Owed(who, "reversed", key_told, said, told_at_once=False) for who in reach(work, to)])
    return "reversed"


def _for_a_person(work: Work, one: Try, what: str, code: str, amount_rp: int | None = None) -> None:
    """Money may have moved and our books cannot say how: stored, and nothing is booked."""
    open_item(
        work,
        WorkKind.NOTICE,
        f"{one.reference} {what}",
        code=code,
        bank_code=one.bank_code,
        amount_rp=one.total_rp if amount_rp is None else amount_rp,
    )
