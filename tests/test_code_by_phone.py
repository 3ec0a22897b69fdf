"""A bank that sends a code, from the phone to the receipts: typed on the next call, good, wrong or too late."""

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


def test_three_wrong_codes_end_the_mandate_say_so_and_debit_nothing(world: World) -> None:
    phone, code = waiting(world)
    for _ in range(3):
        types(world, phone, wrong(code))
    assert states(world) == ["rejected"]
    assert "kode bank salah/terlambat" in world.last_sms()
    world.collect()
    assert world.sandbox.book(BANK)["debits"] == []
    assert world.rows("SELECT 1 FROM attempts WHERE asked_at IS NOT NULL") == []
    phone.dial()
    assert "Bank rekening Anda" in phone.press("2"), "a new consent is open to her"


def code_now(world: World) -> str:
    return world.sandbox.code(BANK, f"IU{world.one('SELECT id FROM mandates')}")


def late(world: World) -> None:
    # Source: sandbox/README.md: a code is good for five minutes.
    world.clock.forward(minutes=6)


def asks_for_another(world: World, phone: Phone) -> str:
    phone.dial()
    return phone.press("2", "2")


def test_a_code_that_comes_too_late_brings_a_new_one_and_that_one_serves(world: World) -> None:
    phone, code = waiting(world)
    late(world)
    types(world, phone, code)
    assert states(world) == ["code_needed"]
    assert "mengirim kode ke HP ini" in world.last_sms()
    assert code_now(world) != code
    types(world, phone, code_now(world))
    assert states(world) == ["active"]
    assert world.collect().by_state == {"confirmed": 1}


def test_who_has_no_code_asks_for_another_and_the_first_is_worth_nothing(world: World) -> None:
    phone, code = waiting(world)
    said = asks_for_another(world, phone)
    assert "Kode baru diminta dari bank" in said
    assert code_now(world) == code, "a call asks no bank"
    assert world.ask_banks() == 1
    assert code_now(world) != code
    assert sum("mengirim kode" in text for text in world.owed_to(phone.number)) == 2
    assert world.ask_banks() == 0, "one wish, one code"
    types(world, phone, code)
    assert states(world) == ["code_needed"]
    types(world, phone, code_now(world))
    assert states(world) == ["active"]


def test_one_wish_pressed_twice_is_one_code(world: World) -> None:
    phone, _ = waiting(world)
    for _ in range(2):
        asks_for_another(world, phone)
    assert world.ask_banks() == 1


def test_three_new_codes_are_all_and_then_the_call_says_what_to_do(world: World) -> None:
    phone, _ = waiting(world)
    for _ in range(3):
        asks_for_another(world, phone)
        world.ask_banks()
    assert "tidak bisa diminta lagi" in asks_for_another(world, phone)
    assert world.ask_banks() == 0
    late(world)
    types(world, phone, code_now(world))
    assert states(world) == ["rejected"]
    assert "kode bank salah/terlambat" in world.last_sms()


def test_a_code_typed_after_a_wish_goes_first_and_the_wish_is_over_with_it(world: World) -> None:
    phone, code = waiting(world)
    asks_for_another(world, phone)
    types(world, phone, code)
    assert states(world) == ["active"]
    assert code_now_is_none(world)


def code_now_is_none(world: World) -> bool:
    return world.ask_banks() == 0 and sum("mengirim kode" in text for text in world.owed_to("+6281234567890")) == 1
