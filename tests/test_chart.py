"""docs/menu.md is drawn from the menu and never stale; the ways that have to be short are counted from it."""

import re
from dataclasses import replace

import pytest

from tests.people import PIN, enrol
from tests.world import World
from texts import Texts, load_texts
from ussd.chart import PAGE, chart, edges, page, part_of, parts
from ussd.menu import MENU
from ussd.ways import WAYS, NoWay, Way, counted


@pytest.fixture(scope="module")
def texts() -> Texts:
    return load_texts(sandbox=True)


def test_the_page_is_as_the_menu_is(texts: Texts) -> None:
    assert PAGE.read_text() == page(texts), "docs/menu.md is stale: `make menu` draws it anew"


def test_every_screen_stands_in_one_part_and_every_way_is_drawn(texts: Texts) -> None:
    drawn = {part: list(chart(texts, part)) for part in parts()}
    for name, screen in MENU.items():
        mine = name.replace(".", "_")
        stands = [part for part, lines in drawn.items() if any(re.match(rf"    {mine}[\[({{]", line) for line in lines)]
        assert stands == [part_of(name)], name
        for edge in edges(screen):
            to = edge.to.replace(".", "_")
            arrow = "-.->" if edge.refusal else "-->"
            way = rf'    {mine} {re.escape(arrow)}(\|".*"\|)? (to_)?{to}'
            assert any(re.fullmatch(way, line) for line in drawn[stands[0]]), (name, edge)


def test_a_screen_of_no_named_part_has_a_part_of_its_own() -> None:
    assert part_of("other.screen") == "other"
    assert part_of("mandate.pay_pin") == "Paying now"
    assert part_of("mandate.done") == "Autodebit"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.title)
def test_the_ways_that_have_to_be_short_are(texts: Texts, way: Way) -> None:
    count = counted(texts, way)
    assert count.screens <= way.screens_max, way.title
    assert way.keys_max is None or count.keys <= way.keys_max, way.title


def test_the_count_is_what_a_caller_walks(world: World, texts: Texts) -> None:
    """Dialled, counted hop by hop: pages with today's data are no more than with the longest."""
    phone = world.phone()
    enrol(phone)
    count = counted(texts, replace(WAYS[0], aside=frozenset()))
    # The helper types another village's code, which is a screen more than picking one.
    assert len(phone.calls) <= count.pages + 1
    assert len([pressed for pressed, _ in phone.calls if pressed != "98"]) == count.screens + 1
    phone.calls.clear()
    phone.dial()
    assert "Iuran lewat kami" in phone.press("3", PIN)
    assert len(phone.calls) == counted(texts, WAYS[2]).screens


def test_a_way_that_is_no_more_is_an_error(texts: Texts) -> None:
    with pytest.raises(NoWay):
        counted(texts, Way("", "enrol.done", 1, start="help"))
