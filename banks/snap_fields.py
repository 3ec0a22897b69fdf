"""What SNAP's products share of their bodies: amounts and lengths before sending, references after; sends nothing."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Final

from banks.base import Answer, BankAnswer, BankRefused, BankUnknown, Reason
from banks.snap_client import SnapAnswer
from units.clock import JAKARTA
from units.money import snap_value

# `referenceNo` is String(64), conditional on success (programme.md 3.4).
BANK_REFERENCE_MAX: Final = 64
# `value` is String(16,2): thirteen digits before the point.
_AMOUNT_RP_MAX: Final = 9_999_999_999_999


def money(amount_rp: int) -> dict[str, str]:
    """`{"value": "36800.00", "currency": "IDR"}`. Raises BankRefused(OURS) for what is no amount."""
    if not 0 < amount_rp <= _AMOUNT_RP_MAX:
        raise BankRefused(Reason.OURS, "not-sent:amount")
    return {"value": snap_value(amount_rp), "currency": "IDR"}


def last_second(day: date) -> datetime:
    """Of a Jakarta day, on which a mandate still holds."""
    return datetime.combine(day, time(23, 59, 59), JAKARTA)


def must_fit(fields: Mapping[str, object], lengths: Mapping[str, int]) -> None:
    """Nothing is sent that the bank could only cut or turn away. Raises BankRefused(OURS) naming the field."""
    for name, longest in lengths.items():
        if text_of(fields, name, longest) is None:
            raise BankRefused(Reason.OURS, f"not-sent:{name}")


def text_of(fields: Mapping[str, object], name: str, longest: int) -> str | None:
    """The field where it is printable text of 1 to `longest` characters, else None."""
    value = fields.get(name)
    fits = isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
    return value if fits and isinstance(value, str) else None


def bank_answer(got: SnapAnswer, name: str, longest: int) -> BankAnswer:
    """The bank's yes or "in progress" with its own reference, from the field `name`. Raises BankUnknown."""
    if not isinstance(got.answer, Answer):
        raise BankUnknown(got.code)
    if got.fields.get(name) in (None, "") and got.answer is Answer.PENDING:
        return BankAnswer(got.answer, "")
    reference = text_of(got.fields, name, longest)
    if reference is None:
        # A yes without its reference cannot be collected from nor settled: asked for, not believed.
        raise BankUnknown("no-reference")
    return BankAnswer(got.answer, reference)
