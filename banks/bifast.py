"""BI-FAST direct debit, services 70 and 71: asks a mandate and debits a month; never asks a status, which it lacks."""

from typing import Final

from banks.asked import CollectRequest, MandateRequest
from banks.base import BankAnswer, Notice, NoticeCall, NoticeReply
from banks.codes import MANDATE, PAYMENT
from banks.settings import BankSettings
from banks.snap import timestamp
from banks.snap_client import SnapClient
from banks.snap_fields import BANK_REFERENCE_MAX, bank_answer, last_second, money, must_fit
from banks.snap_notice import noticed, read_notice
from banks.token_shelf import TokenShelf
from units.clock import Clock, system_clock

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


class BiFast:
    """A Bank that is asked over SNAP 70 and 71. The holder agrees at the bank: a pending mandate is told of later."""

    def __init__(self, settings: BankSettings, clock: Clock = system_clock, shelf: TokenShelf | None = None) -> None:
        self.code, self.rules = settings.code, settings.rules
        self._settings, self._clock = settings, clock
        self._snap = SnapClient(settings, clock, shelf)

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        """Asks the bank to put the mandate before the holder; it ends with the last second of its Jakarta day."""
        settings = self._settings
        fields = {
            "bankCode": settings.bank_code,
            "sourceAccountNo": mandate.account_no,
            "sourceAccountName": mandate.account_name,
            "maxAmount": money(mandate.max_amount_rp),
            "billerId": settings.biller_id,
            "billerName": settings.biller_name,
            "customerId": mandate.customer_id,
            "expiredDatetime": timestamp(last_second(mandate.expires_on)),
        }
        must_fit(fields, _MANDATE_LENGTHS)
        answer = self._snap.post(MANDATE, "/debit/fast-emandate", fields)
        return bank_answer(answer, "eMandateReffId", _MANDATE_REFERENCE_MAX)

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
            "amount": money(debit.amount_rp),
            "eMandateReffId": debit.mandate_reference,
        }
        must_fit(fields, {**_PAYMENT_LENGTHS, "partnerReferenceNo": settings.reference_max})
        return bank_answer(self._snap.post(PAYMENT, "/debit/fast-payment", fields), "referenceNo", BANK_REFERENCE_MAX)

    def read_notice(self, call: NoticeCall) -> Notice:
        return read_notice(self._settings, call, self._clock())

    def noticed(self, call: NoticeCall) -> NoticeReply:
        return noticed(call)
