"""The console's words: the same in both languages, every one used, and none missing where a page asks for it."""

import re
import string
from collections.abc import Iterable
from pathlib import Path

import pytest

from autodebit.decide import OUTCOMES
from console.today import RUNBOOK
from console.words import load_words
from insurance.cover import CoverState
from models import (
    AttemptState,
    MandateState,
    MembershipState,
    MessageState,
    MonthState,
    Role,
    RunState,
    TicketKind,
    WorkKind,
    WorkState,
)
from models.heir import RELATIONS
from models.membership import SECTORS
from tests.console_desk import Console

ROOT = Path(__file__).parent.parent / "console"
# Words whose key is put together while a page is made, by what they begin with.
MADE = (
    *("menu.", "role.", "error.", "alarm.", "group.", "lane.", "run.", "today.age", "member.", "cover.", "month."),
    *(
        "attempt.",
        "mandate.",
        "message.",
        "consent.",
        "ticket.",
        "sector.",
        "relation.",
        "payer.",
        "people.reset_",
        "erasure.",
        "people.not_",
        "regions.bad_",
        "staff.bad_",
        "prices.",
        "work.",
        "workstate.",
        "decision.",
        "months.is_",
        "reports.",
    ),
)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_words_and_fields() -> None:
    words = load_words()
    assert words["id"].keys() == words["en"].keys()
    for key, text in words["id"].items():
        assert fields(text) == fields(words["en"][key]), key


def test_every_word_is_asked_for_and_every_asked_word_is_there() -> None:
    keys = load_words()["id"].keys()
    sources = " ".join(path.read_text() for path in [*ROOT.rglob("*.html"), *ROOT.rglob("*.py")])
    spoken = set(re.findall(r"""\bt\(\s*["']([a-z_]+\.[a-z0-9_]+)["']""", sources))
    assert spoken - keys - set(MADE) == set()
    # Handed on first and spoken later.
    spoken |= set(re.findall(r"""["']([a-z_]+\.[a-z0-9_]+)["']""", sources))
    assert {key for key in keys if key not in spoken and not key.startswith(MADE)} == set()


@pytest.mark.parametrize(
    ("table", "states"),
    [
        ("role", Role),
        ("member", MembershipState),
        ("cover", CoverState),
        ("month", MonthState),
        ("attempt", AttemptState),
        ("mandate", MandateState),
        ("message", MessageState),
        ("ticket", TicketKind),
        ("run", RunState),
        ("work", WorkKind),
        ("workstate", WorkState),
        ("decision", OUTCOMES),
        ("sector", SECTORS),
        ("relation", RELATIONS),
        ("alarm", RUNBOOK),
    ],
)
def test_every_state_that_a_page_may_show_has_its_word(table: str, states: Iterable[str]) -> None:
    found = {key.partition(".")[2] for key in load_words()["id"] if key.startswith(f"{table}.")}
    assert found == {str(state) for state in states}


def test_an_operator_chooses_the_language_and_it_is_kept(console: Console) -> None:
    stranger = console.browser("")
    assert 'lang="id"' in stranger.get("/login").get_data(as_text=True)
    stranger.post("/language", page="/login", language="en")
    assert "Log in" in stranger.get("/login").get_data(as_text=True)
    desk = console.desk(Role.VIEWER)
    desk.post("/language", page="/", language="en")
    desk.post("/language", page="/", language="xx")
    assert "Log out" in desk.get("/").get_data(as_text=True)
    desk.post("/logout", page="/")
    desk.log_in()
    assert "Log out" in desk.get("/").get_data(as_text=True)
