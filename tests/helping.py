"""A village's helper and the people he invites: steps that the tests of invitations share."""

import re
from datetime import date

from handset.phone import Phone
from insurance.helpers import set_helper
from tests.people import BUDI_PHONE, PIN, SITI, SITI_NIK, SITI_PHONE
from tests.world import World

HELPER_PHONE = "+6281200000077"
VILLAGE = "3599012001"
UNTIL = date(2027, 12, 31)
STRANGER = BUDI_PHONE


def make_helper(world: World, phone: str = HELPER_PHONE, village: str = VILLAGE, until: date = UNTIL) -> Phone:
    with world.ports.transaction() as work:
        set_helper(work, village, phone, "Pak Joko", "officer", until)
    return world.phone(phone)


def invite(helper: Phone, nik: str = SITI_NIK, name: str = SITI, member: str = SITI_PHONE, *, sector: str = "1") -> str:
    """The last screen of an invitation: farmer, the lowest income, two programmes."""
    helper.dial()
    helper.press("5", "3", nik, name, sector, "1", "1", member)
    helper.read_on()
    return helper.press("1")


def code_for(world: World, number: str = SITI_PHONE) -> str:
    """The one-time code in the last SMS that asks this number."""
    asked = [text for text in world.owed_to(number) if " ajak " in text]
    found = re.search(r"(?:YA|ketik) (\d{6})", asked[-1])
    assert found is not None
    return found[1]


def other_code(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def say_yes_by_phone(phone: Phone, code: str) -> str:
    """Code, PIN, PIN, and the yes to the price."""
    phone.dial()
    phone.press("1", code, PIN, PIN)
    phone.read_on()
    return phone.press("1")


def states(world: World) -> list[str]:
    return [state for (state,) in world.rows("SELECT state FROM invitations ORDER BY id")]
