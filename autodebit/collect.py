"""Collects what is due: commit the attempt as sent, ask the bank, record its word; never two at once for a month."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import structlog

from autodebit.lanes import CREDENTIALS
from banks.base import Answer, BankAnswer, BankRefused, BankUnknown, BankUnreachable, CollectRequest, Reason
from insurance import contributions, mandates, schedule
from insurance.work import Work
from models import Attempt, AttemptState, Mandate
from ports import Ports
from units.month import Month

log = structlog.get_logger()

# Above all the time a bank's client may take: token, request, a second token and request, each with its time-outs.
LEASE = timedelta(minutes=15)
# Where nothing was debited for certain, the same reference goes again after this long.
AGAIN_AFTER = timedelta(minutes=10)
# A request that the bank finds faulty will not be better in ten minutes: a person has a day to look at it.
FAULTY_AFTER = timedelta(days=1)
_HARD = (Reason.ACCOUNT, Reason.NAME, Reason.HOLDER)


@dataclass(frozen=True)
class _Sent:
    key: tuple[date, int, int]
    mandate_id: int
    bank_code: str
    request: CollectRequest


@dataclass
class Collected:
    """How many attempts ended how, and in how much rupiah those that were debited."""

    by_state: dict[str, int] = field(default_factory=dict)
    collected_rp: int = 0

    lost: int = 0
    """Attempts whose sender had died: unknown now."""

    def count(self, attempt: Attempt) -> None:
        self.by_state[attempt.state] = self.by_state.get(attempt.state, 0) + 1
        if attempt.state == AttemptState.CONFIRMED.value:
            self.collected_rp += attempt.total_rp


def collect(ports: Ports, month: Month | None = None) -> Collected:
    """Send every attempt that is due, of one month if `month` is given. A sick bank delays only its own."""
    result, resting = Collected(), set[str]()
    with ports.transaction() as work:
        result.lost = contributions.overdue(work)
        schedule.drop_past_months(work)
    while (sent := _claim(ports, month)) is not None:
        answer = _ask(ports, sent, resting)
        with ports.transaction() as work:
            mandate = work.db.get_one(Mandate, sent.mandate_id, with_for_update={"of": Mandate})
            attempt = work.db.get_one(Attempt, sent.key, with_for_update=True)
            if attempt.state in (AttemptState.SENT.value, AttemptState.UNKNOWN.value):
                _record(work, attempt, mandate, answer)
            result.count(attempt)
    return result


def _claim(ports: Ports, month: Month | None) -> _Sent | None:
    with ports.transaction() as work:
        found = contributions.claim(work, LEASE, month)
        if found is None:
            return None
        attempt, mandate = found
        return _Sent(
            (attempt.month, attempt.worker_id, attempt.n),
            mandate.id,
            mandate.bank_code,
            CollectRequest(
                reference=attempt.reference,
                mandate_reference=mandate.bank_reference,
                customer_id=f"IU{mandate.id}",
                account_no=work.box(mandate.worker).open(mandate.account_sealed, "mandate.account"),
                amount_rp=attempt.total_rp,
                asked_at=attempt.asked_at or work.now,
            ),
        )


Outcome = BankAnswer | BankRefused | BankUnknown | BankUnreachable


def _ask(ports: Ports, sent: _Sent, resting: set[str]) -> Outcome:
    bank = ports.banks.get(sent.bank_code)
    if bank is None or sent.bank_code in resting:
        return BankUnreachable("not asked")
    try:
        return bank.collect(sent.request)
    except BankRefused as refusal:
        if refusal.reason is Reason.OURS:
            log.error("bank_refuses_us", bank=sent.bank_code, code=refusal.code, reference=sent.request.reference)
            if refusal.code.startswith(CREDENTIALS):
                resting.add(sent.bank_code)
        return refusal
    except BankUnreachable as failure:
        resting.add(sent.bank_code)
        return failure
    except BankUnknown as failure:
        return failure


def _record(work: Work, attempt: Attempt, mandate: Mandate, answer: Outcome) -> None:
    again_at, faulty_at = work.now + AGAIN_AFTER, work.now + FAULTY_AFTER
    match answer:
        case BankAnswer(answer=Answer.DONE, reference=reference):
            contributions.confirmed(work, attempt, mandate, reference)
        case _ if attempt.state == AttemptState.UNKNOWN.value:
            # Our lease had run out first; only a clear yes moves it here, the rest is for reconciliation.
            return
        case BankRefused(reason=Reason.OURS, code=code) if not code.startswith(CREDENTIALS):
            contributions.not_sent(work, attempt, mandate, code, faulty_at, asked=True)
        case BankRefused(reason=Reason.NOT_NOW | Reason.OURS, code=code):
            contributions.not_sent(work, attempt, mandate, code, again_at, asked=True)
        case BankUnreachable():
            contributions.not_sent(work, attempt, mandate, "unreachable", again_at, asked=False)
        case BankRefused(reason=reason, code=code) if reason in _HARD:
            contributions.failed(work, attempt, mandate, reason.value, code, hard=True)
            mandates.rejected(work, mandate, reason.value, code, tell=False)
        case BankRefused(reason=reason, code=code):
            contributions.failed(work, attempt, mandate, reason.value, code, hard=False)
        case BankUnknown(code=code):
            contributions.unknown(work, attempt, mandate, code)
        case _:
            contributions.unknown(work, attempt, mandate, "pending")
