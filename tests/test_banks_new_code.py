"""A new code of the bank over SNAP (81): by what it is asked for, what comes with it and how it is refused."""

import json
from dataclasses import replace

import pytest

from banks.base import BankRefused
from tests.test_banks_loopback import DebitMaker, LoopbackBank, changed, snap_reply
from tests.test_banks_snap_debit import ASKED, CODE, WISH

pytest_plugins = ["tests.test_banks_loopback"]


@pytest.mark.parametrize("info", [None, "JOURNEY-1", {}, {"journeyId": ""}, {"journeyId": "7" * 37}, {"journeyId": 7}])
def test_a_journey_that_the_bank_does_not_name_is_our_own_request(
    info: object, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [changed("07", additionalInfo=info)]
    journey = connect_debit().ask(ASKED).journey
    assert journey == bank.calls[0].headers["X-EXTERNAL-ID"]
    assert len(journey) <= 32, "String(32) in service 81"


def test_a_journey_is_the_request_that_the_bank_took(bank: LoopbackBank, connect_debit: DebitMaker) -> None:
    bank.replies = [snap_reply(409, "4090700"), changed("07", additionalInfo=None)]
    assert connect_debit().ask(ASKED).journey == bank.calls[1].headers["X-EXTERNAL-ID"]


def test_what_came_with_a_new_code_goes_back_with_it(bank: LoopbackBank, connect_debit: DebitMaker) -> None:
    connect_debit().confirm(replace(CODE, charge="CHARGE-1"))
    assert json.loads(bank.calls[0].body)["chargeToken"] == "CHARGE-1"


@pytest.mark.parametrize("charge", [None, 7, "c" * 41])
def test_a_new_code_that_nothing_comes_with_is_sent_all_the_same(
    charge: object, bank: LoopbackBank, connect_debit: DebitMaker
) -> None:
    bank.replies = [changed("81", chargeToken=charge)]
    assert connect_debit().send_code(WISH) == ""


@pytest.mark.parametrize(
    ("code", "reason"), [("40401", "ours"), ("40304", "not_now"), ("40501", "ours"), ("42900", "not_now")]
)
def test_a_new_code_may_be_refused(code: str, reason: str, bank: LoopbackBank, connect_debit: DebitMaker) -> None:
    bank.replies = [snap_reply(int(code[:3]), f"{code[:3]}81{code[3:]}")]
    with pytest.raises(BankRefused) as caught:
        connect_debit().send_code(WISH)
    assert caught.value.reason == reason


@pytest.mark.parametrize("typed", ["", "123", "123456789", "12345a", "12 456", "१२३४५६"])
def test_what_can_be_no_code_is_not_sent(typed: str, bank: LoopbackBank, connect_debit: DebitMaker) -> None:
    with pytest.raises(BankRefused, match="holder not-sent:otp"):
        connect_debit().confirm(replace(CODE, code=typed))
    assert bank.seen == []
