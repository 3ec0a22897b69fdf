"""Collects what is due, bank by bank: commit as sent, ask the bank, record its word; never two at once for a month."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog

from autodebit.lanes import Health, Pace, answer_of, counts_out, may_send, turns_all_away
from autodebit.outcomes import Outcomes, Said
from banks.asked import CollectRequest
from banks.base import Bank, BankAnswer, BankRefused, BankUnknown, BankUnreachable, Reason
from insurance import contributions, unsent
from insurance.attempts import Key, Try, locked
from insurance.party import Party, box_of, parties
from insurance.work import Work
from models import AttemptState
from ports import Ports
from units.month import Month

log = structlog.get_logger()

# What one claim takes: all of it is unknown if the sender dies in the act, so it is small.
CLAIM_MAX = 250
# Above all the time that a claim may take at the slowest pace, until a bank that is silent is left alone.
LEASE = timedelta(minutes=15)
# A slow bank's claim still ends well within its lease.
_CLAIM_S = 60.0


@dataclass(frozen=True)
class Debit:
    """An attempt under way: what the bank is asked, and which row waits for its word."""

    key: Key
    to: Party
    request: CollectRequest | None
    """None where the person was erased meanwhile: nobody can be debited for them."""


@dataclass
class Collected:
    """How many attempts ended how, and in how much rupiah those that were debited."""

    by_state: dict[str, int] = field(default_factory=dict)
    collected_rp: int = 0
    lost: int = 0
    """Attempts whose sender had died: unknown now."""
    sick: dict[str, str] = field(default_factory=dict)
    """Lanes that stopped in this round, with the code that stopped them."""
    waiting: int = 0
    """Debits in files of ours that a bank without an API has not answered yet."""
    not_taken: int = 0
    """Result files that were refused, or that a fault of ours left lying."""

    def count(self, one: Try) -> None:
        self.by_state[one.state] = self.by_state.get(one.state, 0) + 1
        if one.state == AttemptState.CONFIRMED.value:
            self.collected_rp += one.total_rp

    def add(self, other: "Collected") -> None:
        for state, count in other.by_state.items():
            self.by_state[state] = self.by_state.get(state, 0) + count
        self.collected_rp += other.collected_rp
        self.lost += other.lost
        self.sick |= other.sick
        self.waiting += other.waiting
        self.not_taken += other.not_taken


Told = Callable[[str, Collected], None]
"""Hears of each claim that was recorded: bank and the lane's sums so far."""


def tidy(ports: Ports) -> int:
    """What died or passed: lost senders leave unknown attempts, past months are dropped; how many were lost."""
    lost = 0
    with ports.transaction() as work:
        lost += contributions.overdue(work)
    with ports.transaction() as work:
        unsent.drop_past(work)
    return lost


def collect(ports: Ports, month: Month | None = None, told: Told = lambda _bank, _sums: None) -> Collected:
    """Send every attempt that is due, of one month if `month` is given; every bank in a thread of its own."""
    result = Collected(lost=tidy(ports))
    if not ports.banks:
        return result
    with ThreadPoolExecutor(len(ports.banks), thread_name_prefix="lane") as lanes:
        for done in lanes.map(lambda code: collect_lane(ports, code, month, told), sorted(ports.banks)):
            result.add(done)
    return result


def collect_lane(
    ports: Ports, bank_code: str, month: Month | None = None, told: Told = lambda _bank, _sums: None
) -> Collected:
    """Send what is due at one bank until nothing is left, the bank closes, or it stops answering."""
    result, bank = Collected(), ports.banks[bank_code]
    pace, health = Pace(bank.rules.pace_per_s), Health(ports, bank_code)
    limit = max(1, min(CLAIM_MAX, int(bank.rules.pace_per_s * _CLAIM_S)))
    with ThreadPoolExecutor(bank.rules.parallel_max, thread_name_prefix=f"bank-{bank_code}") as threads:
        while not health.sick and may_send(ports, bank_code, bank.rules):
            with ports.transaction() as work:
                debits = [
                    debit_of(work, one, to) for one, to in contributions.claim(work, bank_code, LEASE, limit, month)
                ]
            if not debits:
                break
            said = ask_all(threads, bank.rules.parallel_max, debits, partial(_ask, bank, pace=pace, health=health))
            for one in _record(ports, bank, said):
                result.count(one)
            told(bank_code, result)
    if health.sick:
        result.sick[bank_code] = health.sick
    return result


def debit_of(work: Work, one: Try, to: Party) -> Debit:
    box = box_of(work, to)
    if box is None:
        return Debit(one.key, to, None)
    request = CollectRequest(
        reference=one.reference,
        mandate_reference=to.bank_reference,
        customer_id=to.customer_id,
        account_no=box.open(to.account_sealed, "mandate.account"),
        amount_rp=one.total_rp,
        asked_at=one.asked_at or work.now,
        token=box.open(to.token_sealed, "mandate.token") if to.token_sealed else "",
    )
    return Debit(one.key, to, request)


def ask_all(
    threads: ThreadPoolExecutor, parallel: int, debits: Sequence[Debit], ask: Callable[[Debit], Said]
) -> list[tuple[Debit, Said]]:
    """Each is asked once, as many at a time as the bank takes: every thread goes on with what is next."""
    waiting = deque(debits)

    def one_after_another(_: int) -> list[tuple[Debit, Said]]:
        try:
            return [(debit, ask(debit)) for debit in _taken(waiting)]
        except BaseException:
            # None of this claim will be recorded, so the other threads must send no more of it.
            waiting.clear()
            raise

    return [pair for pairs in threads.map(one_after_another, range(parallel)) for pair in pairs]


def _taken(waiting: deque[Debit]) -> Iterator[Debit]:
    """What is left: a deque gives each of its items to one thread only."""
    while True:
        try:
            debit = waiting.popleft()
        except IndexError:
            return
        yield debit


def _ask(bank: Bank, debit: Debit, pace: Pace, health: Health) -> Said:
    if debit.request is None or health.sick:
        return BankUnreachable("not asked")
    pace.wait()
    if health.sick:
        return BankUnreachable("not asked")
    answer = answer_of(bank.code, partial(bank.collect, debit.request))
    match answer:
        case BankRefused(code=code):
            if answer.reason is Reason.OURS:
                log.error("bank_refuses_us", bank=bank.code, code=code, reference=debit.request.reference)
            if turns_all_away(answer):
                health.stop(code)
            elif counts_out(answer):
                health.unanswered(code)
            else:
                health.answered()
        case BankUnreachable():
            health.stop("unreachable")
        case BankUnknown(code=code):
            health.unanswered(code)
        case _:
            health.answered()
    return answer


def _record(ports: Ports, bank: Bank, said: Sequence[tuple[Debit, Said]]) -> list[Try]:
    """All in one transaction, or one by one where a row of them breaks it; what is left SENT becomes unknown."""
    try:
        with ports.transaction() as work:
            return _record_all(work, bank, said)
    except Exception as error:
        log.error("claim_not_recorded", bank=bank.code, kind=type(error).__name__)
    done: list[Try] = []
    for debit, answer in said:
        try:
            with ports.transaction() as work:
                done += _record_all(work, bank, [(debit, answer)])
        except Exception as error:
            log.error("debit_not_recorded", bank=bank.code, kind=type(error).__name__)
    return done


def _record_all(work: Work, bank: Bank, said: Iterable[tuple[Debit, Said]]) -> list[Try]:
    answers = {debit.key: (debit, answer) for debit, answer in said}
    # What a plain yes leads to depends on nothing that the member may have changed meanwhile; everything else does.
    changing = {
        debit.to.mandate_id
        for debit, answer in answers.values()
        # A yes after months without funds is written into the mandate, which comes before its attempts.
        if not isinstance(answer, BankAnswer) or debit.to.no_funds_months
    }
    known = parties(work, sorted(changing), lock=True)
    rows = locked(work, list(answers))
    sorted_out = Outcomes(work)
    for key, one in rows.items():
        debit, answer = answers[key]
        sorted_out.put(one, known.get(debit.to.mandate_id, debit.to), answer, bank.rules.bounce_fee_rp)
    sorted_out.write()
    return list(rows.values())
