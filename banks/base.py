"""What every bank is to us: ask a mandate, collect a month, read a notice, and exactly three ways to fail.

What only some products have (a status call, cancelling, refunding, a code by SMS) is a Protocol of its own: a bank
declares it by having it, and nothing pretends (rulings 7).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Protocol, runtime_checkable

from banks.asked import (
    CancelRequest,
    CodeRequest,
    CodeWish,
    CollectRequest,
    MandateQuestion,
    MandateRequest,
    RefundRequest,
    StatusRequest,
)

# Of all references of ours, over every bank: CIMB and BRI allow no more (programme.md 3.4).
REFERENCE_LENGTH = 12


class Reason(StrEnum):
    """Why a bank refused, as far as our next step depends on it."""

    NO_FUNDS = "no_funds"
    """Soft: the account is good, the money is not there today."""
    LIMIT = "limit"
    """Soft: an amount or count limit of the account, the token or ours; another day may do."""
    EXPIRED = "expired"
    """Soft: this request came too late for the bank; another reference, on another day, may do."""
    NOT_NOW = "not_now"
    """Nothing was debited: cut-off, too many requests. The same attempt may be sent again later that day."""
    ACCOUNT = "account"
    """Hard: closed, dormant, blocked or unknown account."""
    NAME = "name"
    """Hard: the account is not in the name that was given."""
    HOLDER = "holder"
    """Hard: the holder did not agree, or took the mandate back."""
    CODE = "code"
    """At a code only: it is not the one that the bank sent; the right one may still be typed."""
    CODE_OVER = "code_over"
    """At a code only: its time is over or the bank wants to be asked for one; a new one may be sent."""
    OURS = "ours"
    """Our request or our credentials are wrong: stop the lane, tell a person, blame no member."""


class BankRefused(Exception):
    """The bank's definite no; nothing was debited."""

    def __init__(self, reason: Reason, code: str) -> None:
        super().__init__(f"bank refused: {reason.value} {code}")
        self.reason, self.code = reason, code


class BankUnreachable(Exception):
    """Nothing was sent: no connection, no token. The same request may be sent again."""


class BankUnknown(Exception):
    """It was sent and there is no final answer: money may have moved. Never sent anew; asked for instead."""

    def __init__(self, code: str) -> None:
        super().__init__(f"bank outcome unknown: {code}")
        self.code = code


class Answer(StrEnum):
    DONE = "done"
    PENDING = "pending"
    """In progress (202): neither yes nor no; told later by notice or file."""
    CODE_NEEDED = "code_needed"
    """At a mandate only: the bank has sent its code to the holder's phone and waits for it."""


@dataclass(frozen=True)
class BankAnswer:
    answer: Answer
    reference: str
    """The bank's own reference: of the mandate (`eMandateReffId`) or of the payment; may be empty while pending."""
    token: str = field(default="", repr=False)
    journey: str = ""
    """With CODE_NEEDED: what a new code is asked for by; empty where none can be."""


class Became(StrEnum):
    """What became of a debit or a mandate, in the bank's own word: a status, a notice or a line of a file."""

    DONE = "done"
    PENDING = "pending"
    FAILED = "failed"
    """Nothing was debited, or it was given back: `reason` says why where the bank does."""
    NOT_FOUND = "not_found"
    """The bank does not know our reference; alone it frees nothing (rulings 8)."""


@dataclass(frozen=True)
class Status:
    """A status that names another amount or reference than ours is none: BankUnknown is raised instead."""

    became: Became
    bank_reference: str = ""
    code: str = ""
    reason: Reason | None = None


# Of a failure whose notice does not say when: older than any yes, so that by itself it takes none back.
UNTIMED = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Notice:
    """A verified word of the bank about a debit of ours. One of both references is there, often only the bank's."""

    became: Became
    reference: str
    bank_reference: str
    amount_rp: int | None
    code: str
    at: datetime
    """When it became so at the bank; notices come in any order."""
    replay_key: str
    """The same for a notice delivered again: kept, so that it is answered and not read twice."""
    reason: Reason | None = None


@dataclass(frozen=True)
class NoticeCall:
    """A request to us as it came over the wire. `path` is the raw path with its query, `headers` in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"NoticeCall({self.method})"


@dataclass(frozen=True)
class NoticeReply:
    """What the bank is answered: SNAP's form, `{"responseCode": "2005600", ...}`."""

    http: int
    body: Mapping[str, str]


class BadNotice(Exception):
    """Not believed, nothing was read: a forged, late, broken or foreign notice. `reply` is what the bank is told."""

    def __init__(self, why: str, reply: NoticeReply) -> None:
        super().__init__(why)
        self.reply = reply


@dataclass(frozen=True)
class LaneRules:
    """How one bank wants to be asked, and what asking costs: all of it from its settings."""

    pace_per_s: float = 20.0
    parallel_max: int = 4
    cut_off: tuple[time, time] | None = None
    """From and until on Jakarta's clock; while it runs nothing is sent. It may cross midnight."""
    bounce_fee_rp: int = 0
    """What the bank charges the holder for a debit without funds; decides whether a retry is worth it."""


class Bank(Protocol):
    """Raises BankRefused, BankUnreachable or BankUnknown; nothing else. States its own time-outs."""

    code: str
    rules: LaneRules

    def ask(self, mandate: MandateRequest) -> BankAnswer: ...

    def collect(self, debit: CollectRequest) -> BankAnswer: ...

    def read_notice(self, call: NoticeCall) -> Notice:
        """Check signature, time and form. Raises BadNotice, and nothing else."""
        ...

    def noticed(self, call: NoticeCall) -> NoticeReply:
        """What the bank is told once the notice is kept."""
        ...


@runtime_checkable
class AsksStatus(Protocol):
    def status(self, debit: StatusRequest) -> Status:
        """Raises BankRefused (of the question, never of the debit), BankUnreachable or BankUnknown."""
        ...


@runtime_checkable
class AsksMandates(Protocol):
    def mandate_status(self, mandate: MandateQuestion) -> BankAnswer:
        """DONE with reference and token, PENDING while the holder has not agreed. BankRefused is of the question."""
        ...


@runtime_checkable
class CancelsMandates(Protocol):
    def cancel(self, mandate: CancelRequest) -> None: ...


@runtime_checkable
class CancelsDebits(Protocol):
    def cancel_debit(self, debit: StatusRequest) -> None:
        """All of a debit that is not settled yet; afterwards it is refunded. Raises as `refund` does."""
        ...


@runtime_checkable
class Refunds(Protocol):
    def refund(self, refund: RefundRequest) -> BankAnswer: ...


@runtime_checkable
class TakesCodes(Protocol):
    def confirm(self, code: CodeRequest) -> BankAnswer:
        """DONE with reference and token. Raises BankRefused(CODE) for a wrong one, (CODE_OVER) for one that came too
        late, (HOLDER) once none helps."""
        ...


@runtime_checkable
class SendsCodes(Protocol):
    def send_code(self, wish: CodeWish) -> str:
        """Has a new code sent to the holder; what is to be handed over with it (`CodeRequest.charge`), or nothing."""
        ...


Banks = Mapping[str, Bank]
"""By the bank's three-digit code."""
