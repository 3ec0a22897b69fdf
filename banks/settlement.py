"""A bank's file of what it moved on one day: the line-by-line word on debits, returns and refunds; it books nothing.

UNCONFIRMED: no regional bank's format is public, so this is ours until one gives its own; all of it is here. How a
line, a trailer and a whole file look: `dayfiles.py`. One file a bank and Jakarta day, any name ending in .csv:
    H,IURAN-SETTLEMENT,1,NAME.csv,bank code,day
    D,reference,bank_reference,amount_rp,at    debited from a worker's account; reference is ours
    R,reference,bank_reference,amount_rp,at    a debit given back by the bank, by the debit's reference
    F,reference,bank_reference,amount_rp,at    a refund that we asked for, by the debit's reference
    T,count of D,of R,of F,sum of D in rupiah,of R,of F,SHA-256
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final, Literal

from banks.file_fields import moment, must_be_of, positive, their_reference
from dayfiles import Checked, Fields, Form, InFolder, Record, Wrong, check, sized, write
from dayfiles import day as day_of
from units.clock import JAKARTA, jakarta_day

FORM: Final = Form("IURAN-SETTLEMENT", letters=("D", "R", "F"), sums=("D", "R", "F"), free=2)
Kind = Literal["debit", "return", "refund"]
_KINDS: Final[dict[str, Kind]] = {"D": "debit", "R": "return", "F": "refund"}
_LETTERS: Final = {kind: letter for letter, kind in _KINDS.items()}


@dataclass(frozen=True)
class SettlementLine:
    """`reference` is ours, of the debit, whatever became of it; `at` is when this line's money moved."""

    kind: Kind
    reference: str
    bank_reference: str
    amount_rp: int
    at: datetime


@dataclass(frozen=True)
class SettlementFile:
    """`day` is a Jakarta day, and that of every line. `lines` may be gone through again, while the file is there."""

    name: str
    bank_code: str
    day: date
    lines: Iterable[SettlementLine]


class SettlementFiles(InFolder):
    """The folder into which one bank puts a file a day; another bank's file is refused there."""

    def __init__(self, code: str, in_dir: Path) -> None:
        super().__init__(in_dir)
        self.code = code

    def read(self, name: str) -> SettlementFile:
        """The file, after all of it was found to add up; a file of millions takes no more memory than one of a few.

        It is gone through once to check everything, keeping a digest for each thousand lines and eight bytes for each
        reference, which are let go at the end; then `lines` reads it anew, and gives out no line before the thousand it
        stands in is seen to be the bytes that were checked. So nothing is copied, and nothing is believed that a
        writer changed in between. Raises BadFile, here or, if the file was changed since, from `lines`.
        """
        days = list[date]()

        def head(free: Fields) -> None:
            must_be_of(self.code, free[0])
            days.append(day_of(free[1]))

        def take(fields: Fields) -> int:
            line = _line(fields)
            if jakarta_day(line.at) != days[0]:
                raise Wrong("another day than the header's")
            return line.amount_rp

        checked = check(self._in, name, FORM, take, head)
        return SettlementFile(name, self.code, days[0], _Lines(checked))


def settlement_name(code: str, day: date) -> str:
    """What our sandbox calls a file; a bank may call its own what it likes."""
    return f"settlement-{code}-{day:%Y-%m-%d}.csv"


def write_settlement(in_dir: Path, name: str, code: str, day: date, lines: Iterable[SettlementLine]) -> None:
    """The bank's side of `read`: one whole file, or none; holds one line at a time."""
    write(in_dir, name, FORM, _rows(lines), [code, day.isoformat()])


@dataclass(frozen=True)
class _Lines:
    checked: Checked

    def __iter__(self) -> Iterator[SettlementLine]:
        return map(_line, self.checked.records())


def _rows(lines: Iterable[SettlementLine]) -> Iterator[Record]:
    for line in lines:
        at = line.at.astimezone(JAKARTA).isoformat(timespec="seconds")
        yield [_LETTERS[line.kind], line.reference, line.bank_reference, str(line.amount_rp), at], line.amount_rp


def _line(fields: Fields) -> SettlementLine:
    _, reference, bank_reference, amount, at = sized(fields, 5)
    return SettlementLine(_KINDS[fields[0]], reference, their_reference(bank_reference), positive(amount), moment(at))
