"""BI-FAST direct debit, services 70 and 71: asks a mandate and debits a month; never asks a status, which it lacks."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Final

from banks.base import Answer, BankAnswer, BankRefused, Banks, BankUnknown, CollectRequest, MandateRequest, Reason
from banks.codes import MANDATE, PAYMENT
from banks.settings import AnyBank, BankSettings
from banks.snap import timestamp
from banks.snap_client import SnapAnswer, SnapClient
from units.clock import JAKARTA, Clock, system_clock
from units.money import snap_value

# Source: ASPI SNAP, Transfer Debit BI-FAST, services 70 and 71, lengths of each field (programme.md 3.4).
_MANDATE_LENGTHS: Final = {
    "bankCode": 11,
    "sourceAccountNo": 19,
    "sourceAccountName": 100,
    "billerId": 30,
    "billerName": 50,
    "customerId": 45,
}
_PAYMENT_LENGTHS: Final = {
    "customerReference": 30,
    "beneficiaryAccountNo": 19,
    "beneficiaryAccountName": 100,
    "bankCode": 11,
    "sourceAccountNo": 34,
    "eMandateReffId": 30,
}
_MANDATE_REFERENCE_MAX: Final = 30
# `referenceNo` is String(64), conditional on success.
_BANK_REFERENCE_MAX: Final = 64
# `value` is String(16,2): thirteen digits before the point.
_AMOUNT_RP_MAX: Final = 9_999_999_999_999


class BiFast:
    """A Bank that is asked over SNAP 70 and 71. The holder agrees at the bank: a pending mandate is told of later."""

    def __init__(self, settings: BankSettings, clock: Clock = system_clock) -> None:
        self.code = settings.code
        self._settings = settings
        self._snap = SnapClient(settings, clock)

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        """Asks the bank to put the mandate before the holder; it ends with the last second of its Jakarta day."""
        settings = self._settings
        fields = {
            "bankCode": settings.bank_code,
            "sourceAccountNo": mandate.account_no,
            "sourceAccountName": mandate.account_name,
            "maxAmount": _money(mandate.max_amount_rp),
            "billerId": settings.biller_id,
            "billerName": settings.biller_name,
            "customerId": mandate.customer_id,
            "expiredDatetime": timestamp(datetime.combine(mandate.expires_on, time(23, 59, 59), JAKARTA)),
        }
        _must_fit(fields, _MANDATE_LENGTHS)
        answer = self._snap.post(MANDATE, "/debit/fast-emandate", fields)
        return _bank_answer(answer, "eMandateReffId", _MANDATE_REFERENCE_MAX)

    def collect(self, debit: CollectRequest) -> BankAnswer:
        """Debits one month. A resend must be the very same request, `asked_at` too, or a bank calls it another."""
        settings = self._settings
        fields = {
            "partnerReferenceNo": debit.reference,
            "customerReference": debit.customer_id,
            "beneficiaryAccountNo": settings.beneficiary_account_no,
            "beneficiaryAccountName": settings.beneficiary_account_name,
            "transactionDate": timestamp(debit.asked_at),
            "bankCode": settings.bank_code,
            "sourceAccountNo": debit.account_no,
            "amount": _money(debit.amount_rp),
            "eMandateReffId": debit.mandate_reference,
        }
        _must_fit(fields, {**_PAYMENT_LENGTHS, "partnerReferenceNo": settings.reference_max})
        return _bank_answer(self._snap.post(PAYMENT, "/debit/fast-payment", fields), "referenceNo", _BANK_REFERENCE_MAX)


def connect_banks(settings: Mapping[str, AnyBank], clock: Clock = system_clock) -> Banks:
    """A Bank for each setting that has an API, by code; no connection is opened before the first request."""
    products = {"bifast": BiFast}
    return {code: products[one.product](one, clock) for code, one in settings.items() if isinstance(one, BankSettings)}


def _money(amount_rp: int) -> dict[str, str]:
    if not 0 < amount_rp <= _AMOUNT_RP_MAX:
        raise BankRefused(Reason.OURS, "not-sent:amount")
    return {"value": snap_value(amount_rp), "currency": "IDR"}


def _must_fit(fields: Mapping[str, object], lengths: Mapping[str, int]) -> None:
    """Nothing is sent that the bank could only cut or turn away. Raises BankRefused(OURS) naming the field."""
    for name, longest in lengths.items():
        value = fields[name]
        if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
            raise BankRefused(Reason.OURS, f"not-sent:{name}")


def _bank_answer(got: SnapAnswer, name: str, longest: int) -> BankAnswer:
    reference = got.fields.get(name)
    if reference in (None, "") and got.answer is Answer.PENDING:
        return BankAnswer(got.answer, "")
    if not isinstance(reference, str) or not 0 < len(reference) <= longest or not reference.isprintable():
        # A yes without its reference cannot be collected from nor settled: asked for, not believed.
        raise BankUnknown("no-reference")
    return BankAnswer(got.answer, reference)
