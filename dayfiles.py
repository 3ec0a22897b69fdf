"""Files that have to add up, written and read whole or not at all; it knows nobody's format and logs nothing.

CSV (RFC 4180 quotes, UTF-8, line feed), one record a line; whole rupiah, days YYYY-MM-DD:
    H,KIND,1,NAME and what else the format says of the whole file
    letter,reference,...        a reference stands once under its letter
    T,a count for each letter,the sums in rupiah,SHA-256 in hex of every byte above this line
"""

import csv
import hashlib
import io
import os
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from itertools import islice, pairwise
from pathlib import Path
from stat import S_ISREG
from threading import get_ident
from typing import BinaryIO

FILE_BYTES_MAX = 512 * 1024 * 1024
LINE_BYTES_MAX = 4096
_BLOCK_LINES = 1024  # held at once when a checked file is read again: at most four megabytes
_VERSION = "1"
_OUR_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.csv")
_REFERENCE = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_RUPIAH = re.compile(r"0|[1-9][0-9]{0,14}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
Fields = list[str]
Record = tuple[Fields, int]  # a line's fields, and the rupiah it adds to the trailer's sum


class BadFile(ValueError):
    """A file that does not add up; refused whole. Names the file and the line, never its content."""


class Wrong(ValueError):
    """What is wrong with a line; never its content. Raised by who parses one, and told as BadFile with its line."""

    def __init__(self, what: str, lines_on: int = 0) -> None:
        super().__init__(what)
        self.lines_on = lines_on  # how far it stands behind the line that was being read


@dataclass(frozen=True)
class Form:
    """One kind of file: its header's word and how many fields follow the name there, the letters that its trailer
    counts, and the groups of letters that it sums."""

    kind: str
    letters: tuple[str, ...]
    sums: tuple[str, ...]
    free: int = 0


class InFolder:
    """A folder that others write to: what waits there, and where it goes once it was read."""

    def __init__(self, in_dir: Path) -> None:
        self._in = in_dir

    def waiting(self) -> list[str]:
        """In the order of their names; a file that still has another ending is not whole yet."""
        return names_in(self._in)

    def take(self, name: str) -> None:
        """Put a read file aside, after what it says was committed."""
        self._put_aside(name, "taken")

    def refuse(self, name: str) -> None:
        """Put a bad file aside for a person to see."""
        self._put_aside(name, "refused")

    def _put_aside(self, name: str, folder: str) -> None:
        """Doing it twice is doing it once, as a crash may come between, or another process that was faster."""
        source, target = _place(self._in, name), self._in / folder / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):
            source.replace(target)


@dataclass(frozen=True)
class Checked:
    """A file that was found to add up, to be read again without being held in memory."""

    folder: Path
    name: str
    blocks: Sequence[tuple[int, bytes]]
    """How many lines each block has, and the digest of all bytes up to its end."""

    def records(self) -> Iterator[Fields]:
        """Each record in turn; none is given out before its block was found to be the very bytes that were checked.

        Raises BadFile if the file was changed since, and OSError if it is gone.
        """
        digest = hashlib.sha256()
        try:
            with _opened(self.folder, self.name) as file:
                for size, mark in self.blocks:
                    block = list(islice(_raw_lines(file), size))
                    digest.update(b"".join(block))
                    if digest.digest() != mark:
                        raise Wrong("changed after it was checked")
                    yield from (fields for fields in map(_fields, block) if fields[0] != "H")
        except Wrong as wrong:
            raise BadFile(f"{self.name}: {wrong}") from None


def names_in(folder: Path) -> list[str]:
    """Whole files that wait in a folder, in the order of their names; none if the folder is not there yet."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.is_file(follow_symlinks=False) and e.name.endswith(".csv")]
    return sorted(name for name in names if not name.startswith("."))


def write(folder: Path, name: str, form: Form, records: Iterable[Record], free: Sequence[str] = ()) -> None:
    """Under a name that nobody reads, to the disk, then renamed: whole or not at all, for its owner only.

    Raises ValueError if `name` is not letters, digits, `._-` and `.csv`.
    """
    if not _OUR_NAME.fullmatch(name):
        raise ValueError("a day file's name is letters, digits and ._- and ends in .csv")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Two threads may write the same file at once, and each needs its own.
    temporary, tally = folder / f".{name}.{os.getpid()}.{get_ident()}.tmp", _Tally(form)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(tally.add(_line(["H", form.kind, _VERSION, name, *free])))
            for fields, amount_rp in records:
                file.write(tally.add(_line(fields), fields[0], amount_rp))
            file.write(_line(tally.trailer()))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / name)
    except BaseException:
        # What was written so far holds people's data and is no file.
        temporary.unlink(missing_ok=True)
        raise


def check(
    folder: Path, name: str, form: Form, take: Callable[[Fields], int], head: Callable[[Fields], None] = lambda _: None
) -> Checked:
    """Hand the header's free fields to `head` and each record to `take`, which answers its amount; all must add up.

    Both may raise Wrong. What they were handed counts only once this returns. Raises BadFile.
    """
    line, tally, seen = 0, _Tally(form), _Seen()
    try:
        with _opened(folder, name) as file:
            for line, raw in enumerate(_raw_lines(file), 1):
                fields = _fields(raw)
                if line == 1:
                    if fields[:4] != ["H", form.kind, _VERSION, name] or len(fields) != 4 + form.free:
                        raise Wrong("header")
                    head(fields[4:])
                    tally.add(raw)
                elif fields[0] == "T":
                    _check_end(fields, tally, seen, file)
                    return Checked(folder, name, tally.blocks())
                else:
                    if fields[0] not in form.letters:
                        raise Wrong("kind of record")
                    tally.add(raw, fields[0], take(fields))
                    seen.add(fields)
            raise Wrong("no trailer")
    except Wrong as wrong:
        raise BadFile(f"{name}: line {line + wrong.lines_on}: {wrong}") from None


def sized(fields: Fields, count: int) -> Fields:
    """The fields of a record, which are so many and begin with a letter and a reference. Raises Wrong."""
    if len(fields) != count:
        raise Wrong("count of fields")
    like(_REFERENCE, fields[1], "reference")
    return fields


def like(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise Wrong(what)
    return text


def rupiah(text: str) -> int:
    return int(like(_RUPIAH, text, "amount"))


def day(text: str) -> date:
    try:
        return date.fromisoformat(like(_DAY, text, "day"))
    except ValueError:
        raise Wrong("day") from None


class _Tally:
    """What the trailer says about every line above it."""

    def __init__(self, form: Form) -> None:
        self._counts, self._sums = dict.fromkeys(form.letters, 0), dict.fromkeys(form.sums, 0)
        self._digest, self.lines, self._blocks = hashlib.sha256(), 0, list[tuple[int, bytes]]()

    def add(self, raw: bytes, letter: str = "", amount_rp: int = 0) -> bytes:
        if letter:
            self._counts[letter] += 1
            for letters in self._sums:
                self._sums[letters] += amount_rp if letter in letters else 0
        self._digest.update(raw)
        self.lines += 1
        if self.lines % _BLOCK_LINES == 0:
            self._blocks.append((_BLOCK_LINES, self._digest.digest()))
        return raw

    def blocks(self) -> list[tuple[int, bytes]]:
        return [*self._blocks, (self.lines % _BLOCK_LINES, self._digest.digest())]

    def trailer(self) -> Fields:
        return ["T", *map(str, [*self._counts.values(), *self._sums.values()]), self._digest.hexdigest()]


class _Seen:
    """Which references a file has named, at eight bytes each: a million take eight megabytes, a set takes two hundred.

    Two references may share their eight bytes, so a suspicion is looked up in the file itself.
    """

    def __init__(self) -> None:
        self._buckets = [array("q") for _ in range(256)]

    def add(self, fields: Fields) -> None:
        self._buckets[(number := hash((fields[0], fields[1]))) & 255].append(number)

    def line_of_the_second(self, lines: Iterable[bytes]) -> int:
        """The first line that names a reference again, or 0."""
        suspects = {one for bucket in self._buckets for one, after in pairwise(sorted(bucket)) if one == after}
        had = set[tuple[str, str]]()
        for line, fields in enumerate(map(_fields, lines if suspects else ()), 1):
            if hash(key := (fields[0], fields[1])) in suspects:
                if key in had:
                    return line
                had.add(key)
        return 0


def _place(folder: Path, name: str) -> Path:
    """Raises BadFile for a name that could lead out of the folder."""
    if not name or len(name) > 255 or name.startswith(".") or re.search(r"[/\\\x00-\x1f]", name):
        raise BadFile("a file's name that is not safe")
    return folder / name


@contextmanager
def _opened(folder: Path, name: str) -> Iterator[BinaryIO]:
    """A plain file of bearable size, by no link and without waiting for a pipe. Raises Wrong or BadFile."""
    number = os.open(_place(folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(number, "rb") as file:
        if not S_ISREG((stat := os.fstat(file.fileno())).st_mode) or stat.st_size > FILE_BYTES_MAX:
            raise Wrong("not a plain file, or too large")
        yield file


def _raw_lines(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.readline(LINE_BYTES_MAX), b"")


def _check_end(fields: Fields, tally: _Tally, seen: _Seen, file: BinaryIO) -> None:
    """The trailer is right, nothing follows it, and no reference came twice above it. Raises Wrong."""
    after, last = file.read(1), tally.lines + 1
    file.seek(0)
    if second := seen.line_of_the_second(islice(_raw_lines(file), tally.lines)):
        raise Wrong("the same reference twice", second - last)
    if fields != tally.trailer():
        raise Wrong("trailer: counts, sum or checksum")
    if after:
        raise Wrong("something after the trailer", 1)


def _line(fields: Fields) -> bytes:
    """One record; a control character in a name would break the line, so it becomes a blank."""
    csv.writer(out := io.StringIO(), lineterminator="\n").writerow([_CONTROL.sub(" ", field) for field in fields])
    return out.getvalue().encode("utf-8")


def _fields(raw: bytes) -> Fields:
    if not raw.endswith(b"\n"):
        raise Wrong("too long, or cut off")
    try:
        rows = list(csv.reader([raw.decode("utf-8")], strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise Wrong("not UTF-8 or not CSV") from None
    if len(rows) != 1 or not rows[0] or _CONTROL.search("".join(rows[0])):
        raise Wrong("not one record")
    return rows[0]
