"""The bodies of services 70 and 71: what must be there, how long it may be, and nothing about accounts."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.answers import SnapRefused

# `value` is String(16,2) with two decimals; rupiah have no cents, so anything but ".00" is our client's mistake.
_VALUE = re.compile(r"([1-9]\d{0,12})\.00", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", re.ASCII)
Body = dict[str, Any]


@dataclass(frozen=True)
class MandateBody:
    account_no: str
    account_name: str
    customer_id: str
    max_amount_rp: int | None
    expires_at: datetime
    biller_id: str


@dataclass(frozen=True)
class PaymentBody:
    partner_reference: str
    account_no: str
    beneficiary_account_no: str
    mandate: str
    amount_rp: int


def read_mandate(raw: bytes, bank_code: str) -> MandateBody:
    """Lengths: ASPI SNAP, service 70 (programme.md 3.4). Raises SnapRefused naming the field."""
    body = _object(raw)
    _bank_code(body, bank_code)
    _text(body, "billerName", 50)
    return MandateBody(
        account_no=_text(body, "sourceAccountNo", 19),
        account_name=_text(body, "sourceAccountName", 100),
        customer_id=_text(body, "customerId", 45),
        max_amount_rp=_rupiah(body, "maxAmount") if "maxAmount" in body else None,
        expires_at=_moment(body, "expiredDatetime"),
        biller_id=_text(body, "billerId", 30),
    )


def read_payment(raw: bytes, bank_code: str, reference_max: int) -> PaymentBody:
    """Lengths: ASPI SNAP, service 71 (programme.md 3.4), the reference as short as this bank has it.

    The standard leaves `amount` open; without one there is nothing to debit. Raises SnapRefused naming the field.
    """
    body = _object(raw)
    _bank_code(body, bank_code)
    _text(body, "customerReference", 30)
    _text(body, "beneficiaryAccountName", 100)
    _moment(body, "transactionDate")
    return PaymentBody(
        partner_reference=_text(body, "partnerReferenceNo", reference_max),
        account_no=_text(body, "sourceAccountNo", 34),
        beneficiary_account_no=_text(body, "beneficiaryAccountNo", 19),
        mandate=_text(body, "eMandateReffId", 30),
        amount_rp=_rupiah(body, "amount"),
    )


def read_grant(raw: bytes) -> None:
    """Service 73: v1.0.2 of the standard renamed the field, so both spellings are read. Raises SnapRefused."""
    body = _object(raw)
    name = "granttype" if "granttype" in body else "grantType"
    if _text(body, name, 40) != "client_credentials":
        raise SnapRefused("40001", name)


def _object(raw: bytes) -> Body:
    try:
        body = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise SnapRefused("40000") from None
    if not isinstance(body, dict):
        raise SnapRefused("40000")
    return body


def _text(body: Body, name: str, length_max: int) -> str:
    value = body.get(name)
    if value is None or value == "":
        raise SnapRefused("40002", name)
    if not isinstance(value, str) or len(value) > length_max or not value.isprintable():
        raise SnapRefused("40001", name)
    return value


def _bank_code(body: Body, expected: str) -> None:
    if _text(body, "bankCode", 11) != expected:
        raise SnapRefused("40001", "bankCode")


def _rupiah(body: Body, name: str) -> int:
    amount = body.get(name)
    if amount is None:
        raise SnapRefused("40002", name)
    if not isinstance(amount, dict):
        raise SnapRefused("40001", name)
    value = _VALUE.fullmatch(_text(amount, "value", 16))
    if value is None or _text(amount, "currency", 3) != "IDR":
        raise SnapRefused("40001", name)
    return int(value[1])


def _moment(body: Body, name: str) -> datetime:
    value = _text(body, name, 25)
    try:
        if _DATETIME.fullmatch(value):
            return datetime.fromisoformat(value)
    except ValueError:
        pass
    raise SnapRefused("40001", name)
