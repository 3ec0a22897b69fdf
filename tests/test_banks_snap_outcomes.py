"""What SnapDebit makes of the answers to a debit, a status, a cancel and a refund, over real sockets."""

from dataclasses import replace
from typing import Any

import pytest

from banks.base import Answer, BankAnswer, BankRefused, BankUnknown, BankUnreachable, Became, Reason, Status
from tests.test_banks_loopback import DebitMaker, LoopbackBank, Reply, changed, snap_reply
from tests.test_banks_snap_debit import ABOUT, BACK, PAY, SENT, UNBIND

pytest_plugins = ["tests.test_banks_loopback"]


@pytest.mark.parametrize("page", ["webRedirectUrl", "appRedirectUrl"])
def test_a_yes_that_asks_the_holder_to_a_page_has_debited_nothing_yet(
    page: str, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [changed("54", **{page: "https://bank.example/otp"})]
    assert connect_debit().collect(PAY) == BankAnswer(Answer.PENDING, "BANK-1")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"latestTransactionStatus": "01"}, Status(Became.PENDING, "BANK-1", "01")),
        ({"latestTransactionStatus": "02"}, Status(Became.PENDING, "BANK-1", "02")),
        ({"latestTransactionStatus": "03"}, Status(Became.PENDING, "BANK-1", "03")),
        ({"latestTransactionStatus": "04"}, Status(Became.FAILED, "BANK-1", "04")),
        ({"latestTransactionStatus": "05"}, Status(Became.FAILED, "BANK-1", "05")),
        ({"latestTransactionStatus": "06"}, Status(Became.FAILED, "BANK-1", "06")),
        ({"latestTransactionStatus": "07"}, Status(Became.NOT_FOUND, "BANK-1", "07")),
        (
            {"latestTransactionStatus": "06", "originalResponseCode": "4035414"},
            Status(Became.FAILED, "BANK-1", "4035414", Reason.NO_FUNDS),
        ),
        (
            {"latestTransactionStatus": "06", "originalResponseCode": "4035409"},
            Status(Became.FAILED, "BANK-1", "4035409", Reason.ACCOUNT),
        ),
        # A yes that was taken back later, and an answer that said no though it was debited: the latest word counts.
        (
            {"latestTransactionStatus": "06", "originalResponseCode": "2005400"},
            Status(Became.FAILED, "BANK-1", "06"),
        ),
        (
            {"latestTransactionStatus": "00", "originalResponseCode": "4035414"},
            Status(Became.DONE, "BANK-1", "00"),
        ),
        ({"latestTransactionStatus": "06", "originalResponseCode": 4035414}, Status(Became.FAILED, "BANK-1", "06")),
        ({"latestTransactionStatus": "06", "originalResponseCode": "²³⁴5414"}, Status(Became.FAILED, "BANK-1", "06")),
        ({"originalReferenceNo": None, "amount": None}, Status(Became.DONE, "BANK-1", "00")),
    ],
)
def test_a_status_is_read_by_its_latest_word(
    fields: dict[str, Any], status: Status, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [changed("55", **fields)]
    assert connect_debit().status(ABOUT) == status


@pytest.mark.parametrize(("http", "case", "became"), [(404, "01", Became.NOT_FOUND), (202, "00", Became.PENDING)])
def test_a_status_can_be_said_by_the_code_alone(
    http: int, case: str, became: Became, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [snap_reply(http, f"{http}55{case}")]
    assert connect_debit().status(ABOUT) == Status(became, "", f"{http}55{case}")


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (changed("55", latestTransactionStatus=None), "no-status"),
        (changed("55", latestTransactionStatus="08"), "no-status"),
        (changed("55", latestTransactionStatus=0), "no-status"),
        (changed("55", latestTransactionStatus=["00"]), "no-status"),
        (changed("55", originalPartnerReferenceNo="IU0000000002"), "reference"),
        (changed("55", originalReferenceNo="BANK-2"), "reference"),
        (changed("55", amount={"value": "36801.00", "currency": "IDR"}), "amount"),
        (changed("55", amount="36800.00"), "amount"),
        # What the bank says of the account is no answer about the debit.
        (snap_reply(403, "4035514"), "4035514"),
        (snap_reply(403, "4035509"), "4035509"),
        (snap_reply(404, "4045518"), "4045518"),
    ],
)
def test_a_status_of_something_else_is_no_status(
    reply: Reply, code: str, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [reply]
    with pytest.raises(BankUnknown) as caught:
        connect_debit().status(ABOUT)
    assert caught.value.code == code


def test_a_yes_that_nobody_could_find_in_a_settlement_is_no_yes(bank: LoopbackBank, connect_debit: DebitMaker) -> None:
    bank.replies = [changed("55", originalReferenceNo=None)]
    with pytest.raises(BankUnknown, match="no-reference"):
        connect_debit().status(replace(ABOUT, bank_reference=""))


@pytest.mark.parametrize(("code", "reason"), [("40002", Reason.OURS), ("42900", Reason.NOT_NOW)])
def test_a_question_that_is_refused_says_nothing_of_the_debit(
    code: str, reason: Reason, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [snap_reply(int(code[:3]), f"{code[:3]}55{code[3:]}")]
    with pytest.raises(BankRefused) as caught:
        connect_debit().status(ABOUT)
    assert caught.value.reason is reason


def test_a_binding_that_the_bank_does_not_know_is_cancelled_already(
    bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [snap_reply(404, "4040901")]
    connect_debit().cancel(UNBIND)
    assert len(bank.calls) == 1


def test_cancelling_in_progress_is_not_cancelled(bank: LoopbackBank, connect_debit: DebitMaker) -> None:
    bank.replies = [snap_reply(202, "2020900"), snap_reply(202, "2025700")]
    for service in ("09", "57"):
        with pytest.raises(BankUnknown, match="pending"):
            SENT[service][0](connect_debit())


@pytest.mark.parametrize(
    ("http", "case", "reason"),
    [
        (404, "01", Reason.OURS),
        (403, "14", Reason.OURS),
        (405, "01", Reason.NOT_NOW),
        (429, "00", Reason.NOT_NOW),
        (401, "00", Reason.OURS),
    ],
)
@pytest.mark.parametrize("service", ["57", "58"])
def test_a_refund_that_is_refused_gave_nothing_back(
    service: str, http: int, case: str, reason: Reason, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [snap_reply(http, f"{http}{service}{case}")]
    with pytest.raises(BankRefused) as caught:
        SENT[service][0](connect_debit())
    assert (caught.value.reason, caught.value.code) == (reason, f"{http}{service}{case}")


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (changed("58", refundNo=None), "no-reference"),
        (changed("58", partnerRefundNo="RF0000000002"), "reference"),
        (changed("58", refundAmount={"value": "3680.00", "currency": "IDR"}), "amount"),
        (snap_reply(404, "4045818"), "4045818"),
        (snap_reply(409, "4095801"), "4095801"),
        (snap_reply(404, "4045800"), "4045800"),
    ],
)
def test_a_refund_of_something_else_is_asked_after(
    reply: Reply, code: str, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [reply]
    with pytest.raises(BankUnknown) as caught:
        connect_debit().refund(BACK)
    assert caught.value.code == code


def test_without_a_token_nothing_was_sent(bank: LoopbackBank, connect_debit: DebitMaker) -> None:
    bank.token_replies = [Reply(500, b"oops")] * len(SENT)
    for act, _, _ in SENT.values():
        with pytest.raises(BankUnreachable):
            act(connect_debit())
    assert bank.calls == []
