"""A bank that sends a code, from the phone to the receipts: typed on the next call, good, wrong or too late."""

import pytest

from handset.phone import Phone
from tests.people import authorise, enrol
from tests.test_mandate_change import states
from tests.world import World

BANK = "113"
# Where Bank Jateng stands among the connected banks, that of the caller's own province first.
CHOICE = "2"
ACCOUNT = "1130012345"


def waiting(world: World) -> tuple[Phone, str]:
    """Siti's mandate waits for the code that the bank has sent to her; that code."""
    phone = world.phone()
    enrol(phone)
    world.exchange()
    authorise(phone, ACCOUNT, bank=CHOICE)
    world.ask_banks()
    assert states(world) == ["code_needed"]
    assert "mengirim kode ke HP ini" in world.last_sms()
    return phone, world.sandbox.code(BANK, f"IU{world.one('SELECT id FROM mandates')}")


def types(world: World, phone: Phone, code: str) -> None:
    phone.dial()
    assert "Ketik kode SMS dari Bank Jateng untuk ***2345" in phone.press("2")
    assert "Kode diteruskan ke bank" in phone.press(code)
    world.ask_banks()


def test_the_code_on_the_next_call_makes_the_mandate_active_and_the_first_month_is_debited(world: World) -> None:
    phone, code = waiting(world)
    types(world, phone, code)
    assert states(world) == ["active"]
    assert "Iuran Nov 2026 Rp28.400 didebit segera" in world.last_sms()
    assert world.collect().by_state == {"confirmed": 1}
    (debit,) = world.sandbox.book(BANK)["debits"]
    assert (debit["amount_rp"], debit["status"]) == (28400, "booked")
    assert debit["partnerReferenceNo"] == world.one("SELECT reference FROM attempts")
    assert "Menunggu pencatatan BPJS" in world.last_sms()
    world.exchange()
    assert "Terlindungi s.d. 30-11-2026" in world.last_sms()
    world.collect()
    assert len(world.sandbox.book(BANK)["debits"]) == 1


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_after_a_wrong_code_the_right_one_makes_the_mandate_active(world: World) -> None:
    phone, code = waiting(world)
    types(world, phone, wrong(code))
    assert states(world) == ["code_needed"]
    assert "Lihat SMS dari Bank Jateng" in world.last_sms()
    types(world, phone, code)
    assert states(world) == ["active"]


@pytest.mark.parametrize("minutes", [0, 6])
def test_three_wrong_codes_or_a_late_one_end_the_mandate_say_so_and_debit_nothing(world: World, minutes: int) -> None:
    phone, code = waiting(world)
    if minutes:
        # Source: sandbox/README.md: a code is good for five.
        world.clock.forward(minutes=minutes)
        types(world, phone, code)
    else:
        for _ in range(3):
            types(world, phone, wrong(code))
    assert states(world) == ["rejected"]
    assert "kode bank salah/terlambat" in world.last_sms()
    world.collect()
    assert world.sandbox.book(BANK)["debits"] == []
    assert world.rows("SELECT 1 FROM attempts WHERE asked_at IS NOT NULL") == []
    phone.dial()
    assert "Bank rekening Anda" in phone.press("2"), "a new consent is open to her"
