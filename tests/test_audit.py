"""What the audit of packages says: a weakness fails, what nobody could look up is a reason and no all-clear."""

import json

import pytest

from tests.audit import verdict

GOOD = {"name": "flask", "version": "3", "vulns": []}
WEAK = {"name": "old", "version": "1", "vulns": [{"id": "PYSEC-1"}]}
UNKNOWN = {"name": "ours", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([GOOD, UNKNOWN], 0, "1 of 2 packages looked up"),
        ([GOOD, WEAK], 1, "old 1: PYSEC-1"),
        ([UNKNOWN], 0, "skipped"),
        ([], 0, "skipped"),
    ],
)
def test_of_each_report_there_is_one_verdict(packages: list[object], code: int, said: str) -> None:
    found, words = verdict(json.dumps({"dependencies": packages}))
    assert found == code
    assert said in words


@pytest.mark.parametrize("report", ["", "{", "[]", "{}"])
def test_no_report_is_no_all_clear(report: str) -> None:
    assert verdict(report)[1].startswith("audit skipped")
