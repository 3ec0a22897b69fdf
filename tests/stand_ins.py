"""Banks to put in a port's place: out of reach, refusing, or real with a short patience; holds no test."""

from dataclasses import replace

from banks.asked import CodeRequest, CollectRequest, MandateRequest
from banks.base import (
    Answer,
    BadNotice,
    Bank,
    BankAnswer,
    BankRefused,
    BankUnreachable,
    LaneRules,
    Notice,
    NoticeCall,
    NoticeReply,
    Reason,
)
from banks.connect import connect_banks
from banks.settings import BankSettings, load_banks
from tests.world import World


def impatient_bank(world: World) -> Bank:
    """The real adapter with a short patience, so that a test need not wait out a bank's silence."""
    settings = load_banks(world.sandbox.folder / "banks.toml")["114"]
    assert isinstance(settings, BankSettings)
    return connect_banks({"114": replace(settings, read_timeout_s=0.5)}, world.clock)["114"]


class Away:
    """A bank that nobody can reach: a port swapped, not a mock of ours."""

    code = "114"
    rules = LaneRules()

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        raise BankUnreachable("away")

    def collect(self, debit: CollectRequest) -> BankAnswer:
        raise BankUnreachable("away")

    def read_notice(self, call: NoticeCall) -> Notice:
        raise BadNotice("away", self.noticed(call))

    def noticed(self, call: NoticeCall) -> NoticeReply:
        return NoticeReply(503, {})


class Paying(Away):
    """A bank that agrees to every mandate and has the money for every debit; it remembers what it was asked."""

    def __init__(self, code: str = "114", rules: LaneRules | None = None) -> None:
        self.code, self.rules = code, rules or LaneRules(pace_per_s=10_000.0, parallel_max=1)
        self.debits: list[CollectRequest] = []

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        return BankAnswer(Answer.DONE, f"{self.code}-{mandate.customer_id}")

    def collect(self, debit: CollectRequest) -> BankAnswer:
        self.debits.append(debit)
        return BankAnswer(Answer.DONE, f"PAID-{debit.reference}")


class Poor(Away):
    """A bank whose accounts are all empty; it agrees to every mandate."""

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        return BankAnswer(Answer.DONE, f"POOR-{mandate.customer_id}")

    def collect(self, debit: CollectRequest) -> BankAnswer:
        raise BankRefused(Reason.NO_FUNDS, "4035414")


class WithCodes(Away):
    """A bank that sends a code to the holder's phone and debits by the token it gives for it."""

    CODE = "481516"

    def __init__(self, journey: str = "") -> None:
        self.debits: list[CollectRequest] = []
        self.journey = journey

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        return BankAnswer(Answer.CODE_NEEDED, f"BIND-{mandate.customer_id}", journey=self.journey)

    def confirm(self, code: CodeRequest) -> BankAnswer:
        if code.code != self.CODE or code.mandate_reference != f"BIND-{code.customer_id}":
            raise BankRefused(Reason.CODE, "4040415")
        return BankAnswer(Answer.DONE, code.mandate_reference, token=f"token-{code.customer_id}")

    def collect(self, debit: CollectRequest) -> BankAnswer:
        self.debits.append(debit)
        return BankAnswer(Answer.DONE, f"PAID-{debit.reference}")


class Refusing(Away):
    """A bank that finds our request or our credentials faulty."""

    def __init__(self, code: str) -> None:
        self.refusal = BankRefused(Reason.OURS, code)

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        raise self.refusal

    def collect(self, debit: CollectRequest) -> BankAnswer:
        raise self.refusal
