"""A new code of the bank, where the bank is out of reach, silent, refuses, or is asked while a code is typed."""

from dataclasses import replace

import pytest

from autodebit.mandates import ask_banks
from banks.asked import CodeRequest, CodeWish, MandateRequest
from banks.base import BankAnswer, BankRefused, BankUnknown, BankUnreachable, Reason
from handset.phone import Phone
from tests.people import PIN, authorise, enrol
from tests.stand_ins import WithCodes
from tests.test_mandate_change import states
from tests.world import World

Failure = BankRefused | BankUnknown | BankUnreachable


class Sending(WithCodes):
    """A bank that sends new codes, or fails as it is told to; it remembers what it was asked and given."""

    def __init__(self) -> None:
        super().__init__(journey="JOURNEY-1")
        self.fails: Failure | None = None
        self.wishes: list[CodeWish] = []
        self.codes: list[CodeRequest] = []

    def send_code(self, wish: CodeWish) -> str:
        self.wishes.append(wish)
        if self.fails:
            raise self.fails
        return f"CHARGE-{len(self.wishes)}"

    def confirm(self, code: CodeRequest) -> BankAnswer:
        self.codes.append(code)
        return super().confirm(code)


@pytest.fixture
def bank() -> Sending:
    return Sending()


def asks(world: World, bank: WithCodes) -> int:
    return ask_banks(replace(world.ports, banks={"114": bank}))


@pytest.fixture
def phone(world: World, bank: Sending) -> Phone:
    """Of a member whose mandate waits for a code."""
    phone = world.phone()
    enrol(phone)
    world.exchange()
    authorise(phone)
    asks(world, bank)
    return phone


def wants_another(phone: Phone) -> str:
    phone.dial()
    return phone.press("2", "2")


def codes_told(world: World, phone: Phone) -> int:
    return sum("mengirim kode" in text for text in world.owed_to(phone.number))


def test_a_new_code_is_asked_for_by_the_journey_and_what_came_with_it_goes_back(
    world: World, phone: Phone, bank: Sending
) -> None:
    wants_another(phone)
    assert asks(world, bank) == 1
    customer = f"IU{world.one('SELECT id FROM mandates')}"
    assert bank.wishes == [CodeWish(customer, "JOURNEY-1")]
    assert b"CHARGE-1" not in bytes(world.one("SELECT charge_sealed FROM mandates"))
    phone.dial()
    phone.press("2", bank.CODE)
    asks(world, bank)
    assert [code.charge for code in bank.codes] == ["CHARGE-1"]
    assert states(world) == ["active"]


def test_the_first_code_goes_with_nothing(world: World, phone: Phone, bank: Sending) -> None:
    phone.dial()
    phone.press("2", bank.CODE)
    asks(world, bank)
    assert [code.charge for code in bank.codes] == [""]


@pytest.mark.parametrize(
    "failure",
    [BankUnreachable("connection"), BankRefused(Reason.NOT_NOW, "4038104"), BankRefused(Reason.OURS, "4018100")],
    ids=["away", "not now", "credentials"],
)
def test_a_bank_that_sends_none_now_is_asked_again_later(
    failure: Failure, world: World, phone: Phone, bank: Sending
) -> None:
    wants_another(phone)
    bank.fails = failure
    asks(world, bank)
    assert asks(world, bank) == 0, "not before some minutes are over"
    world.clock.forward(minutes=6)
    bank.fails = None
    assert asks(world, bank) == 1
    assert (codes_told(world, phone), states(world)) == (2, ["code_needed"])


def test_without_an_answer_the_code_may_be_on_its_way_and_counts(world: World, phone: Phone, bank: Sending) -> None:
    bank.fails = BankUnknown("timeout")
    for _ in range(3):
        wants_another(phone)
        assert asks(world, bank) == 1
    assert codes_told(world, phone) == 4
    assert "tidak bisa diminta lagi" in wants_another(phone)
    assert states(world) == ["code_needed"], "the last one may still be typed"


def test_a_bank_that_refuses_a_new_code_ends_the_mandate_and_the_member_is_told(
    world: World, phone: Phone, bank: Sending
) -> None:
    wants_another(phone)
    bank.fails = BankRefused(Reason.OURS, "4048101")
    asks(world, bank)
    assert states(world) == ["rejected"]
    assert "pasang lagi, ketik kode baru bank" in world.last_sms()


def test_a_bank_that_names_no_journey_sends_none_and_the_call_says_so(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    world.exchange()
    authorise(phone)
    asks(world, WithCodes())
    assert "tidak bisa diminta lagi" in wants_another(phone)
    assert states(world) == ["code_needed"]


def test_who_is_asked_for_no_code_any_more_gets_no_new_one(world: World, phone: Phone, bank: Sending) -> None:
    other = world.phone()
    other.dial()
    other.press("2")
    phone.dial()
    phone.press("2", "1", "1", "2", PIN)
    assert states(world) == ["cancelled"]
    other.press("2")
    assert asks(world, bank) == 0
    assert bank.wishes == []


@pytest.mark.parametrize("failure", [None, BankRefused(Reason.OURS, "4048101"), BankUnreachable("connection")])
def test_a_code_typed_while_the_bank_is_asked_for_another_is_handed_over(
    failure: Failure | None, world: World, phone: Phone
) -> None:
    class WhileTyping(Sending):
        def send_code(self, wish: CodeWish) -> str:
            phone.dial()
            phone.press("2", self.CODE)
            return super().send_code(wish)

    bank = WhileTyping()
    wants_another(phone)
    bank.fails = failure
    asks(world, bank)
    asks(world, bank)
    assert states(world) == ["active"]
    assert len(bank.wishes) == 1


def test_a_new_code_for_who_cancelled_meanwhile_brings_nothing_back(world: World, phone: Phone) -> None:
    class WhileCancelling(Sending):
        def send_code(self, wish: CodeWish) -> str:
            phone.dial()
            phone.press("2", "1", "1", "2", PIN)
            return super().send_code(wish)

    wants_another(phone)
    asks(world, WhileCancelling())
    assert states(world) == ["cancelled"]
    assert codes_told(world, phone) == 1


def test_an_asker_that_died_is_followed_by_another(world: World, phone: Phone, bank: Sending) -> None:
    class Dying(Sending):
        def send_code(self, wish: CodeWish) -> str:
            raise SystemExit

    wants_another(phone)
    with pytest.raises(SystemExit):
        asks(world, Dying())
    assert asks(world, bank) == 0, "it may still be asking"
    world.clock.forward(minutes=16)
    assert asks(world, bank) == 1
    assert states(world) == ["code_needed"]


def test_a_bank_that_speaks_of_codes_before_it_sent_one_has_said_no(world: World) -> None:
    class Odd(WithCodes):
        def ask(self, mandate: MandateRequest) -> BankAnswer:
            raise BankRefused(Reason.CODE_OVER, "4030712")

    phone = world.phone()
    enrol(phone)
    world.exchange()
    authorise(phone)
    asks(world, Odd())
    assert states(world) == ["rejected"]
    assert world.ports.texts.word("reason.holder", "id") in world.last_sms()
