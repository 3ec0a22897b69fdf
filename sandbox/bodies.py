"""The bodies of services 70, 71 and 73: what must be there, how long it may be, and nothing about accounts."""

from dataclasses import dataclass
from datetime import datetime

from sandbox.answers import SnapRefused
from sandbox.fields import check_bank_code, json_object, moment, rupiah, text


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
    body = json_object(raw)
    check_bank_code(body, bank_code)
    text(body, "billerName", 50)
    return MandateBody(
        account_no=text(body, "sourceAccountNo", 19),
        account_name=text(body, "sourceAccountName", 100),
        customer_id=text(body, "customerId", 45),
        max_amount_rp=rupiah(body, "maxAmount") if "maxAmount" in body else None,
        expires_at=moment(body, "expiredDatetime"),
        biller_id=text(body, "billerId", 30),
    )


def read_payment(raw: bytes, bank_code: str, reference_max: int) -> PaymentBody:
    """Lengths: ASPI SNAP, service 71 (programme.md 3.4), the reference as short as this bank has it.

    The standard leaves `amount` open; without one there is nothing to debit. Raises SnapRefused naming the field.
    """
    body = json_object(raw)
    check_bank_code(body, bank_code)
    text(body, "customerReference", 30)
    text(body, "beneficiaryAccountName", 100)
    moment(body, "transactionDate")
    return PaymentBody(
        partner_reference=text(body, "partnerReferenceNo", reference_max),
        account_no=text(body, "sourceAccountNo", 34),
        beneficiary_account_no=text(body, "beneficiaryAccountNo", 19),
        mandate=text(body, "eMandateReffId", 30),
        amount_rp=rupiah(body, "amount"),
    )


def read_grant(raw: bytes) -> None:
    """Service 73: v1.0.2 of the standard renamed the field, so both spellings are read. Raises SnapRefused."""
    body = json_object(raw)
    name = "granttype" if "granttype" in body else "grantType"
    if text(body, name, 40) != "client_credentials":
        raise SnapRefused("40001", name)
