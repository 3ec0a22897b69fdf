"""The bodies of SNAP's direct debit (04, 07-09, 54, 55, 57, 58, 81): what must be there, how long it may be."""

import re
from dataclasses import dataclass
from datetime import datetime

from sandbox.answers import SnapRefused
from sandbox.fields import Body, json_object, moment, optional, rupiah, text
from sandbox.settings import BankSettings

# Source: ASPI SNAP, Registrasi and Transfer Debit (programme.md 3.4). `linkId` has no length there;
# `journeyId` is String(32) and the X-EXTERNAL-ID it repeats String(36): the longer is taken.
REFERENCE_MAX, TOKEN_MAX, JOURNEY_MAX, REASON_MAX, CHARGE_MAX = 64, 128, 36, 256, 40
# Source: DOKU: phoneNo has 9 to 16 digits (programme.md 3.4).
_PHONE = re.compile(r"[1-9][0-9]{8,15}")


@dataclass(frozen=True)
class BindBody:
    customer_id: str
    phone: str
    account_no: str
    account_name: str
    max_amount_rp: int | None
    expires_at: datetime


@dataclass(frozen=True)
class CodeBody:
    reference: str
    customer_id: str
    code: str
    charge: str


@dataclass(frozen=True)
class DebitBody:
    partner_reference: str
    token: str
    amount_rp: int
    valid_until: datetime | None


@dataclass(frozen=True)
class Original:
    """How 55, 57 and 58 name an earlier debit; the bank's own reference and the amount only where they are given."""

    partner_reference: str
    reference: str
    amount_rp: int | None = None


@dataclass(frozen=True)
class RefundBody:
    original: Original
    refund_no: str
    amount_rp: int


def read_bind(raw: bytes, bank: BankSettings) -> BindBody:
    """Service 07. A bank that sends a code needs a phone to send it to. Raises SnapRefused naming the field."""
    body = _of_merchant(raw, bank)
    phone = text(body, "phoneNo", 16) if bank.otp else optional(body, "phoneNo", 16)
    if phone and not _PHONE.fullmatch(phone):
        raise SnapRefused("40001", "phoneNo")
    info = body.get("additionalInfo")
    if not isinstance(info, dict):
        raise SnapRefused("40002" if info is None else "40001", "additionalInfo")
    return BindBody(
        customer_id=text(body, "partnerReferenceNo", bank.reference_max),
        phone=phone,
        account_no=text(info, "accountNo", 19),
        account_name=text(info, "accountName", 100),
        max_amount_rp=rupiah(info, "maxAmount") if "maxAmount" in info else None,
        expires_at=moment(info, "expiredDatetime"),
    )


def read_code(raw: bytes, bank: BankSettings) -> CodeBody:
    """Service 04. Raises SnapRefused naming the field."""
    body = _of_merchant(raw, bank)
    return CodeBody(
        reference=text(body, "originalReferenceNo", REFERENCE_MAX),
        customer_id=text(body, "originalPartnerReferenceNo", bank.reference_max),
        code=text(body, "otp", 8),
        charge=optional(body, "chargeToken", CHARGE_MAX),
    )


def read_journey(raw: bytes) -> str:
    """Service 81: the X-EXTERNAL-ID of the binding's first request. Raises SnapRefused naming the field."""
    return text(json_object(raw), "journeyId", JOURNEY_MAX)


def read_inquiry(raw: bytes, bank: BankSettings) -> tuple[str, str]:
    """Service 08: our customer id and, where it is known, the bank's reference. Raises SnapRefused."""
    body = _of_merchant(raw, bank)
    return text(body, "partnerReferenceNo", bank.reference_max), optional(body, "originalReferenceNo", REFERENCE_MAX)


def read_unbind(raw: bytes, bank: BankSettings) -> tuple[str, str]:
    """Service 09: the link and, where it is given, the token. Raises SnapRefused naming the field."""
    body = _of_merchant(raw, bank)
    return text(body, "linkId", REFERENCE_MAX), optional(body, "tokenId", TOKEN_MAX)


def read_debit(raw: bytes, bank: BankSettings) -> DebitBody:
    """Service 54. Raises SnapRefused naming the field."""
    body = _of_merchant(raw, bank)
    return DebitBody(
        partner_reference=text(body, "partnerReferenceNo", bank.reference_max),
        token=text(body, "bankCardToken", TOKEN_MAX),
        amount_rp=rupiah(body, "amount"),
        valid_until=moment(body, "validUpTo") if "validUpTo" in body else None,
    )


def read_status(raw: bytes, bank: BankSettings) -> Original:
    """Service 55; which `serviceCode` is right is a matter of the bank. Raises SnapRefused naming the field."""
    body = _of_merchant(raw, bank)
    if text(body, "serviceCode", 2) != bank.status_service_code:
        raise SnapRefused("40001", "serviceCode")
    moment(body, "transactionDate")
    return _original(body, bank, amount_rp=rupiah(body, "amount"))


def read_cancel(raw: bytes, bank: BankSettings) -> Original:
    """Service 57. Raises SnapRefused naming the field."""
    body = _of_merchant(raw, bank)
    text(body, "reason", REASON_MAX)
    return _original(body, bank)


def read_refund(raw: bytes, bank: BankSettings) -> RefundBody:
    """Service 58. Raises SnapRefused naming the field."""
    body = _of_merchant(raw, bank)
    text(body, "reason", REASON_MAX)
    return RefundBody(
        original=_original(body, bank),
        refund_no=text(body, "partnerRefundNo", bank.reference_max),
        amount_rp=rupiah(body, "refundAmount"),
    )


def _original(body: Body, bank: BankSettings, amount_rp: int | None = None) -> Original:
    return Original(
        partner_reference=text(body, "originalPartnerReferenceNo", bank.reference_max),
        reference=optional(body, "originalReferenceNo", REFERENCE_MAX),
        amount_rp=amount_rp,
    )


def _of_merchant(raw: bytes, bank: BankSettings) -> Body:
    body = json_object(raw)
    if text(body, "merchantId", REFERENCE_MAX) != bank.merchant_id:
        raise SnapRefused("40408", "merchantId")
    return body
