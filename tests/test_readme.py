"""README.md's table of settings is the code's own list: the same names, defaults and meanings, and no others.

`flask settings --markdown` prints the table that belongs between the marks.
"""

import re
from pathlib import Path

import pytest

from config import described

README = Path(__file__).parent.parent / "README.md"
BETWEEN_THE_MARKS = re.compile(r"<!-- settings -->\n(.*?)<!-- /settings -->", re.DOTALL)
HEAD = ["name", "default", "meaning"]


def cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def settings_table(markdown: str) -> list[tuple[str, ...]]:
    """The rows between the marks; a name and a default may stand in backticks."""
    found = BETWEEN_THE_MARKS.findall(markdown)
    assert len(found) == 1, "the marks stand once"
    head, rule, *rows = (cells(line) for line in found[0].strip().splitlines() if line.strip())
    assert [cell.lower() for cell in head] == HEAD
    assert all(re.fullmatch(r":?-+:?", cell) for cell in rule)
    assert all(len(row) == len(HEAD) for row in rows)
    return [(name.strip("`"), default.strip("`"), meaning) for name, default, meaning in rows]


def test_the_readmes_table_of_settings_is_the_codes_own_list() -> None:
    assert settings_table(README.read_text()) == described()


def test_a_setting_that_is_not_in_the_code_or_differs_is_seen() -> None:
    rows = "".join(f"| `{name}` | {default} | {meaning} |\n" for name, default, meaning in described())
    page = "<!-- settings -->\n| Name | Default | Meaning |\n| --- | --- | --- |\n{}<!-- /settings -->"
    assert settings_table(page.format(rows)) == described()
    for other in (rows.replace("8000", "8001"), rows + "| `OLD` | | gone |\n", rows.replace("PORT", "PORTS")):
        assert settings_table(page.format(other)) != described()
    with pytest.raises(AssertionError, match="once"):
        settings_table("no marks")
