"""A village dialled behind the code is filled in; rubbish there is named in one line, and never agrees or acts."""

import pytest

from handset.phone import Phone
from tests.people import PIN, SITI, SITI_NIK, SUKAMAJU
from tests.world import World
from ussd.dialled import beyond, straight_to
from ussd.menu import MENU


def dial(phone: Phone, beyond_code: str) -> str:
    """As a gateway that delivers the rest in the text does; the handset's own dial brings none."""
    phone.session, phone.typed = f"ATUid_{len(phone.calls)}", beyond_code
    return phone._hop(beyond_code)


def short_code(world: World, village: str) -> str:
    return str(world.one("SELECT short_code FROM villages WHERE code = :code", code=village))


@pytest.mark.parametrize("village", ["3599012001", "3599011003"])
def test_a_dialled_village_is_shown_and_not_asked_for(world: World, village: str) -> None:
    phone = world.phone()
    name = world.one("SELECT name FROM villages WHERE code = :code", code=village)
    shown = dial(phone, short_code(world, village))
    assert shown.startswith(f"LATIHAN Desa: {name}\nBPJS Ketenagakerjaan")
    assert "Pekerjaan utama" in phone.press("1", SITI_NIK, SITI)
    phone.press("1", "1", "1", PIN, PIN)
    phone.read_on()
    assert "Data dikirim" in phone.press("1")
    assert world.one("SELECT village_code FROM workers") == village


def test_keys_after_the_village_are_walked_and_no_question_is_answered(world: World) -> None:
    phone = world.phone()
    assert "Ketik NIK" in dial(phone, f"{SUKAMAJU}*1*{SITI_NIK}")
    assert "nama lengkap" in phone.press(SITI_NIK)


def test_who_wants_another_village_than_the_dialled_one_is_asked(world: World) -> None:
    phone = world.phone()
    dial(phone, SUKAMAJU)
    phone.press("1", SITI_NIK, SITI, "1", "1", "1", PIN, PIN)
    phone.read_on()
    phone.press("2", SITI_NIK, SITI)
    assert "Desa/kelurahan Anda?" in phone.screen
    phone.press("1", "1", "1", "1", PIN, PIN)
    phone.read_on()
    phone.press("1")
    picked = world.one("SELECT village_code FROM workers")
    assert picked == world.one("SELECT code FROM villages WHERE code LIKE '359901%' ORDER BY name LIMIT 1")
    assert picked != "3599012001"


def test_the_dialled_village_outlives_a_dropped_call(world: World) -> None:
    phone = world.phone()
    dial(phone, SUKAMAJU)
    phone.press("1", SITI_NIK)
    phone.drop()
    phone.dial()
    assert "nama lengkap" in phone.press("1")
    assert "Pekerjaan utama" in phone.press(SITI)


@pytest.mark.parametrize(
    "rubbish", ["35014", "99999", "350139999", "abc", "-1", "😀", "3501", "%00", "8", "35013'--", "٣٥٠١٣", "35013 1*1"]
)
def test_rubbish_behind_the_code_is_named_in_one_line_and_left(world: World, rubbish: str) -> None:
    phone = world.phone()
    shown = dial(phone, rubbish)
    assert shown.startswith("LATIHAN Kode desa tidak dikenal.\nBPJS Ketenagakerjaan")
    assert "Ketik NIK" in phone.press("1")
    assert "Kode desa" not in phone.screen
    assert "Desa/kelurahan" in phone.press(SITI_NIK, SITI)


def test_the_rest_may_come_in_the_service_code_or_not_at_all(world: World) -> None:
    phone = world.phone()
    phone.code = f"*500*73*{SUKAMAJU}#"
    assert "Desa: Sukamaju Jaya" in phone.dial()
    assert "Pekerjaan utama" in phone.press("1", SITI_NIK, SITI)
    phone.code = "*500*73#"
    phone.press("00")
    assert "Desa" not in phone.dial()


@pytest.mark.parametrize(
    ("service_code", "rest"),
    [
        ("*500*73#", ()),
        ("*500*73*35013#", ("35013",)),
        ("*500*73*35013*1#", ("35013", "1")),
        ("*500*73*#", ("",)),
        ("*500*7#", None),
        ("*500*735#", None),
        ("*500*73*35013", None),
        ("", None),
    ],
)
def test_only_our_own_code_has_something_behind_it(service_code: str, rest: tuple[str, ...] | None) -> None:
    assert beyond(service_code, "*500*73#") == rest
    assert beyond(service_code, "") in (None, ())


def test_what_a_slip_says_to_dial_begins_behind_the_first_menu(world: World) -> None:
    code = straight_to(MENU, "*500*73#", "enrol")
    assert code == "*500*73*1#"
    assert "Ketik NIK" in world.phone(code=code).dial()
