"""SNAP direct debit, services 04, 07-09, 54, 55, 57, 58, 81: binds an account, debits by its token, asks, takes back.

The holder agrees by the code that the bank sends to the phone; no web page is ever opened.
"""

import re
from collections.abc import Mapping
from typing import Final

from banks import codes
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
from banks.base import (
    Answer,
    BankAnswer,
    BankRefused,
    BankUnknown,
    BankUnreachable,
    Became,
    Notice,
    NoticeCall,
    NoticeReply,
    Reason,
    Status,
)
from banks.settings import BankSettings
from banks.snap import timestamp
from banks.snap_client import SnapAnswer, SnapClient
from banks.snap_fields import BANK_REFERENCE_MAX, bank_answer, last_second, money, must_fit, text_of
from banks.snap_notice import noticed, read_notice
from banks.token_shelf import TokenShelf
from units.clock import Clock, system_clock

# Source: ASPI SNAP, Registrasi and Transfer Debit, lengths of each field; phone numbers of 9 to 16 digits: DOKU
# (programme.md 3.4). `linkId` and `tokenId` are given no length there: ours, of what we can keep and what 54 takes.
# `journeyId` is String(32) in service 81 and repeats the X-EXTERNAL-ID, which is String(36): the longer is taken.
CHARGE_MAX, JOURNEY_MAX = 40, 36
_LENGTHS: Final = {
    "accountNo": 19,
    "accountName": 100,
    "phoneNo": 16,
    "originalReferenceNo": BANK_REFERENCE_MAX,
    "originalPartnerReferenceNo": 64,
    "bankCardToken": 128,
    "linkId": BANK_REFERENCE_MAX,
    "tokenId": 128,
    "reason": 256,
    "chargeToken": CHARGE_MAX,
    "journeyId": JOURNEY_MAX,
}
_TOKEN_MAX: Final = 128
_CODE: Final = re.compile(r"[0-9]{4,8}", re.ASCII)
# A yes with one of these asks the holder to a web page first: nothing has been debited.
_PAGES: Final = ("webRedirectUrl", "appRedirectUrl")
_REASON: Final = "Pembatalan iuran"


class SnapDebit:
    """A Bank that is asked over SNAP, with all that banks/base.py knows besides: codes, questions, taking back."""

    def __init__(self, settings: BankSettings, clock: Clock = system_clock, shelf: TokenShelf | None = None) -> None:
        self.code, self.rules = settings.code, settings.rules
        self._settings, self._clock = settings, clock
        self._snap = SnapClient(settings, clock, shelf)

    def ask(self, mandate: MandateRequest) -> BankAnswer:
        """Binds the account. CODE_NEEDED comes with the bank's reference, DONE with the binding's and the token."""
        info = {
            "accountNo": mandate.account_no,
            "accountName": mandate.account_name,
            "maxAmount": money(mandate.max_amount_rp),
            "expiredDatetime": timestamp(last_second(mandate.expires_on)),
        }
        fields = {
            "partnerReferenceNo": mandate.customer_id,
            "merchantId": self._settings.merchant_id,
            "additionalInfo": info,
        }
        needed = ["partnerReferenceNo", "accountNo", "accountName"]
        if mandate.phone or self._settings.otp:
            fields["phoneNo"] = mandate.phone.removeprefix("+")
            needed.append("phoneNo")
        self._must_fit({**fields, **info}, *needed)
        got = self._snap.post(codes.BINDING, "/registration-account-binding", fields)
        if got.answer is Answer.DONE and got.fields.get("nextAction") == "OTP":
            waits = bank_answer(got, "referenceNo", BANK_REFERENCE_MAX)
            return BankAnswer(Answer.CODE_NEEDED, waits.reference, journey=_journey(got))
        if got.answer is Answer.DONE and self._settings.otp:
            # The code is how the holder agrees at this bank; a yes without one is not the holder's.
            raise BankUnknown("no-code-asked")
        return _bound(got, "referenceNo")

    def confirm(self, code: CodeRequest) -> BankAnswer:
        """Takes the holder's code to the bank; where that answer is lost, asks what became of the binding."""
        if not _CODE.fullmatch(code.code):
            raise BankRefused(Reason.HOLDER, "not-sent:otp")
        fields = {
            "originalReferenceNo": code.mandate_reference,
            "originalPartnerReferenceNo": code.customer_id,
            "otp": code.code,
            "merchantId": self._settings.merchant_id,
        }
        if code.charge:
            fields["chargeToken"] = code.charge
        self._must_fit(fields, *(fields.keys() - {"otp", "merchantId"}))
        try:
            return _bound(self._snap.post(codes.CODE_CHECK, "/otp-verification", fields), "originalReferenceNo")
        except BankUnknown as error:
            lost = error.code
        try:
            bound = self.mandate_status(MandateQuestion(code.customer_id, code.mandate_reference))
        except (BankRefused, BankUnreachable, BankUnknown):
            raise BankUnknown(lost) from None
        if bound.answer is not Answer.DONE:
            raise BankUnknown(lost)
        return bound

    def send_code(self, wish: CodeWish) -> str:
        """Has the bank send the holder a new code; the older one is worth nothing from then on (81)."""
        fields = {"journeyId": wish.journey}
        self._must_fit(fields, *fields)
        got = self._snap.post(codes.CODE_SEND, "/otp", fields)
        return text_of(got.fields, "chargeToken", CHARGE_MAX) or ""

    def mandate_status(self, mandate: MandateQuestion) -> BankAnswer:
        """Asks after the binding, by both references where both are known (08)."""
        fields = {"partnerReferenceNo": mandate.customer_id, "merchantId": self._settings.merchant_id}
        if mandate.mandate_reference:
            fields["originalReferenceNo"] = mandate.mandate_reference
        self._must_fit(fields, *(fields.keys() - {"merchantId"}))
        got = self._snap.post(codes.BINDING_STATUS, "/registration-account-inquiry", fields)
        if got.answer is Became.NOT_FOUND:
            raise BankRefused(Reason.OURS, got.code)
        return _bound(got, "originalReferenceNo")

    def collect(self, debit: CollectRequest) -> BankAnswer:
        """Debits one month by the token. A resend is the very same body, or a bank calls it another."""
        fields = {
            "partnerReferenceNo": debit.reference,
            "bankCardToken": debit.token,
            "merchantId": self._settings.merchant_id,
            "amount": money(debit.amount_rp),
            "additionalInfo": {},
        }
        self._must_fit(fields, "partnerReferenceNo", "bankCardToken")
        got = self._snap.post(codes.DEBIT, "/debit/payment-host-to-host", fields)
        if got.answer is Answer.DONE and any(got.fields.get(page) for page in _PAGES):
            return BankAnswer(Answer.PENDING, text_of(got.fields, "referenceNo", BANK_REFERENCE_MAX) or "")
        return bank_answer(got, "referenceNo", BANK_REFERENCE_MAX)

    def status(self, debit: StatusRequest) -> Status:
        """Asks by both references where both are known. A yes names the bank's reference, or it is none."""
        fields = {
            **self._original(debit.reference, debit.bank_reference),
            "serviceCode": self._settings.status_service_code,
            "transactionDate": timestamp(debit.asked_at),
            "amount": money(debit.amount_rp),
        }
        got = self._snap.post(codes.STATUS, "/debit/status", fields)
        if isinstance(got.answer, Became):
            return Status(got.answer, code=got.code)
        if got.answer is Answer.PENDING:
            return Status(Became.PENDING, code=got.code)
        return _status(got, debit.bank_reference)

    def cancel(self, mandate: CancelRequest) -> None:
        """Unbinds. A binding whose token we hold and the bank knows no more is cancelled too: nobody can debit it."""
        fields = {"merchantId": self._settings.merchant_id, "linkId": mandate.mandate_reference}
        if mandate.token:
            fields["tokenId"] = mandate.token
        self._must_fit(fields, *(fields.keys() - {"merchantId"}))
        got = self._snap.post(codes.UNBINDING, "/registration-account-unbinding", fields)
        if got.answer is Answer.PENDING:
            raise BankUnknown("pending")
        if got.answer is Became.NOT_FOUND and not mandate.token:
            # Without its token what we named may be the request and not the binding: it says nothing of that one.
            raise BankUnknown(got.code)

    def cancel_debit(self, debit: StatusRequest) -> None:
        """Takes back a debit that is not settled yet, all of it."""
        fields = {**self._original(debit.reference, ""), "reason": _REASON}
        _done(self._snap.post(codes.CANCEL, "/debit/cancel", fields))

    def refund(self, refund: RefundRequest) -> BankAnswer:
        """Gives all of one debit back. The same `refund_reference` again is the same refund, not a second."""
        fields = {
            **self._original(refund.reference, refund.bank_reference),
            "partnerRefundNo": refund.refund_reference,
            "refundAmount": money(refund.amount_rp),
            "reason": _REASON,
        }
        self._must_fit(fields, "partnerRefundNo")
        got = self._snap.post(codes.REFUND, "/debit/refund", fields)
        if got.answer is Became.NOT_FOUND:
            raise BankRefused(Reason.OURS, got.code)
        return bank_answer(got, "refundNo", BANK_REFERENCE_MAX)

    def read_notice(self, call: NoticeCall) -> Notice:
        return read_notice(self._settings, call, self._clock())

    def noticed(self, call: NoticeCall) -> NoticeReply:
        return noticed(call)

    def _original(self, reference: str, bank_reference: str) -> dict[str, object]:
        """The names of an earlier debit; the bank's is left out while we do not know it."""
        fields: dict[str, object] = {"originalPartnerReferenceNo": reference}
        if bank_reference:
            fields["originalReferenceNo"] = bank_reference
        self._must_fit(fields, *fields)
        return {**fields, "merchantId": self._settings.merchant_id}

    def _must_fit(self, fields: Mapping[str, object], *names: str) -> None:
        ours = dict.fromkeys(
            ("partnerReferenceNo", "originalPartnerReferenceNo", "partnerRefundNo"), self._settings.reference_max
        )
        lengths = {**_LENGTHS, **ours}
        must_fit(fields, {name: lengths[name] for name in names})


def _journey(got: SnapAnswer) -> str:
    """What the bank calls the journey, or, as the standard has it, the X-EXTERNAL-ID of its first request."""
    info = got.fields.get("additionalInfo")
    named = text_of(info, "journeyId", JOURNEY_MAX) if isinstance(info, dict) else None
    return named or got.sent_as


def _bound(got: SnapAnswer, pending_name: str) -> BankAnswer:
    """A binding with what it is cancelled by (`linkId`) and debited by (`accountToken`). Raises BankUnknown."""
    if got.answer is Answer.PENDING:
        return bank_answer(got, pending_name, BANK_REFERENCE_MAX)
    made = bank_answer(got, "linkId", BANK_REFERENCE_MAX)
    token = text_of(got.fields, "accountToken", _TOKEN_MAX)
    if token is None:
        raise BankUnknown("no-token")
    return BankAnswer(made.answer, made.reference, token)


def _status(got: SnapAnswer, bank_reference: str) -> Status:
    latest = text_of(got.fields, "latestTransactionStatus", 2) or ""
    became = codes.STATUSES.get(latest)
    if became is None:
        raise BankUnknown("no-status")
    reference = text_of(got.fields, "originalReferenceNo", BANK_REFERENCE_MAX) or bank_reference
    if became is Became.DONE and not reference:
        raise BankUnknown("no-reference")
    first, reason = got.fields.get("originalResponseCode"), None
    if became is Became.FAILED:
        # The first answer may have been a yes that was taken back later: then it does not say why.
        reason = codes.read_failure(first)
    return Status(became, reference, str(first) if reason else latest, reason)


def _done(got: SnapAnswer) -> None:
    if got.answer is Became.NOT_FOUND:
        raise BankRefused(Reason.OURS, got.code)
    if got.answer is not Answer.DONE:
        raise BankUnknown("pending")
