"""The reviewer's sheet: every screen as the phone shows it and every SMS, in each language, marked where unsigned."""

import re
import subprocess
from pathlib import Path

import pytest

from texts import Texts, load_texts
from texts.longest import LONGEST
from units.gsm import SCREEN_SEPTETS_MAX, SMS_SEPTETS_MAX, septets
from ussd.menu import MENU
from ussd.screens import Do, Fork
from ussd.sheet import READABLE, frames, main, sheet

PROJECT = Path(__file__).parent.parent
LANGUAGES = load_texts(sandbox=True).languages
SHOWN = [name for name, screen in MENU.items() if not isinstance(screen, Do | Fork)]


@pytest.fixture(scope="module")
def texts() -> Texts:
    return load_texts(sandbox=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_and_every_sms_stands_in_the_sheet(texts: Texts, language: str) -> None:
    lines = list(sheet(texts, language))
    assert {line.removesuffix(", a consent") for line in lines} >= {*SHOWN, *texts.kinds}
    assert not [line for line in lines if len(line) > 120 and line.startswith("|")]
    for size, most in re.findall(r"(\d+) of (\d+) septets", "\n".join(lines)):
        assert int(most) in (SCREEN_SEPTETS_MAX, SMS_SEPTETS_MAX)
        assert int(size) <= int(most)


def test_a_frame_is_what_the_phone_shows(texts: Texts) -> None:
    first = "LATIHAN Data dipunkirim dhateng BPJS, wangsulanipun lewat SMS. Pasang autodebit sapunika?"
    assert frames(texts, "enrol.done", "jv") == [f"{first}\n1. Inggih\n2. Mangke\n3. Ahli waris\n0 Wangsul 00 Menu"]
    pages = frames(texts, "mandate.consent", "su")
    assert [page.endswith("98 Lajeng") for page in pages] == [True, True, False]
    assert "1. Satuju\n2. Henteu" in pages[-1]


def test_what_is_easier_to_read_is_as_long_as_the_longest() -> None:
    assert {field: septets(value) for field, value in READABLE.items()} == {
        field: septets(LONGEST[field]) for field in READABLE
    }


def test_what_no_native_reader_signed_is_marked_in_the_sheet_and_in_the_readme(texts: Texts) -> None:
    readme = (PROJECT / "README.md").read_text()
    for language in texts.languages:
        about = texts.about(language)
        head = "\n".join(list(sheet(texts, language))[:5])
        assert ("NOT REVIEWED: needs a native reader" in head) is not about.reviewed
        row = about.reviewer if about.reviewed else "**nobody yet: needs a native reader's review**"
        assert f"| `{language}` | {about.name} | {row} |" in readme


def test_make_texts_prints_one_or_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jv"]) == 0
    one = capsys.readouterr().out
    assert one.startswith("Basa Jawa (jv)\n")
    assert "Basa Sunda (su)" not in one
    asked = ["make", "-n", "texts", "TEXTS=su"]
    said = subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, timeout=30, check=True).stdout
    assert "-m ussd.sheet su" in said


def test_an_unknown_language_is_named_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["xx"]) == 2
    assert capsys.readouterr().err == "no language xx: id, en, jv, su\n"
