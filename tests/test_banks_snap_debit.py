"""What SnapDebit sends, and how it takes the holder's yes, over real sockets."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from banks.asked import CancelRequest, CodeRequest, CodeWish, MandateQuestion, RefundRequest, StatusRequest
from banks.base import (
    Answer,
    AsksStatus,
    BankAnswer,
    BankRefused,
    BankUnknown,
    Became,
    CancelsDebits,
    CancelsMandates,
    Refunds,
    SendsCodes,
    Status,
    TakesCodes,
)
from banks.snap_debit import SnapDebit
from tests.test_banks_loopback import (
    ACCOUNT,
    DEBIT,
    MANDATE,
    NOW,
    SERVICES,
    DebitMaker,
    LoopbackBank,
    Maker,
    Reply,
    snap_reply,
)

pytest_plugins = ["tests.test_banks_loopback"]

ASKED = replace(MANDATE, phone="+6281234567890")
CODE = CodeRequest("W0001", "BIND-1", "123456")
WISH = CodeWish("W0001", "JOURNEY-1")
PAY = replace(DEBIT, token="tok-1", mandate_reference="LINK-1")
ABOUT = StatusRequest("IU0000000001", "BANK-1", 36_800, NOW - timedelta(hours=1))
BACK = RefundRequest("IU0000000001", "BANK-1", "RF0000000001", 36_800, NOW)
UNBIND = CancelRequest("W0001", "LINK-1", "tok-1")
MONEY = {"value": "36800.00", "currency": "IDR"}
HANG = threading.Event()


def silent(_: object) -> None:
    """Longer than the patience of the test's client."""
    HANG.wait(0.8)


# --- what is sent ------------------------------------------------------------------------------------------------

SENT: dict[str, tuple[Callable[[SnapDebit], object], object, dict[str, object]]] = {
    "07": (
        lambda bank: bank.ask(ASKED),
        BankAnswer(Answer.CODE_NEEDED, "BIND-1", journey="JOURNEY-1"),
        {
            "partnerReferenceNo": "W0001",
            "merchantId": "IURAN-M",
            "phoneNo": "6281234567890",
            "additionalInfo": {
                "accountNo": ACCOUNT,
                "accountName": "Siti Rahmawati",
                "maxAmount": {"value": "40000.00", "currency": "IDR"},
                "expiredDatetime": "2031-12-31T23:59:59+07:00",
            },
        },
    ),
    "04": (
        lambda bank: bank.confirm(CODE),
        BankAnswer(Answer.DONE, "LINK-1", "tok-1"),
        {
            "originalReferenceNo": "BIND-1",
            "originalPartnerReferenceNo": "W0001",
            "otp": "123456",
            "merchantId": "IURAN-M",
        },
    ),
    "81": (lambda bank: bank.send_code(WISH), "CHARGE-1", {"journeyId": "JOURNEY-1"}),
    "08": (
        lambda bank: bank.mandate_status(MandateQuestion("W0001", "")),
        BankAnswer(Answer.DONE, "LINK-1", "tok-1"),
        {"partnerReferenceNo": "W0001", "merchantId": "IURAN-M"},
    ),
    "09": (
        lambda bank: bank.cancel(UNBIND),
        None,
        {"merchantId": "IURAN-M", "linkId": "LINK-1", "tokenId": "tok-1"},
    ),
    "54": (
        lambda bank: bank.collect(PAY),
        BankAnswer(Answer.DONE, "BANK-1"),
        {
            "partnerReferenceNo": "IU0000000001",
            "bankCardToken": "tok-1",
            "merchantId": "IURAN-M",
            "amount": MONEY,
            "additionalInfo": {},
        },
    ),
    "55": (
        lambda bank: bank.status(ABOUT),
        Status(Became.DONE, "BANK-1", "00"),
        {
            "originalPartnerReferenceNo": "IU0000000001",
            "originalReferenceNo": "BANK-1",
            "serviceCode": "55",
            "transactionDate": "2026-11-23T09:00:07+07:00",
            "amount": MONEY,
            "merchantId": "IURAN-M",
        },
    ),
    "57": (
        lambda bank: bank.cancel_debit(ABOUT),
        None,
        {"originalPartnerReferenceNo": "IU0000000001", "reason": "Pembatalan iuran", "merchantId": "IURAN-M"},
    ),
    "58": (
        lambda bank: bank.refund(BACK),
        BankAnswer(Answer.DONE, "BACK-1"),
        {
            "originalPartnerReferenceNo": "IU0000000001",
            "originalReferenceNo": "BANK-1",
            "partnerRefundNo": "RF0000000001",
            "refundAmount": MONEY,
            "reason": "Pembatalan iuran",
            "merchantId": "IURAN-M",
        },
    ),
}


@pytest.mark.parametrize("service", SENT)
def test_each_service_carries_its_fields_and_reads_its_yes(
    service: str, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    act, answer, body = SENT[service]
    assert act(connect_debit()) == answer
    (sent,) = bank.calls
    assert SERVICES[sent.path] == service
    assert json.loads(sent.body) == body


def test_a_product_declares_what_it_can_by_having_it(connect_debit: DebitMaker, connect: Maker) -> None:
    for protocol in (AsksStatus, CancelsMandates, CancelsDebits, Refunds, TakesCodes, SendsCodes):
        assert isinstance(connect_debit(), protocol)
        assert not isinstance(connect(), protocol), f"BI-FAST names no {protocol.__name__}"


def test_the_service_code_of_a_status_is_the_banks_own(bank: LoopbackBank, connect_debit: DebitMaker) -> None:
    connect_debit(status_service_code="54").status(ABOUT)
    assert json.loads(bank.calls[0].body)["serviceCode"] == "54"


def test_a_reference_of_the_bank_that_we_never_got_is_left_out(bank: LoopbackBank, connect_debit: DebitMaker) -> None:
    assert connect_debit().status(replace(ABOUT, bank_reference="")).bank_reference == "BANK-1"
    assert "originalReferenceNo" not in json.loads(bank.calls[0].body)


def test_no_secret_is_in_a_repr() -> None:
    shown = f"{CODE!r} {PAY!r} {UNBIND!r} {ASKED!r} {BankAnswer(Answer.DONE, 'LINK-1', 'tok-1')!r}"
    for hidden in ("123456", "tok-1", ACCOUNT, "Siti", "62812"):
        assert hidden not in shown


@pytest.mark.parametrize(
    ("act", "named"),
    [
        (lambda bank: bank.ask(replace(ASKED, account_no="1" * 20)), "accountNo"),
        (lambda bank: bank.ask(replace(ASKED, account_name="x" * 101)), "accountName"),
        (lambda bank: bank.ask(replace(ASKED, account_name="a\nb")), "accountName"),
        (lambda bank: bank.ask(replace(ASKED, customer_id="W" * 13)), "partnerReferenceNo"),
        (lambda bank: bank.ask(replace(ASKED, phone="")), "phoneNo"),
        (lambda bank: bank.ask(replace(ASKED, max_amount_rp=0)), "amount"),
        (lambda bank: bank.confirm(replace(CODE, mandate_reference="")), "originalReferenceNo"),
        (lambda bank: bank.confirm(replace(CODE, charge="c" * 41)), "chargeToken"),
        (lambda bank: bank.send_code(replace(WISH, journey="")), "journeyId"),
        (lambda bank: bank.send_code(replace(WISH, journey="7" * 37)), "journeyId"),
        (lambda bank: bank.collect(replace(PAY, token="")), "bankCardToken"),
        (lambda bank: bank.collect(replace(PAY, token="t" * 129)), "bankCardToken"),
        (lambda bank: bank.collect(replace(PAY, reference="IU00000000012")), "partnerReferenceNo"),
        (lambda bank: bank.collect(replace(PAY, amount_rp=-1)), "amount"),
        (lambda bank: bank.status(replace(ABOUT, reference="")), "originalPartnerReferenceNo"),
        (lambda bank: bank.status(replace(ABOUT, bank_reference="B" * 65)), "originalReferenceNo"),
        (lambda bank: bank.cancel(replace(UNBIND, mandate_reference="")), "linkId"),
        (lambda bank: bank.refund(replace(BACK, refund_reference="R" * 13)), "partnerRefundNo"),
        (lambda bank: bank.refund(replace(BACK, amount_rp=10**13)), "amount"),
    ],
)
def test_what_the_bank_could_not_take_whole_is_never_sent(
    act: Callable[[SnapDebit], object], named: str, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    with pytest.raises(BankRefused, match=f"ours not-sent:{named}$"):
        act(connect_debit())
    assert bank.seen == []


# --- the holder's yes --------------------------------------------------------------------------------------------


def test_a_bank_without_a_code_binds_at_once_and_needs_no_phone(bank: LoopbackBank, connect_debit: DebitMaker) -> None:
    bank.replies = [snap_reply(200, "2000700", accountToken="tok-9", linkId="LINK-9")]
    assert connect_debit(otp=False).ask(MANDATE) == BankAnswer(Answer.DONE, "LINK-9", "tok-9")
    assert "phoneNo" not in json.loads(bank.calls[0].body)


def test_a_bank_whose_holder_agrees_by_code_is_not_believed_without_one(
    bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [snap_reply(200, "2000700", accountToken="tok-9", linkId="LINK-9")]
    with pytest.raises(BankUnknown, match="no-code-asked"):
        connect_debit().ask(ASKED)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"linkId": "LINK-9"}, "no-token"),
        ({"accountToken": "t" * 129, "linkId": "LINK-9"}, "no-token"),
        ({"accountToken": ["tok-9"], "linkId": "LINK-9"}, "no-token"),
        ({"accountToken": "tok-9"}, "no-reference"),
        ({"accountToken": "tok-9", "linkId": "L" * 65}, "no-reference"),
        ({"nextAction": "OTP"}, "no-reference"),
    ],
)
def test_a_binding_without_what_it_is_debited_or_cancelled_by_is_no_binding(
    fields: dict[str, Any], code: str, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [snap_reply(200, "2000700", **fields)]
    with pytest.raises(BankUnknown) as caught:
        connect_debit(otp=False).ask(ASKED)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("code", "reason"), [("40415", "code"), ("40312", "code_over"), ("40406", "code_over"), ("40311", "holder")]
)
def test_a_blocked_code_is_the_holders_no_a_wrong_one_may_be_typed_again_and_a_late_one_be_sent_anew(
    code: str, reason: str, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [snap_reply(int(code[:3]), f"{code[:3]}04{code[3:]}")]
    with pytest.raises(BankRefused) as caught:
        connect_debit().confirm(CODE)
    assert caught.value.reason == reason
    assert [SERVICES[call.path] for call in bank.calls] == ["04"]


LOST = {
    "silence": Reply(then=silent),
    "500": Reply(500, b"oops"),
    "504": snap_reply(504, "5040400"),
    "a yes without a token": snap_reply(200, "2000400", originalReferenceNo="BIND-1"),
    "another binding": snap_reply(200, "2000400", originalReferenceNo="BIND-2", accountToken="t", linkId="l"),
}


@pytest.mark.parametrize("name", LOST)
def test_where_the_codes_answer_is_lost_the_binding_is_asked_after(
    name: str, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [LOST[name]]
    assert connect_debit(read_timeout_s=0.4).confirm(CODE) == BankAnswer(Answer.DONE, "LINK-1", "tok-1")
    assert [SERVICES[call.path] for call in bank.calls] == ["04", "08"]
    assert json.loads(bank.calls[1].body) == {
        "originalReferenceNo": "BIND-1",
        "partnerReferenceNo": "W0001",
        "merchantId": "IURAN-M",
    }


@pytest.mark.parametrize(
    "reply",
    [
        snap_reply(404, "4040801"),
        snap_reply(202, "2020800"),
        snap_reply(200, "2000800"),
        snap_reply(200, "2000800", partnerReferenceNo="W0002", accountToken="t", linkId="l"),
        snap_reply(403, "4030812"),
        Reply(500, b"oops"),
    ],
)
def test_a_lost_answer_stays_unknown_where_the_binding_is_not_clear_either(
    reply: Reply, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [snap_reply(504, "5040400"), reply]
    with pytest.raises(BankUnknown) as caught:
        connect_debit().confirm(CODE)
    assert caught.value.code == "5040400"
