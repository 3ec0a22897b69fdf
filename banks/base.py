"""What every bank is to us: ask a mandate, collect a month, and exactly three ways to fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol


class Reason(StrEnum):
    """Why a bank refused, as far as our next step depends on it."""

    NO_FUNDS = "no_funds"
    """Soft: the account is good, the money is not there today."""
    LIMIT = "limit"
    """Soft: an amount or count limit of the account, the token or ours; another day may do."""
    NOT_NOW = "not_now"
    """Nothing was debited: cut-off, too many requests. The same attempt may be sent again later that day."""
    ACCOUNT = "account"
    """Hard: closed, dormant, blocked or unknown account."""
    NAME = "name"
    """Hard: the account is not in the name that was given."""
    HOLDER = "holder"
    """Hard: the holder did not agree, or took the mandate back."""
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


@dataclass(frozen=True)
class MandateRequest:
    """What the bank must put before the account holder. `expires_on` is a Jakarta day."""

    customer_id: str
    account_no: str
    account_name: str
    max_amount_rp: int
    expires_on: date

    def __repr__(self) -> str:
        return f"MandateRequest({self.customer_id})"


@dataclass(frozen=True)
class CollectRequest:
    """One attempt. `reference` is ours, stable over resends, fixed and committed before it is sent."""

    reference: str
    mandate_reference: str
    customer_id: str
    account_no: str
    amount_rp: int
    asked_at: datetime

    def __repr__(self) -> str:
        return f"CollectRequest({self.reference})"


@dataclass(frozen=True)
class BankAnswer:
    answer: Answer
    reference: str
    """The bank's own reference: of the mandate (`eMandateReffId`) or of the payment; may be empty while pending."""


class Bank(Protocol):
    """Raises BankRefused, BankUnreachable or BankUnknown; nothing else. States its own time-outs."""

    code: str

    def ask(self, mandate: MandateRequest) -> BankAnswer: ...

    def collect(self, debit: CollectRequest) -> BankAnswer: ...


Banks = Mapping[str, Bank]
"""By the bank's three-digit code."""
