"""What banks said of many debits, sorted by what it means and written kind by kind; it asks nobody."""

from dataclasses import dataclass, field
from datetime import timedelta

from autodebit.lanes import CREDENTIALS
from banks.base import Answer, BankAnswer, BankRefused, BankUnknown, BankUnreachable, Reason
from insurance import contributions, mandate_life
from insurance.attempts import Try
from insurance.bank_words import HARD, close_manual, learn_reference
from insurance.contributions import Failure, Outcome, worth_retrying
from insurance.party import Party
from insurance.work import Work
from insurance.work_items import Matter, close_all, open_all
from models import AttemptState, WorkKind
from models.machine import Cause

# What was refused for now goes again under its reference after this long.
AGAIN_AFTER = timedelta(minutes=10)
# What was not even sent goes as soon as its lane does: were it to wait with the refused ones, it would meet them again
# at the head of the next claim, and could be held up for ever by one of them.
UNSENT_AFTER = timedelta(minutes=1)
# A request that the bank finds faulty will not be better in ten minutes: a person has a day to look at it.
FAULTY_AFTER = timedelta(days=1)

Said = BankAnswer | BankRefused | BankUnknown | BankUnreachable
_NEWS_IF_DONE = (
    AttemptState.SENT.value,
    AttemptState.UNKNOWN.value,
    AttemptState.MANUAL.value,
    AttemptState.FAILED_SOFT.value,
    AttemptState.FAILED_HARD.value,
    AttemptState.CANCELLED.value,
)


@dataclass
class Outcomes:
    """The answers of one claim by what they mean, so that each kind is written in one go."""

    work: Work
    confirmed: list[Outcome] = field(default_factory=list)
    soft: list[Failure] = field(default_factory=list)
    hard: list[Failure] = field(default_factory=list)
    unknown: list[Outcome] = field(default_factory=list)
    unasked: list[Outcome] = field(default_factory=list)
    later: list[Outcome] = field(default_factory=list)
    faulty: list[Outcome] = field(default_factory=list)
    learned: list[tuple[Try, str]] = field(default_factory=list)

    def put(self, one: Try, to: Party, answer: Said, bounce_fee_rp: int = 0) -> None:
        waits = one.state == AttemptState.SENT.value
        match answer:
            case BankAnswer(answer=Answer.DONE, reference=reference):
                if one.state in _NEWS_IF_DONE:
                    # Even after a notice of failure, or five days' silence: the money is gone from the account.
                    self.confirmed.append(Outcome(one, to, reference))
                else:
                    # Its notice was faster than its answer.
                    self.learned.append((one, reference))
            case _ if not waits:
                # Our lease had run out, or the bank's word came another way: only a clear yes is news.
                return
            case BankRefused(reason=Reason.OURS, code=code) if not code.startswith(CREDENTIALS):
                self.faulty.append(Outcome(one, to, code=code))
            case BankRefused(reason=Reason.NOT_NOW | Reason.OURS, code=code):
                self.later.append(Outcome(one, to, code=code))
            case BankUnreachable():
                self.unasked.append(Outcome(one, to, code="unreachable"))
            case BankRefused(reason=reason, code=code) if reason in HARD:
                self.hard.append(Failure(one, to, reason.value, code))
            case BankRefused(reason=reason, code=code):
                self.soft.append(Failure(one, to, reason.value, code, worth_retrying(self.work, bounce_fee_rp, one)))
            case BankUnknown(code=code):
                self.unknown.append(Outcome(one, to, code=code))
            case _:
                self.unknown.append(Outcome(one, to, code="pending"))

    def write(self) -> None:
        work = self.work
        by_hand = [outcome.one for outcome in self.confirmed if outcome.one.state == AttemptState.MANUAL.value]
        contributions.confirm_all(work, self.confirmed, Cause("bank", "debited"))
        for one in by_hand:
            close_manual(work, one, Cause("bank", "debited"))
        for one, reference in self.learned:
            learn_reference(work, one, reference)
        contributions.fail_all(work, self.soft, hard=False)
        contributions.fail_all(work, self.hard, hard=True)
        for failure in self.hard:
            mandate_life.rejected_by_debit(work, failure.to.mandate_id, failure.reason, failure.code)
        contributions.unknown_all(work, self.unknown)
        contributions.not_sent_all(work, self.unasked, work.now + UNSENT_AFTER, asked=False)
        contributions.not_sent_all(work, self.later, work.now + AGAIN_AFTER, asked=True)
        contributions.not_sent_all(work, self.faulty, work.now + FAULTY_AFTER, asked=True)
        self._tell_people()

    def _tell_people(self) -> None:
        """One item a reference that the bank finds faulty; it is closed once the bank has another word for it."""
        matters = [Matter(o.one.reference, o.code, o.one.bank_code, o.one.total_rp) for o in self.faulty]
        open_all(self.work, WorkKind.BANK_REFUSES_US, matters)
        answered = [outcome.one for outcome in self.confirmed + self.unknown]
        answered += [failure.one for failure in self.soft + self.hard]
        abouts = [one.reference for one in answered]
        close_all(self.work, WorkKind.BANK_REFUSES_US, abouts, Cause("bank", "answered"))
