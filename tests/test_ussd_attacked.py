"""What an attacker found in the calls: ended ones, dropped ones, names; each stays mended."""

import pytest

from tests.people import (
    PIN,
    SITI,
    SITI_NIK,
    SUKAMAJU,
)
from tests.world import World


def test_an_answer_after_three_wrong_ones_ended_the_call_agrees_to_nothing(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)
    phone.read_on()
    phone.press("9", "9", "9")
    assert not phone.live
    assert "terputus" in phone.press("1")
    assert world.one("SELECT count(*) FROM workers") == 0


def test_going_back_from_the_question_of_a_dropped_call_leads_past_no_question(world: World) -> None:
    phone = world.phone()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1")
    phone.drop()
    assert "Kembali" not in phone.dial()
    assert "Pilih angka" in phone.press("0")
    phone.press("1", "0", "0", "0", "0")
    phone.drop()
    phone.dial()
    assert "nama lengkap" in phone.press("1"), "where it was dropped, not where it was dropped before"


@pytest.mark.parametrize("name", ["Budi {x}", "Budi<b>", "B€€€", "Budi;DROP", "A[[[", "Siti\\n"])
def test_what_no_name_holds_is_refused(world: World, name: str) -> None:
    phone = world.phone()
    phone.dial()
    assert "dengan huruf" in phone.press("1", SITI_NIK, name)


def test_a_name_that_grows_in_capitals_is_measured_in_capitals(world: World) -> None:
    phone = world.phone()
    phone.dial()
    assert "terlalu panjang" in phone.press("1", SITI_NIK, "ß" * 60)
