"""The words of the console's pages, a file a language; unlike `texts` no phone shows them, so they need not fit."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

_FOLDER = Path(__file__).parent / "words"
LANGUAGES = ("id", "en")


def _flat(table: Mapping[str, object], before: str = "") -> dict[str, str]:
    found = dict[str, str]()
    for key, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{before}{key}.")
        else:
            assert isinstance(value, str), f"{before}{key} is no text"
            found[before + key] = value
    return found


def load_words() -> Mapping[str, Mapping[str, str]]:
    """By language, then by `table.key`."""
    return {name: _flat(tomllib.loads((_FOLDER / f"{name}.toml").read_text())) for name in LANGUAGES}


class Words:
    """Raises KeyError for a word that no file has: a page never shows a key in place of a word."""

    def __init__(self) -> None:
        self._words = load_words()

    def say(self, language: str, key: str, facts: Mapping[str, object]) -> str:
        return self._words[language][key].format(**facts)
