"""Where a screen that is too long for a phone is cut: nothing is lost, and no amount is torn from what it is for."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.people import GOOD, enrol
from tests.world import World
from ussd.page import Around, cut, cut_screen

CONSENT = (
    "Saya setuju Bank Jatim ***2345 didebit Rp28.400 utk iuran Nov 2026 begitu bank setuju, lalu tiap tgl 5. "
    "Mulai Jan 2027: Rp36.800. Maks Rp36.800/bln. Bisa dibatalkan kapan saja."
)
AROUND = Around("LATIHAN ", "", ["0 Kembali", "00 Menu"], "98 Lanjut")


def test_a_consent_is_cut_between_its_sentences() -> None:
    first, last = cut_screen(CONSENT, ["1. Setuju", "2. Tidak"], AROUND)
    assert first.text.endswith("lalu tiap tgl 5.")
    assert last.text.startswith("Mulai Jan 2027: Rp36.800.")


def test_where_a_sentence_is_too_long_no_amount_and_no_year_stands_alone() -> None:
    for room in range(30, 60):
        for page in cut(CONSENT.replace(". ", ", "), [], room, room)[1:]:
            assert not re.match(r"Rp|[0-9]", page.text), (room, page.text)


def test_sentences_cost_no_page() -> None:
    head = "Satu. Dua tiga empat lima enam."
    assert [page.text for page in cut(head, [], 16, 16)] == ["Satu. Dua tiga", "empat lima enam."]
    assert [page.text for page in cut("Satu dua. Tiga empat lima.", [], 17, 17)] == ["Satu dua.", "Tiga empat lima."]


@given(st.lists(st.sampled_from(["Rp28.400", "2027", "Mulai", "tgl", "5.", "bank?", "a", "iuran"]), min_size=1))
def test_no_word_is_lost_and_none_comes_twice(words: list[str]) -> None:
    pages = cut(" ".join(words), ["1. Ya"], 60, 50)
    assert " ".join(page.text for page in pages).split() == [*words, "1.", "Ya"]
    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]


def test_what_is_agreed_to_by_phone_is_read_without_a_torn_price(world: World) -> None:
    phone = world.phone()
    enrol(phone)
    phone.dial()
    shown = phone.press("2", "1", GOOD, "1", "2")
    assert "tgl 5.\n" in shown
    assert "Mulai Jan 2027: Rp36.800" in phone.press("98")
