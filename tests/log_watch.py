"""Everything that the whole suite logs is searched for the PIN, NIKs, numbers, names and accounts it used."""

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.people import BUDI, BUDI_NIK, BUDI_PHONE, CLOSED, GOOD, NO_FUNDS, PIN, SILENT, SITI, SITI_NIK, SITI_PHONE

_USED = (SITI_NIK, BUDI_NIK, SITI_PHONE[1:], BUDI_PHONE[1:], SITI, BUDI, PIN, GOOD, NO_FUNDS, CLOSED, SILENT)
# Whole words: a moment or a hash may hold any six digits.
_TOLD = re.compile(rf"(?<![0-9A-Za-z])(?:{'|'.join(_USED)})(?![0-9A-Za-z])", re.IGNORECASE)


def telling(text: str) -> list[str]:
    """The log lines in `text` that hold what no log may; other output of tests is their own."""
    return [line for line in text.splitlines() if line.startswith("{") and '"event"' in line and _TOLD.search(line)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report: Any = yield
    told = [line for _, content in report.sections for line in telling(content)]
    if told and report.passed:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: a log line holds personal data:\n" + "\n".join(told[:3])
    return report


def told_in_files(folder: Path) -> list[str]:
    """Logs of servers and processes under `folder` that hold any of it, by name and line."""
    found = []
    for path in folder.rglob("*.log"):
        lines = path.read_text(errors="replace").splitlines()
        found += [f"{path.name}:{number}" for number, line in enumerate(lines, 1) if _TOLD.search(line)]
    return found
