"""The menu as a graph: every way leads somewhere, every screen is reached, has its words and fits a phone."""

import hashlib
from collections.abc import Iterator

import pytest

from texts import Texts, load_texts
from texts.longest import COMPOSED, LONGEST
from units.gsm import SCREEN_SEPTETS_MAX, septets, to_gsm
from ussd.caller import HELD, PROVE
from ussd.journey import MENU_VERSION, RESUME, START
from ussd.menu import MENU
from ussd.page import Around, cut_screen, page_text
from ussd.screens import Ask, Do, End, Fork, Menu, Pick, Screen

# The most lines a Pick can have on one screen, each as long as the longest choice: a bank, a village, an income.
LONGEST_CHOICE = "W" * 26
CHOICES_TRIED = 27


def leads_to(screen: Screen) -> Iterator[str]:
    match screen:
        case Menu():
            yield from screen.options.values()
        case Pick():
            yield screen.then
            yield from screen.goes.values()
            yield from (screen.none,) if screen.none else ()
        case Ask() | Do():
            yield screen.then
            yield from screen.unless.values()
            yield from screen.repeats.values() if isinstance(screen, Do) else ()
        case Fork():
            yield from screen.to.values()


def test_every_way_leads_to_a_screen() -> None:
    missing = {(name, to) for name, screen in MENU.items() for to in leads_to(screen) if to not in MENU}
    assert missing == set()


def test_every_screen_is_reached_from_the_start() -> None:
    reached, waiting = set[str](), [START, RESUME, PROVE, HELD]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += leads_to(MENU[name])
    assert reached == set(MENU)


@pytest.fixture(scope="module")
def texts() -> Texts:
    return load_texts(sandbox=True)


def test_every_screen_with_words_has_them_and_no_words_are_left_over(texts: Texts) -> None:
    assert texts.screens == {name for name, screen in MENU.items() if not isinstance(screen, Do | Fork)}


def test_the_options_of_every_menu_have_their_labels(texts: Texts) -> None:
    for language in texts.languages:
        for name, screen in MENU.items():
            if isinstance(screen, Menu):
                assert list(texts.screen(name, language, LONGEST).options) == list(screen.options), (language, name)


def lines_of(texts: Texts, name: str, screen: Screen, language: str) -> tuple[str, list[str]]:
    words = texts.screen(name, language, LONGEST)
    labels = list(words.options.values())
    if isinstance(screen, Pick):
        labels = [LONGEST_CHOICE] * CHOICES_TRIED
    return words.text, [f"{i}. {to_gsm(label)}" for i, label in enumerate(labels, 1)]


def error_lines(texts: Texts, language: str) -> list[str]:
    prefixes = (
        "wrong.",
        "nik.",
        "name.",
        "village.",
        "account.",
        "harvest.",
        "code.",
        "pin.",
        "phone.",
        "answer_again",
    )
    keys = [key.removeprefix("line/") for key in texts.keys(language) if key.startswith("line/")]
    return ["", *(texts.line(key, language, **LONGEST) for key in keys if key.startswith((*prefixes, "answer_again")))]


@pytest.mark.parametrize("language", sorted(load_texts(sandbox=True).languages))
def test_every_screen_fits_a_phone_with_the_longest_data(texts: Texts, language: str) -> None:
    ways, more = [texts.line("back", language), texts.line("home", language)], texts.line("more", language)
    longest_line = max(error_lines(texts, language), key=septets)
    for name, screen in MENU.items():
        if isinstance(screen, Do | Fork):
            continue
        head, options = lines_of(texts, name, screen, language)
        for line in ("", longest_line):
            around = Around(texts.mark, line, ways, more)
            pages = cut_screen(head, options, around)
            for page in pages:
                assert septets(page_text(page, around)) <= SCREEN_SEPTETS_MAX, (language, name)
            assert pages[-1].options_shown == len(options), "an option was never shown"
            words = " ".join(page.text for page in pages)
            assert all(option in words for option in options)
            if isinstance(screen, End) and not line:
                assert len(pages) == 1, f"{name}: an end has no next page for {language}"


@pytest.mark.parametrize("language", sorted(load_texts(sandbox=True).languages))
def test_what_is_put_into_a_text_stays_within_its_field(texts: Texts, language: str) -> None:
    for field, prefixes in COMPOSED.items():
        for key in texts.keys(language):
            kind, _, name = key.partition("/")
            if kind in ("line", "word") and name.startswith(prefixes) and not name.startswith("status.short"):
                said = texts.line(name, language, **LONGEST) if kind == "line" else texts.word(name, language)
                assert septets(said) <= septets(LONGEST[field]), (language, key, septets(said))


def test_the_last_words_of_a_failed_call_fit_too(texts: Texts) -> None:
    for language in texts.languages:
        for line in ("trouble", "busy", "wrong_code", "bad_request", "foreign", "session_taken", "too_many"):
            assert septets(texts.mark + texts.line(line, language, **LONGEST)) <= SCREEN_SEPTETS_MAX, (language, line)


# By its version a call that was left is taken up on the menu that it was left on.
DRAWN = {7: "8012d3971eb28c92"}


def test_another_menu_has_another_version() -> None:
    drawn = [
        (
            name,
            type(screen).__name__,
            getattr(screen, "answer", ""),
            [*getattr(screen, "options", ())],
            [*leads_to(screen)],
        )
        for name, screen in sorted(MENU.items())
    ]
    digest = hashlib.sha256(repr(drawn).encode()).hexdigest()[:16]
    assert {MENU_VERSION: digest} == DRAWN, "another menu: raise ussd.journey.MENU_VERSION, and say its digest"
