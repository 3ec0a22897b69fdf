"""The sandbox bank's account binding over real HTTP: services 07, 81, 04, 08 and 09."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.bank_client import Client, Hand, code_of, new_account, new_reference, rp
from tests.bank_partner import PHONE, Partner

pytestmark = pytest.mark.xdist_group("sandbox-binding")


def test_a_binding_is_made_by_the_code_that_the_bank_sent_to_the_phone(jateng: Partner) -> None:
    account, customer = new_account(), new_reference()
    asked = jateng.bind(account, customer)
    assert (code_of(asked), asked.json()["nextAction"]) == ("2000700", "OTP")
    assert "accountToken" not in asked.json()
    code = jateng.sms_code(customer)
    inbox = requests.get(f"{jateng.host}/version1/inbox", params={"to": f"+{PHONE}"}, timeout=5).json()
    assert inbox[-1]["text"].startswith(f"Kode BANK {code} ")
    made = jateng.check(asked.json()["referenceNo"], customer, code)
    assert code_of(made) == "2000400"
    assert 0 < len(made.json()["accountToken"]) <= 128
    again = jateng.check(asked.json()["referenceNo"], customer, code)
    assert again.json()["accountToken"] == made.json()["accountToken"], "an answer that was lost can be had again"
    assert jateng.sms_code(customer) == ""


def test_a_bank_without_codes_binds_at_once_and_the_same_request_is_the_same_binding(ntb: Partner) -> None:
    account, customer = new_account(), new_reference()
    first, second = ntb.bind(account, customer), ntb.bind(account, customer)
    assert (code_of(first), code_of(second)) == ("2000700", "2000700")
    assert "nextAction" not in first.json()
    assert [first.json()[name] for name in ("accountToken", "linkId")] == [
        second.json()[name] for name in ("accountToken", "linkId")
    ]
    assert ntb.bind(account, customer, maxAmount=rp(50000)).json()["linkId"] != first.json()["linkId"]


def test_a_wrong_code_binds_nothing_and_the_third_blocks_it_until_another_is_sent(jateng: Partner) -> None:
    account, customer = new_account(), new_reference()
    reference = jateng.bind(account, customer).json()["referenceNo"]
    right = jateng.sms_code(customer)
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    assert [code_of(jateng.check(reference, customer, wrong)) for _ in range(3)] == ["4040415"] * 3
    assert code_of(jateng.check(reference, customer, right)) == "4030411"
    assert code_of(jateng.inquire(customer)) == "2020800"
    assert jateng.bind(account, customer).json()["referenceNo"] == reference
    assert code_of(jateng.check(reference, customer, jateng.sms_code(customer))) == "2000400"


def test_a_code_is_good_for_five_minutes(jateng: Partner) -> None:
    customer = new_reference()
    reference = jateng.bind(new_account(), customer).json()["referenceNo"]
    code = jateng.sms_code(customer)
    jateng.clock.now += timedelta(minutes=5)
    assert code_of(jateng.check(reference, customer, code)) == "4030412"


def test_a_new_code_can_be_asked_for_by_the_first_request_of_the_journey(jateng: Partner) -> None:
    customer, journey = new_reference(), "7" * 36
    body = jateng.bind_body(new_account(), customer)
    asked = jateng.call("registration-account-binding", body, **{"X-EXTERNAL-ID": journey}).json()
    assert asked["additionalInfo"] == {"journeyId": journey}
    jateng.clock.now += timedelta(minutes=6)
    sent = jateng.call("otp", {"journeyId": journey})
    assert (code_of(sent), len(sent.json()["chargeToken"])) == ("2008100", 40)
    assert code_of(jateng.check(asked["referenceNo"], customer, jateng.sms_code(customer))) == "2000400"
    assert code_of(jateng.call("otp", {"journeyId": journey})) == "4048101", "a binding that is made waits for no code"


def test_the_inquiry_gives_the_token_once_the_binding_is_made(partner: Partner) -> None:
    bound = partner.bound(new_account())
    asked = partner.inquire(bound["partnerReferenceNo"])
    assert code_of(asked) == "2000800"
    assert {name: asked.json()[name] for name in ("accountToken", "linkId")} == {
        name: bound[name] for name in ("accountToken", "linkId")
    }
    assert code_of(partner.inquire(new_reference())) == "4040801"
    assert code_of(partner.inquire(bound["partnerReferenceNo"], originalReferenceNo="AB0")) == "4040801"


def test_an_ended_binding_debits_nothing_and_can_be_ended_again(partner: Partner) -> None:
    account = new_account()
    bound = partner.bound(account)
    assert code_of(partner.unbind(bound["linkId"], tokenId="another")) == "4040911"
    assert [code_of(partner.unbind(bound["linkId"])) for _ in range(2)] == ["2000900"] * 2
    assert code_of(partner.debit(bound["accountToken"], new_reference())) == "4045411"
    assert code_of(partner.inquire(bound["partnerReferenceNo"])) == "4040801"
    assert code_of(partner.unbind("LK000")) == "4040911"
    assert partner.debits_of(account) == []


@pytest.mark.parametrize(("ending", "code"), [("0005", "4040704"), ("0010", "4040711")])
def test_a_magic_account_is_refused_at_the_binding(partner: Partner, ending: str, code: str) -> None:
    assert code_of(partner.bind(new_account(ending), new_reference())) == code


def test_every_field_of_a_binding_is_checked(jateng: Partner) -> None:
    past = (jateng.clock.now - timedelta(seconds=1)).isoformat(timespec="seconds")
    wrong: list[tuple[str, Any, str]] = [
        ("accountNo", "1" * 20, "4000701"),
        ("accountNo", "123456789", "4040711"),
        ("accountName", None, "4000702"),
        ("maxAmount", {"value": "36800", "currency": "IDR"}, "4000701"),
        ("expiredDatetime", past, "4000701"),
    ]
    for name, value, code in wrong:
        assert (name, code_of(jateng.bind(new_account(), new_reference(), **{name: value}))) == (name, code)
    body = jateng.bind_body(new_account(), new_reference())
    for name, value, code in (
        ("merchantId", "OTHER", "4040708"),
        ("phoneNo", "", "4000702"),
        ("phoneNo", "0812", "4000701"),
        ("partnerReferenceNo", "x" * 13, "4000701"),
        ("additionalInfo", None, "4000702"),
    ):
        assert (name, code_of(jateng.call("registration-account-binding", {**body, name: value}))) == (name, code)
    jateng.bind(account := new_account(), new_reference())
    assert code_of(jateng.bind(account, new_reference(), accountName="BUDI")) == "4040711"


def test_a_bank_speaks_the_services_of_its_product_only(place: tuple[str, Path], hand: Hand, jateng: Partner) -> None:
    jatim = Client(place[0], place[1], "114", hand)
    assert code_of(jatim.call("otp", {"journeyId": "1"})) == "4058100"
    assert code_of(jateng.post("fast-payment", {})) == "4057100"
