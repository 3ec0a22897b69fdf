"""A roster file, read line by line in bounded memory: each line is its fields, or why it cannot be read."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

NEEDED = ("nik", "name", "village")
OPTIONAL = ("phone", "sector", "base", "programmes", "rt_rw", "group")
LINES_MAX = 1_000_000
# The longest honest line is some 200 bytes; a file without line ends must not be read whole.
LINE_BYTES_MAX = 1_000


class BadRoster(ValueError):
    """The file as a whole cannot be taken: its first line, or its length."""


def read_roster(file: Path, lines_max: int = LINES_MAX) -> Iterator[tuple[int, Mapping[str, str] | str]]:
    """Each line's number and its fields by name, or a word on why there are none. Raises BadRoster."""
    with file.open("rb") as lines:
        columns = _columns(lines.readline(LINE_BYTES_MAX))
        number = 1
        while line := lines.readline(LINE_BYTES_MAX):
            number += 1
            if number > lines_max + 1:
                raise BadRoster(f"more than {lines_max} lines")
            whole = line.endswith(b"\n") or len(line) < LINE_BYTES_MAX
            while not whole:
                rest = lines.readline(LINE_BYTES_MAX)
                whole = rest.endswith(b"\n") or len(rest) < LINE_BYTES_MAX
                line = b""
            if line.strip() or not line:
                yield number, _fields(line, columns) if line else "the line is too long"


def _columns(line: bytes) -> tuple[str, ...]:
    try:
        columns = tuple(name.strip() for name in line.decode("utf-8-sig").strip().split(","))
    except UnicodeDecodeError:
        raise BadRoster("the first line is not UTF-8") from None
    known = set(NEEDED) | set(OPTIONAL)
    if columns[: len(NEEDED)] != NEEDED or not known.issuperset(columns) or len(set(columns)) != len(columns):
        raise BadRoster(f"the first line has to be {','.join(NEEDED)}, and then any of {','.join(OPTIONAL)}")
    return columns


def _fields(line: bytes, columns: tuple[str, ...]) -> Mapping[str, str] | str:
    if b"\0" in line:
        return "not a line of CSV"
    try:
        (values,) = csv.reader([line.decode("utf-8").strip("\r\n")], strict=True)
    except UnicodeDecodeError:
        return "not UTF-8"
    except (csv.Error, ValueError):
        return "not a line of CSV"
    if len(values) != len(columns):
        return f"{len(values)} fields, {len(columns)} are needed"
    return dict(zip(columns, (value.strip() for value in values), strict=True))
