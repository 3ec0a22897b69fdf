"""The table of docs/operations.md that says what to do, as entries that an alarm can point at."""

import re
from dataclasses import dataclass
from pathlib import Path

_PAGE = Path(__file__).parent.parent / "docs" / "operations.md"
_HEADING = "## What to watch, and what to do"


@dataclass(frozen=True)
class Entry:
    """`key` is the sign up to its first comma, colon or bracket, in small letters with dashes: `work-item-refund`."""

    key: str
    sign: str
    meaning: str
    do: str


def read_runbook() -> list[Entry]:
    text = _PAGE.read_text().split(_HEADING)[1].split("\n## ")[0]
    rows = [line.strip().strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [_entry([cell.strip() for cell in row]) for row in rows if len(row) == 3 and row[0].strip() != "sign"]


def _entry(cells: list[str]) -> Entry:
    sign, meaning, do = (_plain(cell) for cell in cells)
    words = re.findall(r"[a-z0-9]+", re.split(r"[(,:]", sign)[0].lower())
    return Entry("-".join(words), sign, meaning, do)


def _plain(cell: str) -> str:
    return re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", cell).replace("`", "").replace("*", "")
