"""What else a mandate may need of its member: the code that the bank sent, and days that go by the harvest."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from autodebit.collect import collect
from autodebit.mandates import ask_banks, tell_banks
from banks.asked import CodeRequest
from banks.base import Bank, BankAnswer, BankRefused, Reason
from handset.phone import Phone
from tests.people import GOOD, PIN, authorise, enrol
from tests.stand_ins import WithCodes
from tests.test_autodebit import DEC
from tests.test_mandate_change import OTHER, change_account, paid_november, states
from tests.test_paying import words
from tests.world import World


def with_codes(world: World) -> tuple[Mapping[str, Bank], WithCodes]:
    bank = WithCodes()
    return {"114": bank}, bank


def waiting_for_code(world: World) -> tuple[Phone, Mapping[str, Bank], WithCodes]:
    phone = world.phone()
    enrol(phone)
    world.exchange()
    authorise(phone)
    banks, bank = with_codes(world)
    ask_banks(replace(world.ports, banks=banks))
    return phone, banks, bank


def test_the_banks_code_is_typed_in_the_next_call_and_given_to_the_bank_by_a_job(world: World) -> None:
    phone, banks, bank = waiting_for_code(world)
    assert "mengirim kode ke HP ini" in world.last_sms()
    phone.dial()
    assert "Ketik kode SMS dari Bank Jatim untuk ***2345" in phone.press("2")
    assert "Kode bank 4-8 angka" in phone.press("12ab")
    assert "Kode diteruskan ke bank" in phone.press(bank.CODE)
    assert states(world) == ["code_needed"], "a call asks no bank"
    ask_banks(replace(world.ports, banks=banks))
    assert states(world) == ["active"]
    assert "aktif" in world.last_sms()
    collect(replace(world.ports, banks=banks))
    assert [debit.token for debit in bank.debits] == [f"token-{bank.debits[0].customer_id}"]
    assert world.one("SELECT code_sealed FROM mandates") is None


def test_the_banks_code_is_nowhere_to_be_read(world: World) -> None:
    phone, _, bank = waiting_for_code(world)
    phone.dial()
    phone.press("2", bank.CODE)
    sealed = world.one("SELECT code_sealed FROM mandates")
    assert bank.CODE.encode() not in bytes(sealed)
    redis = world.ports.redis
    kept = [redis.get(key) for key in redis.keys("*") if redis.type(key) in (b"string", "string")]
    assert not any(bank.CODE.encode() in value for value in kept if isinstance(value, bytes))
    assert world.rows("SELECT 1 FROM events WHERE code LIKE :code", code=f"%{bank.CODE}%") == []


def types(world: World, phone: Phone, banks: Mapping[str, Bank], code: str) -> None:
    phone.dial()
    assert "Kode diteruskan ke bank" in phone.press("2", code)
    ask_banks(replace(world.ports, banks=banks))


def test_a_wrong_code_is_told_and_may_be_typed_again(world: World) -> None:
    phone, banks, bank = waiting_for_code(world)
    types(world, phone, banks, "000000")
    assert states(world) == ["code_needed"]
    assert "Kode bank untuk autodebit ***2345 salah" in world.last_sms()
    assert ask_banks(replace(world.ports, banks=banks)) == 0, "what was wrong is not handed over twice"
    types(world, phone, banks, bank.CODE)
    assert states(world) == ["active"]


def test_the_third_wrong_code_ends_the_mandate_and_is_told(world: World) -> None:
    phone, banks, _ = waiting_for_code(world)
    for _ in range(2):
        types(world, phone, banks, "000000")
    assert states(world) == ["code_needed"]
    assert sum("ketik lagi" in text for text in world.owed_to(phone.number)) == 2
    types(world, phone, banks, "000000")
    assert states(world) == ["rejected"]
    assert "kode bank salah/terlambat" in world.last_sms()
    assert "pasang lagi, ketik kode baru bank" in world.last_sms(), "another account would help nobody"


@pytest.mark.parametrize(
    ("reason", "code"), [(Reason.HOLDER, "4030411"), (Reason.CODE_OVER, "4030412")], ids=["blocked", "late"]
)
def test_where_no_code_helps_and_none_can_be_sent_the_mandate_ends_at_once(
    world: World, reason: Reason, code: str
) -> None:
    class NoMore(WithCodes):
        def confirm(self, _code: CodeRequest) -> BankAnswer:
            raise BankRefused(reason, code)

    phone, _, _ = waiting_for_code(world)
    bank = NoMore()
    types(world, phone, {"114": bank}, bank.CODE)
    assert states(world) == ["rejected"]
    assert "kode bank salah/terlambat" in world.last_sms()


def test_a_wrong_code_after_the_member_cancelled_brings_nothing_back(world: World) -> None:
    phone, _, _ = waiting_for_code(world)

    class WhileCancelling(WithCodes):
        def confirm(self, code: CodeRequest) -> BankAnswer:
            phone.dial()
            phone.press("2", "1", "2", PIN)
            return super().confirm(code)

    types(world, phone, {"114": WhileCancelling()}, "000000")
    assert states(world) == ["cancelled"]
    assert not any("salah" in text for text in world.owed_to(phone.number))


def test_who_has_no_code_may_still_cancel(world: World) -> None:
    phone, banks, _ = waiting_for_code(world)
    phone.dial()
    assert "menunggu kode bank" in phone.press("2", "1")
    assert "Tidak ada debit baru" in phone.press("1", "2", PIN)
    assert states(world) == ["cancelled"]
    assert tell_banks(replace(world.ports, banks=banks)) == 0


def test_the_code_for_a_new_account_is_asked_beside_the_one_in_force(world: World) -> None:
    phone = paid_november(world)
    change_account(phone, OTHER)
    banks, bank = with_codes(world)
    ask_banks(replace(world.ports, banks=banks))
    phone.dial()
    assert "Ketik kode SMS dari Bank Jatim untuk ***9999" in phone.press("2")
    assert "***2345: aktif" in phone.press("1")
    phone.dial()
    phone.press("2", bank.CODE)
    ask_banks(replace(world.ports, banks=banks))
    assert states(world) == ["replaced", "active"]


# Harvest


def test_days_by_harvest_are_agreed_to_and_debited_by(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    world.exchange()
    phone.dial()
    phone.press("2", "1", GOOD, "1")
    assert "5. Beda saat panen" in phone.screen
    assert "0308" in phone.press("5")
    assert "misal 0308" in phone.press("0313")
    assert "bulan panen" in phone.press("0112")
    assert "bulan lain" in phone.press("4")
    phone.press("2")
    shown = words(phone)
    assert "lalu tiap tgl 5, bulan 1,12 tgl 15" in shown
    phone.press("1", PIN)
    assert world.one("SELECT days FROM mandates") == [15, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 15]
    assert "tgl 5/15" in world.last_sms()
    world.ask_banks()
    world.collect()
    world.clock.forward(days=3)
    world.plan(DEC)
    due = world.one("SELECT due_on FROM attempts WHERE month = :month", month=DEC)
    assert due >= date(2026, 12, 15)
    phone.dial()
    assert "tgl 5/15" in phone.press("2")


@pytest.mark.parametrize("typed", ["3", "0313", "0000", "0303", "01020304050607", "maret", "1", ""])
def test_harvest_months_that_are_none_are_asked_for_again(world: World, typed: str) -> None:
    phone = world.phone()
    enrol(phone)
    phone.dial()
    phone.press("2", "1", GOOD, "1", "5")
    assert "bulan panen" in phone.press(typed)
    assert "debit tanggal" not in phone.screen


def test_a_plain_day_after_a_look_at_the_harvest_stays_plain(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phone.dial()
    phone.press("2", "1", GOOD, "1", "5", "0308", "4", "0", "0", "0", "2")
    assert "bulan 3,8" not in phone.read_on()
    phone.press("1", PIN)
    assert world.rows("SELECT day, days FROM mandates") == [(5, None)]
