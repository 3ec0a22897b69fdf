"""The handset in a real browser: a villager enrols key by key, on a bad network too, by mouse and by keyboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import DESK, PHONE, Visit, served
from tests.people import BUDI_PHONE, GOOD, PIN, SITI_NIK, SITI_PHONE, SUKAMAJU, enrol
from tests.world import World

pytestmark = pytest.mark.xdist_group("browser")
# Where each letter stands: its key, and how often that is pressed.
RINGS = {"2": "abc", "3": "def", "4": "ghi", "5": "jkl", "6": "mno", "7": "pqrs", "8": "tuv", "9": "wxyz", "0": " "}
LETTERS = {letter: (key, at) for key, ring in RINGS.items() for at, letter in enumerate(ring, 1)}


@pytest.fixture
def visit(world: World, chromium: Browser) -> Iterator[Visit]:
    with served(world.app, chromium) as site:
        visit = site.open()
        visit.go("/")
        yield visit
        assert visit.complaints == [], "the browser found fault with the page"
        visit.close()


def keys(page: Page, pressed: str) -> None:
    for key in pressed:
        page.click(f"[data-key='{key}']")


def letters(page: Page, words: str) -> None:
    """By multi-tap; two of one key in a row wait until the phone takes them for two."""
    before = ""
    for letter in words.lower():
        key, times = LETTERS[letter]
        if key == before:
            page.clock.fast_forward(1300)
        for _ in range(times):
            page.click(f"[data-key='{key}']")
        before = key


def send(page: Page, says: str) -> None:
    page.click("[data-act=call]")
    expect(page.locator("#screen")).to_contain_text(says)


def test_a_villager_enrols_key_by_key(world: World, visit: Visit) -> None:
    page = visit.page
    page.clock.install()
    page.clock.resume()
    keys(page, world.ports.settings.USSD_CODE)
    send(page, "1. Daftar")
    keys(page, "1")
    send(page, "NIK")
    keys(page, SITI_NIK)
    send(page, "nama")
    page.click("[data-key='#']")
    expect(page.locator("#mode")).to_have_text("abc")
    letters(page, "abba")
    expect(page.locator("#typed")).to_have_text("abba")
    for _ in "abba":
        page.click("[data-act=clear]")
    letters(page, "siti rahmawati")
    expect(page.locator("#typed")).to_have_text("siti rahmawati")
    page.click("[data-act=call]")
    page.click("[data-key='#']")
    for typed in ("4", SUKAMAJU, "1", "1", "2", PIN, PIN):
        expect(page.locator("#screen")).not_to_have_text("...")
        keys(page, typed)
        page.click("[data-act=call]")
    screen = page.locator("#screen")
    expect(screen).not_to_have_text("...")
    while "98" in screen.inner_text():
        keys(page, "98")
        page.click("[data-act=call]")
        expect(screen).not_to_have_text("...")
    keys(page, "1")
    page.click("[data-act=call]")
    expect(page.locator("#did")).to_contain_text("SITI RAHMAWATI")
    expect(page.locator("#did")).to_contain_text("submitted")
    world.send_sms()
    expect(page.locator("#inbox li").first).to_contain_text("LATIHAN")
    assert world.one("SELECT state FROM memberships") == "submitted"


def test_the_keyboard_does_what_the_keys_do(world: World, visit: Visit) -> None:
    page = visit.page
    page.locator("#screen").focus()
    page.keyboard.type(world.ports.settings.USSD_CODE)
    page.keyboard.press("Enter")
    expect(page.locator("#screen")).to_contain_text("1. Daftar")
    page.keyboard.type("12")
    page.keyboard.press("Backspace")
    expect(page.locator("#typed")).to_have_text("1")
    page.keyboard.press("Enter")
    expect(page.locator("#screen")).to_contain_text("NIK")
    page.keyboard.press("Escape")
    expect(page.locator("#screen")).to_have_text("Panggilan ditutup.")


def test_each_villager_has_a_call_of_their_own(world: World, visit: Visit) -> None:
    enrol(world.phone(SITI_PHONE))
    page = visit.page
    keys(page, world.ports.settings.USSD_CODE)
    send(page, "Autodebit")
    page.select_option("#villager", label=f"Budi Santoso {BUDI_PHONE}")
    send(page, "1. Daftar")
    expect(page.locator("#did")).to_have_text("Nomor ini belum dikenal.")
    page.select_option("#villager", index=0)
    expect(page.locator("#screen")).to_contain_text("Autodebit")
    expect(page.locator("#did")).to_contain_text("SITI RAHMAWATI")


def test_a_network_that_fails_drops_the_call_and_the_next_one_takes_it_up(world: World, visit: Visit) -> None:
    page = visit.page
    send(page, "1. Daftar")
    keys(page, "1")
    send(page, "NIK")
    keys(page, SITI_NIK)
    page.select_option("#network", "lost")
    send(page, "Panggilan putus")
    page.select_option("#network", "none")
    send(page, "Panggilan putus")
    page.select_option("#network", "good")
    send(page, "Lanjut")


def test_a_call_that_was_hung_up_says_nothing_more(world: World, visit: Visit) -> None:
    page = visit.page
    page.select_option("#network", "slow")
    page.click("[data-act=call]")
    expect(page.locator("#screen")).to_have_text("...")
    page.click("[data-act=end]")
    page.select_option("#network", "good")
    with page.expect_response("**/ussd/africastalking"):
        pass
    expect(page.locator("#screen")).to_have_text("Panggilan ditutup.")


def test_an_sms_goes_out_and_its_answer_comes_in(world: World, visit: Visit) -> None:
    page = visit.page
    page.fill("#words", "BANTUAN")
    page.select_option("#network", "none")
    page.click("#sms button")
    expect(page.locator("#words")).to_have_value("BANTUAN")
    page.select_option("#network", "good")
    page.click("#sms button")
    expect(page.locator("#words")).to_have_value("")


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_the_page_is_fit_for_all(world: World, visit: Visit, viewport: dict[str, int]) -> None:
    enrol(world.phone(SITI_PHONE))
    visit.page.set_viewport_size({"width": viewport["width"], "height": viewport["height"]})
    expect(visit.page.locator("#did")).to_contain_text("SITI RAHMAWATI")
    assert visit.faults() == []
    assert visit.overflow() <= 0


def test_what_the_system_did_is_told_of_one_number(world: World) -> None:
    client = world.app.test_client()
    assert client.get("/sandbox/did", query_string={"to": SITI_PHONE}).get_json() == []
    phone = world.phone(SITI_PHONE)
    enrol(phone)
    world.exchange()
    (siti,) = client.get("/sandbox/did", query_string={"to": SITI_PHONE}).get_json()
    assert siti["title"].startswith("SITI RAHMAWATI (")
    assert ["Kepesertaan", "verified"] in siti["facts"]
    assert SITI_NIK not in str(siti)
    assert GOOD not in str(siti)
    assert client.get("/sandbox/did?to=nobody").status_code == 400
    assert client.get("/sandbox/handset/routes.py").status_code == 404
