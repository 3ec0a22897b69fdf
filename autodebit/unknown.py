"""Asks banks what became of debits without a final answer; it never sends one anew."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import select

from autodebit.lanes import UNANSWERED_MAX
from banks.asked import StatusRequest
from banks.base import AsksStatus, BankRefused, BankUnknown, BankUnreachable, Became, Status
from insurance.attempts import COLUMNS, Key, as_try
from insurance.bank_words import ASKED_FOR_MAX, STATUS, Word, hear
from insurance.calendar import is_open
from models import Attempt, AttemptState
from models.bulk import update_rows
from ports import Ports

log = structlog.get_logger()

CLAIM_MAX = 100
# Above the bank client's time-outs for all of a claim.
LEASE = timedelta(minutes=30)
# What a bank that left UNANSWERED_MAX questions unanswered is spared in this round.
AGAIN_AFTER = timedelta(minutes=1)


@dataclass(frozen=True)
class _Question:
    key: Key
    bank_code: str
    request: StatusRequest


def ask_unknown(ports: Ports) -> dict[str, int]:
    """Ask for every attempt whose time to be asked has come; how many ended how. A silent bank delays only its own."""
    done: dict[str, int] = {}
    silent: Counter[str] = Counter()
    while questions := _claim(ports, [code for code, times in silent.items() if times >= UNANSWERED_MAX]):
        for question in questions:
            what = _settle(ports, question, silent)
            done[what] = done.get(what, 0) + 1
    return done


def _settle(ports: Ports, question: _Question, silent: Counter[str]) -> str:
    code = question.bank_code
    # Not asked, and so it costs none of the questions; what is to be given to people by now is not put off.
    fresh = ports.clock() - question.request.asked_at < ASKED_FOR_MAX
    if silent[code] >= UNANSWERED_MAX and fresh:
        _put_off(ports, question.key)
        return "put off"
    word = _ask(ports, question, silent)
    try:
        with ports.transaction() as work:
            return hear(work, question.key, word)
    except Exception as error:
        # Its lease puts it off, and those behind it are asked.
        log.error("word_not_booked", bank=code, reference=question.request.reference, kind=type(error).__name__)
        return "broken"


def _put_off(ports: Ports, key: Key) -> None:
    month, worker_id, n = key
    with ports.transaction() as work:
        row = {"month": month, "worker_id": worker_id, "n": n, "ask_at": work.now + AGAIN_AFTER}
        update_rows(work.db, Attempt, ("month", "worker_id", "n"), [row], lease_until=None)


def _claim(ports: Ports, silent: Sequence[str]) -> list[_Question]:
    """Leased and put off, so that a bank that hangs is not asked by two at once, nor again in a loop."""
    with ports.transaction() as work:
        query = (
            select(*COLUMNS)
            .where(
                Attempt.state == AttemptState.UNKNOWN.value,
                Attempt.ask_at <= work.now,
                Attempt.bank_code.not_in(silent),
                (Attempt.lease_until.is_(None)) | (Attempt.lease_until < work.now),
            )
            .order_by(Attempt.ask_at)
            .limit(CLAIM_MAX)
            .with_for_update(skip_locked=True)
        )
        tries = list(map(as_try, work.db.execute(query)))
        rows = [{"month": one.month, "worker_id": one.worker_id, "n": one.n} for one in tries]
        update_rows(work.db, Attempt, ("month", "worker_id", "n"), rows, lease_until=work.now + LEASE)
        return [
            _Question(
                one.key,
                one.bank_code,
                StatusRequest(one.reference, one.bank_reference, one.total_rp, one.asked_at or work.now),
            )
            for one in tries
        ]


def _ask(ports: Ports, question: _Question, silent: Counter[str]) -> Word:
    """A bank whose product knows no status call is waited for: its notice or its file says so (rulings 7)."""
    bank = ports.banks.get(question.bank_code)
    if not isinstance(bank, AsksStatus):
        return Word(Became.PENDING, STATUS, code="no status call")
    # What it says is as old as the question: a notice that comes meanwhile is newer.
    at = ports.clock()
    if silent[bank.code] >= UNANSWERED_MAX:
        return Word(Became.PENDING, STATUS, code="not asked")
    try:
        status = bank.status(question.request)
        silent[bank.code] = 0
    except BankRefused as refusal:
        log.error("bank_refuses_question", bank=question.bank_code, code=refusal.code)
        status = Status(Became.PENDING, code=refusal.code)
    except (BankUnreachable, BankUnknown) as failure:
        silent[bank.code] += 1
        status = Status(Became.PENDING, code=getattr(failure, "code", "unreachable"))
    except Exception as error:
        log.error("adapter_broken", bank=question.bank_code, kind=type(error).__name__)
        status = Status(Became.PENDING, code="adapter")
    fee = bank.rules.bounce_fee_rp if bank is not None else 0
    closing = bank is not None and not is_open(bank.rules.cut_off, ports.clock())
    return Word(
        status.became,
        STATUS,
        status.bank_reference,
        status.code,
        status.reason,
        bounce_fee_rp=fee,
        at=at,
        in_cut_off=closing,
    )
