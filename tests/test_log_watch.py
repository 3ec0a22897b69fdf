"""The watch over what the suite logs would notice."""

from pathlib import Path

import pytest

from tests.log_watch import telling, told_in_files
from tests.people import GOOD, PIN, SITI, SITI_NIK, SITI_PHONE


@pytest.mark.parametrize("secret", [SITI_NIK, SITI_PHONE, SITI.upper(), PIN, GOOD])
def test_a_line_with_what_was_used_is_found_and_its_twin_without_it_is_not(secret: str, tmp_path: Path) -> None:
    line = '{"event": "x", "what": "secret", "timestamp": "2026-11-23T02:00:00.274913Z"}'
    assert telling(line.replace("secret", secret))
    assert not telling(line)
    assert not telling(f"print of a test: {secret}")
    (tmp_path / "web.log").write_text(f"first\n{secret}\n")
    assert told_in_files(tmp_path) == ["web.log:2"]


def test_a_hash_that_happens_to_hold_the_digits_is_none_of_it() -> None:
    assert not telling(f'{{"event": "x", "chain": "ab{PIN}ff"}}')
