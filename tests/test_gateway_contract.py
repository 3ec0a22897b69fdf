"""What every gateway's calls have in common: the same turns lead to the same rows and places, however brought."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.gateway_phones import AtHandset, Handset, SmppHandset, handset, linked
from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, GOOD, PIN, SITI, SITI_NIK, SITI_PHONE, SUKAMAJU
from tests.sandboxed import wait_for
from tests.smsc import Smsc
from tests.world import World
from ussd.journey import Journey
from ussd.journeys import Held, Journeys

GATEWAYS = ("africastalking", "hubtel", "smpp")
ENROLLED = ("1", SITI_NIK, SITI, "4", SUKAMAJU, "1", "1", "2", PIN, PIN)

Phones = Callable[..., Handset]


@pytest.fixture(params=GATEWAYS)
def phones(request: pytest.FixtureRequest, world: World) -> Iterator[Phones]:
    """Phones at one gateway."""
    if request.param != "smpp":
        yield lambda number=SITI_PHONE: handset(world, request.param, number, None)
        return
    smsc = Smsc()
    with linked(world, smsc):
        yield lambda number=SITI_PHONE: handset(world, "smpp", number, smsc)
    smsc.close()


def written(world: World) -> dict[str, Any]:
    """All that the calls wrote, without what differs from one time to the next."""
    return {
        "workers": world.rows("SELECT village_code, language FROM workers"),
        "memberships": world.rows("SELECT sector, base_rp, programmes, state FROM memberships"),
        "mandates": world.rows("SELECT bank_code, state, max_amount_rp, day FROM mandates"),
        "consents": world.rows("SELECT kind, channel, text_hash FROM consents ORDER BY kind"),
        "texts": world.owed_to(SITI_PHONE),
    }


def kept_journey(world: World, number: str = SITI_PHONE) -> Journey:
    journeys = Journeys(world.ports.redis, world.ports.keys)
    found: list[Held] = []

    def held() -> bool:
        hold = journeys.hold(world.ports.keys.index("phone", number).hex())
        found.extend([hold] if hold else [])
        return hold is not None

    # A turn that is worked on has it.
    wait_for(held, "the number's place")
    journeys.release(found[0])
    assert found[0].journey is not None
    return found[0].journey


def place(world: World, number: str = SITI_PHONE) -> tuple[str, Any, Any]:
    """Where a number's call stands: screen, answers but for what is hashed anew each time, way back."""
    journey = kept_journey(world, number)
    kept = {name: value for name, value in journey.answers.items() if not name.startswith("pin")}
    return journey.screen, kept, journey.trail


def whole_way(phone: Handset, each: Callable[[Handset], object] = lambda _: None) -> list[str]:
    """Enrolment and mandate, `each` after every hop; the screens."""
    screens = []

    def press(key: str) -> None:
        screens.append(phone.press(key))
        each(phone)

    def read_on() -> None:
        while "98 " in phone.screen.rsplit("\n", 1)[-1]:
            press("98")

    screens.append(phone.dial())
    each(phone)
    for key in ENROLLED:
        press(key)
    read_on()
    for key in ("1", "1", "1", GOOD, "1", "2"):
        press(key)
    read_on()
    for key in ("1", PIN):
        press(key)
    return screens


@pytest.fixture
def expected(world: World) -> tuple[list[str], dict[str, Any]]:
    """The screens and the rows of one undisturbed call by Africa's Talking."""
    screens = whole_way(handset(world, "africastalking", SITI_PHONE, None))
    rows = written(world)
    world.reset()
    return screens, rows


def test_every_turn_is_answered_and_leaves_the_same_rows(world: World, expected: Any, phones: Phones) -> None:
    assert (whole_way(phones()), written(world)) == expected
    assert len(expected[1]["texts"]) >= 2
    assert expected[1]["mandates"] != []


def test_a_turn_that_is_brought_again_is_answered_the_same_and_does_nothing(
    world: World, expected: Any, phones: Phones
) -> None:
    def twice(phone: Handset) -> None:
        shown, live = phone.screen, phone.live
        assert (phone.again(), phone.live) == (shown, live)

    assert (whole_way(phones(), twice), written(world)) == expected


def test_a_turn_that_comes_after_the_one_behind_it_moves_nothing_back(
    world: World, expected: Any, phones: Phones
) -> None:
    def late(phone: Handset) -> None:
        shown = phone.screen
        for hop in range(max(0, len(phone.hops) - 3), len(phone.hops) - 1):
            assert phone.again(hop) == shown

    assert (whole_way(phones(), late), written(world)) == expected


def test_the_same_key_pressed_twice_is_two_answers(phones: Phones) -> None:
    phone = phones()
    phone.dial()
    shown = phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU, "1")
    assert phone.press("1") != shown


def test_an_empty_answer_shows_the_screen_again(phones: Phones) -> None:
    phone = phones()
    phone.dial()
    shown = phone.press("1")
    assert phone.press("") == shown
    assert "nama lengkap" in phone.press(SITI_NIK)


def test_the_confirmation_brought_eight_times_at_once_is_one_worker(world: World, phones: Phones) -> None:
    phone = phones()
    phone.dial()
    phone.press(*ENROLLED)
    phone.read_on()
    rows = "SELECT count(*) FROM workers"
    if isinstance(phone, SmppHandset):
        # One connection brings them one by one, without waiting for an answer.
        smsc, to = phone.smsc, SITI_PHONE.removeprefix("+")
        before = smsc.count(to)
        smsc.send(phone.pdu(18, "1") * 8)
        smsc.wait(lambda: smsc.responses[-8:] == [smsc.responses[-1]] * 8, "eight responses")
        smsc.wait(lambda: smsc.count(to) > before, "an answer")
        assert "dikirim ke BPJS" in smsc.answers(to)[-1].text
        assert {answer.text for answer in smsc.answers(to)[before:]} == {smsc.answers(to)[-1].text}
        assert world.one(rows) == 1
        return
    screen = phone.press("1")
    assert "dikirim ke BPJS" in screen
    shown: list[str] = []
    threads = [threading.Thread(target=lambda: shown.append(phone.again())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown == [screen] * 8
    assert world.one(rows) == 1


def test_a_call_that_was_cut_is_taken_up_where_it_stopped(world: World, phones: Phones) -> None:
    phone = phones()
    phone.dial()
    phone.press("1", SITI_NIK, SITI, "4", SUKAMAJU)
    kept = place(world)
    phone.drop()
    assert "terputus. Lanjut daftar" in phone.dial()
    assert "Pekerjaan" in phone.press("1")
    assert place(world) == kept


def test_a_call_whose_end_is_told_keeps_its_place_and_not_its_secrets(world: World, phones: Phones) -> None:
    phone = phones()
    phone.dial()
    phone.press(*ENROLLED)
    heard = len(phone.calls)
    if phone.hang_up():
        wait_for(lambda: kept_journey(world).reply_end, "the end to be heard")
        journey = kept_journey(world)
        assert (journey.secrets, "pin" in journey.answers) == ((), False)
    assert len(phone.calls) == heard, "nothing is answered"
    if isinstance(phone, SmppHandset):
        assert phone.smsc.count(SITI_PHONE.removeprefix("+")) == heard
    assert "terputus. Lanjut daftar" in phone.dial()
    assert "Buat PIN" in phone.press("1")
    assert world.one("SELECT count(*) FROM workers") == 0


def test_an_answer_after_the_end_was_told_agrees_to_nothing(world: World, phones: Phones) -> None:
    phone = phones()
    phone.dial()
    phone.press(*ENROLLED)
    phone.read_on()
    if phone.hang_up():
        wait_for(lambda: kept_journey(world).reply_end, "the end to be heard")
        assert "terputus. Lanjut daftar" in phone.press("1")
        assert world.one("SELECT count(*) FROM workers") == 0


def test_a_hop_of_the_old_call_after_the_redial_does_nothing(world: World, phones: Phones) -> None:
    phone = phones()
    phone.dial()
    phone.press(*ENROLLED)
    phone.read_on()
    old = phone.as_other(SITI_PHONE)
    phone.drop()
    phone.dial()
    old.press("1")
    assert world.one("SELECT count(*) FROM workers") == 0
    assert "terputus. Lanjut daftar" in phone.press("")
    assert "Buat PIN" in phone.press("1")


def test_a_foreign_number_is_told_where_to_go(world: World, phones: Phones) -> None:
    phone = phones("+254700000001")
    assert "bukan nomor HP Indonesia" in phone.dial()
    assert not phone.live
    assert world.ports.redis.keys() == []


def test_another_code_is_turned_away(world: World, phones: Phones) -> None:
    phone = phones()
    phone.code = "*999#"
    assert "tidak dikenal" in phone.dial("*999#")
    assert not phone.live
    assert world.ports.redis.keys() == []


def test_another_number_on_a_session_sees_and_moves_nothing_of_it(world: World, phones: Phones) -> None:
    phone = phones()
    phone.dial()
    phone.press("1", SITI_NIK)
    kept = place(world)
    other = phone.as_other(BUDI_PHONE)
    seen = other.press(SITI) + other.again()
    assert not any(own in seen for own in ("Desa", "nama lengkap", SITI_NIK))
    assert place(world) == kept
    assert "Desa/kelurahan" in phone.press(SITI)


def test_two_numbers_call_at_once_and_neither_hears_the_other(world: World, phones: Phones) -> None:
    siti, budi = phones(), phones(BUDI_PHONE)
    siti.dial(), budi.dial()
    siti.press("1", SITI_NIK)
    budi.press("1", BUDI_NIK, BUDI)
    assert place(world)[0] == "enrol.name"
    assert place(world, BUDI_PHONE)[0] == "enrol.village_pick"


def test_what_is_dialled_beyond_the_code_is_walked_through_plain_menus_only(phones: Phones) -> None:
    assert "Ketik NIK" in phones().dial("*500*73*1#")
    assert "Ketik NIK" in phones(BUDI_PHONE).dial(f"*500*73*1*{BUDI_NIK}#")


def test_an_answer_to_a_call_that_we_lost_answers_no_other_screen(world: World, phones: Phones) -> None:
    phone = phones()
    phone.dial()
    phone.press("1", SITI_NIK)
    world.ports.redis.flushdb()
    # All that was typed is walked as far as plain menus go; a key alone answered a screen that is gone.
    assert ("Ketik NIK" if isinstance(phone, AtHandset) else "1. Daftar") in phone.press("1")
