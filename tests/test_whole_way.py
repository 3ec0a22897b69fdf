"""One worker's whole way, through HTTP in the gateway's own dialect: enrol, authorise, debit, receipts, balance."""

from datetime import date

from handset.phone import Phone
from tests.world import World

NIK = "3599014503850007"  # Invented: a woman born 05-03-1985 in a district that does not exist.
PIN = "274913"
ACCOUNT = "1140012345"


def enrol(phone: Phone, nik: str = NIK, name: str = "Siti Rahmawati") -> str:
    phone.dial()
    phone.press("1", nik, name)
    phone.press("4")  # another village, by its code
    phone.press("35013", "1", "1", "2", PIN, PIN)
    phone.read_on()
    return phone.press("1")


def authorise(phone: Phone, account: str = ACCOUNT) -> str:
    phone.dial()
    phone.press("2", "1", account, "1", "2")
    phone.read_on()
    phone.press("1")
    return phone.press(PIN)


def test_the_whole_way_from_dial_to_protected(world: World) -> None:
    phone = world.phone()
    assert "SMS" in enrol(phone)
    print(phone.transcript)
    world.exchange()
    print(authorise(phone))
    world.ask_banks()
    world.collect()
    world.exchange()
    world.send_sms()
    print("\n".join(world.sandbox.inbox(phone.number)))
    assert world.one("SELECT count(*) FROM months WHERE state = 'covered'") == 1
    assert date(2026, 11, 1)
