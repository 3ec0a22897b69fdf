"""Every word a person sees: one TOML a language, checked when it is loaded; holds no rule and reads no row."""

import hashlib
import string
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from texts.longest import LONGEST
from units.gsm import SMS_SEPTETS_MAX, NotGsm, septets

FIRST_LANGUAGE = "id"
# Ruling 10: every text of the sandbox is marked, and the mark counts.
SANDBOX_MARK = "LATIHAN "

Facts = Mapping[str, str]


class BadTexts(Exception):
    """A language lacks a key or a {field}, leaves GSM 03.38 or does not fit; names every such place at once."""


class TooLong(Exception):
    """An SMS does not fit 160 septets with these facts; says which kind, never its words."""


@dataclass(frozen=True)
class Words:
    """A screen's own text and its options' labels, facts filled in."""

    text: str
    options: Mapping[str, str]


@dataclass(frozen=True)
class Language:
    """What a language's file says of itself: how its speakers call it, and whether a native reader signed it."""

    name: str = ""
    reviewed: bool = False
    reviewer: str = ""
    reviewed_on: date | None = None

    @property
    def problem(self) -> str:
        if not self.name:
            return "its name is missing"
        if self.reviewed and not (self.reviewer and self.reviewed_on):
            return "reviewed, but not by whom and when"
        return ""


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def _flat(table: Mapping[str, object], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{key}/")
        else:
            yield f"{path}{key}", str(value)


def _screens(table: Mapping[str, str]) -> dict[str, tuple[Words, bool]]:
    """Every screen's words as they stand in the file, and whether they have no place for a fact."""
    found: dict[str, dict[str, str]] = {}
    for key, template in table.items():
        kind, *path = key.split("/")
        if kind == "screen":
            found.setdefault(path[0], {})[path[-1] if path[1] == "options" else ""] = template
    return {
        name: (Words(words.pop("", ""), words), not any("{" in part for part in parts))
        for name, words in found.items()
        if (parts := list(words.values()))
    }


class Texts:
    """All languages. A key is `screen/main/text`, `screen/main/options/enrol`, `line/...`, `sms/...` or `word/...`."""

    def __init__(
        self, tables: Mapping[str, Mapping[str, str]], languages: Mapping[str, Language], *, sandbox: bool
    ) -> None:
        self._tables, self._languages = tables, languages
        self.mark = SANDBOX_MARK if sandbox else ""
        self._screens = {language: _screens(table) for language, table in tables.items()}
        # Rulings 14: what no native reader signed is for trying only.
        self._offered = tuple(language for language in tables if sandbox or languages[language].reviewed)
        problems = sorted(self._problems())
        if problems:
            raise BadTexts("\n".join(["Texts that need a hand:", *(f"  {line}" for line in problems)]))

    @property
    def languages(self) -> tuple[str, ...]:
        """All that were loaded and checked, `id` first."""
        return tuple(self._tables)

    @property
    def offered(self) -> tuple[str, ...]:
        """Those a person may choose here."""
        return self._offered

    def about(self, language: str) -> Language:
        return self._languages[language]

    def spoken(self, language: str) -> str:
        """`language` where it is offered, else Indonesian: a choice outlives the file it was made from."""
        return language if language in self._offered else FIRST_LANGUAGE

    def binding(self, language: str) -> str:
        """The language a consent is shown and kept in: never one that no native reader signed (rulings 14)."""
        return language if language in self._tables and self._languages[language].reviewed else FIRST_LANGUAGE

    @property
    def screens(self) -> set[str]:
        return {key.split("/")[1] for key in self._tables[FIRST_LANGUAGE] if key.startswith("screen/")}

    @property
    def kinds(self) -> set[str]:
        return {key.split("/")[1] for key in self._tables[FIRST_LANGUAGE] if key.startswith("sms/")}

    def keys(self, language: str) -> set[str]:
        return set(self._tables[language])

    def screen(self, name: str, language: str, facts: Facts) -> Words:
        words, fixed = self._screens[self.spoken(language)][name]
        if fixed:
            return words
        return Words(
            words.text.format_map(facts), {option: label.format_map(facts) for option, label in words.options.items()}
        )

    def line(self, name: str, language: str, /, **facts: str) -> str:
        template = self._tables[self.spoken(language)][f"line/{name}"]
        return template.format_map(facts) if "{" in template else template

    def word(self, name: str, language: str) -> str:
        return self._tables[self.spoken(language)][f"word/{name}"]

    def sms(self, kind: str, language: str, facts: Facts) -> str:
        """One SMS, the sandbox's mark in front. Raises TooLong where it leaves one part."""
        text = self.mark + self._tables[self.spoken(language)][f"sms/{kind}"].format_map(facts)
        if septets(text) > SMS_SEPTETS_MAX:
            raise TooLong(kind)
        return text

    def version(self, name: str, language: str) -> str:
        """Names the wording of a screen with its places still open: the same words, the same version."""
        return self._version(f"screen/{name}/text", language)

    def sms_version(self, kind: str, language: str) -> str:
        """The same of an SMS that is answered with a yes."""
        return self._version(f"sms/{kind}", language)

    def _version(self, key: str, language: str) -> str:
        return hashlib.sha256(self._tables[self.spoken(language)][key].encode()).hexdigest()[:12]

    def _problems(self) -> Iterator[str]:
        first = self._tables[FIRST_LANGUAGE]
        if not self._languages[FIRST_LANGUAGE].reviewed:
            yield f"{FIRST_LANGUAGE}: not reviewed, and no other language could stand in for it"
        for language, table in self._tables.items():
            if problem := self._languages[language].problem:
                yield f"{language}: {problem}"
            yield from (f"{language}: {key} is missing" for key in first.keys() - table.keys())
            yield from (f"{language}: {key} is not in {FIRST_LANGUAGE}" for key in table.keys() - first.keys())
            for key, template in table.items():
                if key in first and _fields(template) != _fields(first[key]):
                    yield f"{language}: {key} has other fields than {FIRST_LANGUAGE}"
                unknown = _fields(template) - LONGEST.keys()
                if unknown:
                    yield f"{language}: {key} uses {', '.join(sorted(unknown))}, which texts/longest.py does not know"
                    continue
                yield from self._size_problems(language, key, template)

    def _size_problems(self, language: str, key: str, template: str) -> Iterator[str]:
        try:
            size = septets(SANDBOX_MARK + template.format_map(LONGEST))
        except NotGsm as error:
            yield f"{language}: {key}: {error}"
            return
        if key.startswith("sms/") and size > SMS_SEPTETS_MAX:
            yield f"{language}: {key} is {size} septets with its longest facts and the mark, {SMS_SEPTETS_MAX} fit"


def _read(path: Path) -> tuple[dict[str, str], Language]:
    """One file's keys, and what stands above them."""
    tables = tomllib.loads(path.read_text())
    named = {field.name: tables.pop(field.name) for field in fields(Language) if field.name in tables}
    return dict(_flat(tables)), Language(**named)


def load_texts(*, sandbox: bool, folder: Path = Path(__file__).parent) -> Texts:
    """Read every `*.toml` beside this file. Raises BadTexts naming each fault of each language."""
    found = {path.stem: _read(path) for path in sorted(folder.glob("*.toml"))}
    found = {FIRST_LANGUAGE: found.pop(FIRST_LANGUAGE), **found}
    tables = {language: table for language, (table, _) in found.items()}
    return Texts(tables, {language: about for language, (_, about) in found.items()}, sandbox=sandbox)
