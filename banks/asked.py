"""What a bank is asked, one frozen dataclass each; nothing in a repr that a log must not hold."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class MandateRequest:
    """What the bank must put before the account holder. `expires_on` is a Jakarta day."""

    customer_id: str
    account_no: str
    account_name: str
    max_amount_rp: int
    expires_on: date
    phone: str = ""
    """E.164, where the bank sends its code; only products with a code read it."""

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
    token: str = ""
    """What the bank gave with the mandate to debit by (`accountToken`); kept sealed, empty where a product has none."""

    def __repr__(self) -> str:
        return f"CollectRequest({self.reference})"


@dataclass(frozen=True)
class CodeRequest:
    """The code that the bank sent to the holder, for the mandate it calls `mandate_reference`."""

    customer_id: str
    mandate_reference: str
    code: str
    charge: str = ""
    """What the bank gave with a new code (`chargeToken`); empty with the first one."""

    def __repr__(self) -> str:
        return f"CodeRequest({self.customer_id})"


@dataclass(frozen=True)
class CodeWish:
    """A new code for a mandate that waits for one; `journey` came with the bank's CODE_NEEDED."""

    customer_id: str
    journey: str


@dataclass(frozen=True)
class MandateQuestion:
    """What became of a mandate that was asked for; `mandate_reference` is empty where the bank's answer was lost."""

    customer_id: str
    mandate_reference: str


@dataclass(frozen=True)
class CancelRequest:
    customer_id: str
    mandate_reference: str
    token: str = ""

    def __repr__(self) -> str:
        return f"CancelRequest({self.customer_id})"


@dataclass(frozen=True)
class StatusRequest:
    """What became of a debit: by our reference, which both sides know even where the answer was lost."""

    reference: str
    bank_reference: str
    amount_rp: int
    asked_at: datetime


@dataclass(frozen=True)
class RefundRequest:
    """All of one debit back to its account; `refund_reference` is ours, stable over resends."""

    reference: str
    bank_reference: str
    refund_reference: str
    amount_rp: int
    asked_at: datetime
