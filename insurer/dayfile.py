"""The daily file pair with the insurer, read and written on both sides; it decides nothing and touches no database.

UNCONFIRMED: no format of BPJS Ketenagakerjaan is public, so this is ours until they give theirs; all of it is here.

CSV (RFC 4180 quotes, UTF-8, line feed), one record a line; whole rupiah, days YYYY-MM-DD, months YYYY-MM.

Hand-over, ours to them (`NAME.csv`):
    H,IURAN-HANDOVER,1,NAME.csv
    R,reference,nik,name,birth,phone,village_code,sector,base_rp,programmes
    C,reference,kpj,month,jkk_rp,jkm_rp,jht_rp,paid_on
    T,count of R,count of C,sum of all C in rupiah,SHA-256 in hex of every byte above this line

Result, theirs to us (`result-NAME.csv` from our sandbox; any name ending in .csv is read):
    H,IURAN-RESULT,1,result-NAME.csv
    R,reference,VERIFIED|REFUSED|NEEDS_HELP,kpj,reason
    C,reference,POSTED|REFUSED,reason,jht_balance_rp or nothing,as_of
    T,count of R,count of C,sum of all balances in rupiah,SHA-256 likewise
"""

import csv
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from stat import S_ISREG

from insurer.base import BadFile, Contribution, ContributionResult, Registration, RegistrationResult, ResultFile

HANDOVER, RESULT = "IURAN-HANDOVER", "IURAN-RESULT"
FILE_BYTES_MAX = 512 * 1024 * 1024
LINE_BYTES_MAX = 4096
_VERSION = "1"
_OUR_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.csv")
_REFERENCE = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_NIK = re.compile(r"[0-9]{16}")
# A KPJ has eleven digits on the cards seen; unconfirmed, as everything here.
_KPJ = re.compile(r"[0-9]{11}")
_REASON = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RUPIAH = re.compile(r"0|[1-9][0-9]{0,14}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
Fields = list[str]
Record = tuple[Fields, int]  # a line's fields, and the rupiah it adds to the trailer's sum


class _Wrong(ValueError):
    """What is wrong with a line; never its content."""


@dataclass(frozen=True)
class HandOver:
    """Our file as the insurer reads it."""

    name: str
    registrations: list[Registration]
    contributions: list[Contribution]


class DayFiles:
    """An Insurer: two folders, ours out and theirs in; files are readable by their owner only, as they hold NIKs."""

    def __init__(self, out_dir: Path, in_dir: Path) -> None:
        self._out, self._in = out_dir, in_dir

    def hand_over(
        self, name: str, registrations: Iterable[Registration], contributions: Iterable[Contribution]
    ) -> None:
        """Raises ValueError if `name` is not letters, digits, `._-` and `.csv`."""
        _write(self._out, name, HANDOVER, _handover_rows(registrations, contributions))

    def waiting(self) -> list[str]:
        """Oldest name first; a file that still has another ending is not whole yet."""
        return names_in(self._in)

    def read(self, name: str) -> ResultFile:
        registrations: list[RegistrationResult] = []
        contributions: list[ContributionResult] = []

        def take(fields: Fields) -> int:
            if fields[0] == "R":
                registrations.append(_registration_result(fields))
                return 0
            contributions.append(_contribution_result(fields))
            return contributions[-1].jht_balance_rp or 0

        _read(self._in, name, RESULT, take)
        return ResultFile(name, registrations, contributions)

    def take(self, name: str) -> None:
        self._put_aside(name, "taken")

    def refuse(self, name: str) -> None:
        self._put_aside(name, "refused")

    def _put_aside(self, name: str, folder: str) -> None:
        """Doing it twice is doing it once, as a crash may come between."""
        source, target = _place(self._in, name), self._in / folder / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        if source.exists() or not target.exists():
            source.replace(target)


def names_in(folder: Path) -> list[str]:
    """Whole files that wait in a folder, in the order of their names; none if the folder is not there yet."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.is_file(follow_symlinks=False) and e.name.endswith(".csv")]
    return sorted(name for name in names if not name.startswith("."))


def read_hand_over(out_dir: Path, name: str) -> HandOver:
    """The insurer's side of `hand_over`. Raises BadFile."""
    registrations: list[Registration] = []
    contributions: list[Contribution] = []

    def take(fields: Fields) -> int:
        if fields[0] == "R":
            registrations.append(_registration(fields))
            return 0
        contributions.append(one := _contribution(fields))
        return one.jkk_rp + one.jkm_rp + one.jht_rp

    _read(out_dir, name, HANDOVER, take)
    return HandOver(name, registrations, contributions)


def write_result(in_dir: Path, result: ResultFile) -> None:
    """The insurer's side of `read`: one whole file, or none."""
    _write(in_dir, result.name, RESULT, _result_rows(result))


def _handover_rows(rs: Iterable[Registration], cs: Iterable[Contribution]) -> Iterator[Record]:
    for r in rs:
        row = ["R", r.reference, r.nik, r.name, r.birth.isoformat(), r.phone, r.village_code, r.sector, str(r.base_rp)]
        yield [*row, r.programmes], 0
    for c in cs:
        amounts = (c.jkk_rp, c.jkm_rp, c.jht_rp)
        yield ["C", c.reference, c.kpj, f"{c.month:%Y-%m}", *map(str, amounts), c.paid_on.isoformat()], sum(amounts)


def _result_rows(result: ResultFile) -> Iterator[Record]:
    for r in result.registrations:
        yield ["R", r.reference, r.outcome, r.kpj, r.reason], 0
    for c in result.contributions:
        balance = "" if c.jht_balance_rp is None else str(c.jht_balance_rp)
        yield ["C", c.reference, c.outcome, c.reason, balance, c.as_of.isoformat()], c.jht_balance_rp or 0


def _registration(fields: Fields) -> Registration:
    _, reference, nik, name, birth, phone, village_code, sector, base_rp, programmes = _sized(fields, 10)
    if not (name and phone and village_code and sector and programmes):
        raise _Wrong("an empty field")
    _like(_NIK, nik, "nik")
    return Registration(reference, nik, name, _day(birth), phone, village_code, sector, _rupiah(base_rp), programmes)


def _contribution(fields: Fields) -> Contribution:
    _, reference, kpj, month, jkk, jkm, jht, paid_on = _sized(fields, 8)
    amounts = _rupiah(jkk), _rupiah(jkm), _rupiah(jht)
    return Contribution(reference, _like(_KPJ, kpj, "kpj"), _day(f"{month}-01"), *amounts, _day(paid_on))


def _registration_result(fields: Fields) -> RegistrationResult:
    _, reference, outcome, kpj, reason = _sized(fields, 5)
    verified = outcome == "VERIFIED" and _KPJ.fullmatch(kpj) and not reason
    if not verified and (outcome not in ("REFUSED", "NEEDS_HELP") or kpj or not _REASON.fullmatch(reason)):
        raise _Wrong("outcome, kpj and reason")
    return RegistrationResult(reference, outcome, kpj, reason)


def _contribution_result(fields: Fields) -> ContributionResult:
    _, reference, outcome, reason, balance, as_of = _sized(fields, 6)
    refused = outcome == "REFUSED" and _REASON.fullmatch(reason) and not balance
    if not refused and (outcome != "POSTED" or reason):
        raise _Wrong("outcome, reason and balance")
    return ContributionResult(reference, outcome, reason, _rupiah(balance) if balance else None, _day(as_of))


def _sized(fields: Fields, count: int) -> Fields:
    if len(fields) != count:
        raise _Wrong("count of fields")
    _like(_REFERENCE, fields[1], "reference")
    return fields


def _like(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise _Wrong(what)
    return text


def _rupiah(text: str) -> int:
    return int(_like(_RUPIAH, text, "amount"))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(_like(_DAY, text, "day"))
    except ValueError:
        raise _Wrong("day") from None


def _place(folder: Path, name: str) -> Path:
    """Raises BadFile for a name that could lead out of the folder."""
    if not name or len(name) > 255 or name.startswith(".") or re.search(r"[/\\\x00-\x1f]", name):
        raise BadFile("a file's name that is not safe")
    return folder / name


def _line(fields: Fields) -> bytes:
    """One record; a control character in a name would break the line, so it becomes a blank."""
    csv.writer(out := io.StringIO(), lineterminator="\n").writerow([_CONTROL.sub(" ", field) for field in fields])
    return out.getvalue().encode("utf-8")


class _Tally:
    """What the trailer says about every line above it."""

    def __init__(self) -> None:
        self._counts, self._sum_rp, self._digest = {"R": 0, "C": 0}, 0, hashlib.sha256()

    def add(self, raw: bytes, kind: str = "", amount_rp: int = 0) -> bytes:
        if kind:
            self._counts[kind] += 1
        self._sum_rp += amount_rp
        self._digest.update(raw)
        return raw

    def trailer(self) -> Fields:
        return ["T", *map(str, self._counts.values()), str(self._sum_rp), self._digest.hexdigest()]


def _write(folder: Path, name: str, kind: str, records: Iterable[Record]) -> None:
    """Under a name that nobody reads, to the disk, then renamed: whole or not at all."""
    if not _OUR_NAME.fullmatch(name):
        raise ValueError("a day file's name is letters, digits and ._- and ends in .csv")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary, tally = folder / f".{name}.{os.getpid()}.tmp", _Tally()
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(tally.add(_line(["H", kind, _VERSION, name])))
        for fields, amount_rp in records:
            file.write(tally.add(_line(fields), fields[0], amount_rp))
        file.write(_line(tally.trailer()))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / name)


def _read(folder: Path, name: str, kind: str, take: Callable[[Fields], int]) -> None:
    """Hand each record to `take`, which answers its amount; everything must add up. Raises BadFile."""
    line, ended, tally, seen = 0, False, _Tally(), set[tuple[str, ...]]()
    try:
        with os.fdopen(os.open(_place(folder, name), os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            if not S_ISREG((stat := os.fstat(file.fileno())).st_mode) or stat.st_size > FILE_BYTES_MAX:
                raise _Wrong("not a plain file, or too large")
            for line, raw in enumerate(iter(lambda: file.readline(LINE_BYTES_MAX), b""), 1):
                fields = _fields(raw, ended)
                if line == 1:
                    if fields != ["H", kind, _VERSION, name]:
                        raise _Wrong("header")
                    tally.add(raw)
                elif fields[0] == "T":
                    if fields != tally.trailer():
                        raise _Wrong("trailer: counts, sum or checksum")
                    ended = True
                else:
                    tally.add(raw, _kind(fields, seen), take(fields))
        if not ended:
            raise _Wrong("no trailer")
    except _Wrong as wrong:
        raise BadFile(f"{name}: line {line}: {wrong}") from None


def _kind(fields: Fields, seen: set[tuple[str, ...]]) -> str:
    """R or C, with a reference that this file has not had."""
    if fields[0] not in ("R", "C"):
        raise _Wrong("kind of record")
    if (key := tuple(fields[:2])) in seen:
        raise _Wrong("the same reference twice")
    seen.add(key)
    return fields[0]


def _fields(raw: bytes, ended: bool) -> Fields:
    if ended:
        raise _Wrong("something after the trailer")
    if not raw.endswith(b"\n"):
        raise _Wrong("too long, or cut off")
    try:
        rows = list(csv.reader([raw.decode("utf-8")], strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise _Wrong("not UTF-8 or not CSV") from None
    if len(rows) != 1 or not rows[0] or _CONTROL.search("".join(rows[0])):
        raise _Wrong("not one record")
    return rows[0]
