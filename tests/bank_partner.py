"""A merchant of a bank that debits bound accounts: SNAP's binding and direct debit as any other would speak them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.bank_client import NOON, Client, Hand, Json, code_of, new_reference, rp, without_none

PHONE = "6281234567890"


class Partner(Client):
    """A merchant of a bank that debits bound accounts."""

    def bind_body(self, account_no: str, customer: str, **info: Any) -> Json:
        until = (self.clock.now + timedelta(days=365)).replace(microsecond=0)
        usual = {
            "accountNo": account_no,
            "accountName": "SITI RAHMA",
            "maxAmount": rp(36800),
            "expiredDatetime": until.isoformat(),
        }
        names = {"partnerReferenceNo": customer, "merchantId": self.bank["merchant_id"], "phoneNo": PHONE}
        return {**names, "additionalInfo": {**usual, **info}}

    def bind(self, account_no: str, customer: str, **info: Any) -> requests.Response:
        return self.call("registration-account-binding", self.bind_body(account_no, customer, **info))

    def sms_code(self, customer: str) -> str:
        """Nothing where no code is waited for."""
        found = requests.get(f"{self.host}/bank/{self.code}/codes", params={"customer": customer}, timeout=5)
        return str(found.json()["code"]) if found.status_code == 200 else ""

    def check(self, reference: str, customer: str, code: str) -> requests.Response:
        names = {"originalReferenceNo": reference, "originalPartnerReferenceNo": customer}
        return self.call("otp-verification", {**names, "otp": code, "merchantId": self.bank["merchant_id"]})

    def inquire(self, customer: str, **fields: str) -> requests.Response:
        names = {"partnerReferenceNo": customer, "merchantId": self.bank["merchant_id"]}
        return self.call("registration-account-inquiry", {**names, **fields})

    def unbind(self, link: str, **fields: str) -> requests.Response:
        names = {"linkId": link, "merchantId": self.bank["merchant_id"]}
        return self.call("registration-account-unbinding", {**names, **fields})

    def bound(self, account_no: str, **info: Any) -> Json:
        """The bank's answer with `accountToken` and `linkId`."""
        customer = new_reference()
        answer = self.bind(account_no, customer, **info)
        if answer.json().get("nextAction") == "OTP":
            answer = self.check(answer.json()["referenceNo"], customer, self.sms_code(customer))
        assert answer.json()["accountToken"], answer.text
        return dict(answer.json())

    def token_of(self, account_no: str) -> str:
        return str(self.bound(account_no)["accountToken"])

    def debit(self, token: str, reference: str, **fields: Any) -> requests.Response:
        usual = {
            "partnerReferenceNo": reference,
            "bankCardToken": token,
            "merchantId": self.bank["merchant_id"],
            "amount": rp(28400),
            "additionalInfo": {},
        }
        return self.post("payment-host-to-host", without_none({**usual, **fields}))

    def about(self, service: str, reference: str, **fields: Any) -> requests.Response:
        """55, 57 or 58 of the debit under this reference of ours."""
        names = {"originalPartnerReferenceNo": reference, "merchantId": self.bank["merchant_id"]}
        usual: dict[str, Json] = {
            "status": {
                "serviceCode": self.bank["status_service_code"],
                "transactionDate": self.stamp(),
                "amount": rp(28400),
            },
            "cancel": {"reason": "salah"},
            "refund": {"partnerRefundNo": new_reference(), "refundAmount": rp(28400), "reason": "salah"},
        }
        return self.post(service, without_none({**names, **usual[service], **fields}))

    def latest(self, reference: str) -> str:
        """The status of 55, or its response code where there is none."""
        answer = self.about("status", reference)
        return str(answer.json().get("latestTransactionStatus") or code_of(answer))


@pytest.fixture
def jateng(place: tuple[str, Path], hand: Hand) -> Partner:
    hand.now = NOON
    return Partner(*place, "113", hand)


@pytest.fixture
def ntb(place: tuple[str, Path], hand: Hand) -> Partner:
    hand.now = NOON
    return Partner(*place, "128", hand)


@pytest.fixture(params=["113", "128"], ids=["code", "no-code"])
def partner(request: pytest.FixtureRequest, place: tuple[str, Path], hand: Hand) -> Partner:
    hand.now = NOON
    return Partner(*place, request.param, hand)
