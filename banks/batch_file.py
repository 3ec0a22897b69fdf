"""A bank without an API: its debit file and the result file, read and written on both sides; it decides nothing.

UNCONFIRMED: no regional bank's format is public, so this is ours until one gives its own; all of it is here. How a
line, a trailer and a whole file look: `dayfiles.py`. A file's name is taken once, by them as by us.

Debit file, ours to them (`NAME.csv`):
    H,IURAN-DEBIT,1,NAME.csv,bank code
    M,customer_id,account_no,account_name,max_amount_rp,expires_on            a mandate to be put before its holder
    D,reference,mandate_reference,customer_id,account_no,amount_rp,asked_at   a debit; asked_at in Jakarta, with seconds
    T,count of M,count of D,sum of all D in rupiah,SHA-256

Result file, theirs to us (`result-NAME.csv` from our sandbox; any name ending in .csv is read):
    H,IURAN-DEBIT-RESULT,1,result-NAME.csv,bank code,day it was done,NAME.csv that it answers
    M,customer_id,ACTIVE,mandate_reference,       or  M,customer_id,REFUSED,,code
    D,reference,DONE,bank_reference,amount_rp,    or  D,reference,REFUSED,,0,code
    T,count of M,count of D,sum of all D in rupiah,SHA-256

The amount of a D is what was debited under that reference, on that day or earlier: a bank that finds a reference again
debits nothing and says what it did the first time. Who reads compares the amount with what was asked.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Final

from banks.asked import CollectRequest, MandateRequest
from banks.base import Reason
from banks.file_fields import moment, must_be_of, positive, their_reference
from dayfiles import Fields, Form, InFolder, Record, Wrong, check, day, like, rupiah, sized, write
from units.clock import JAKARTA

DEBIT: Final = Form("IURAN-DEBIT", letters=("M", "D"), sums=("D",), free=1)
RESULT: Final = Form("IURAN-DEBIT-RESULT", letters=("M", "D"), sums=("D",), free=3)
ACTIVE, DONE, REFUSED = "ACTIVE", "DONE", "REFUSED"
# Ours, unconfirmed: what a bank's word for a refusal means to us. A code that is not here refuses the whole file: read
# as soft it could debit a holder who said no, read as hard it could end a good mandate, and it might even mean that
# money is still on its way. A person adds its row, and puts the same file back.
CODES: Final[Mapping[str, Reason]] = {
    "NOFUNDS": Reason.NO_FUNDS,
    "LIMIT": Reason.LIMIT,
    "CUTOFF": Reason.NOT_NOW,
    "DORMANT": Reason.ACCOUNT,
    "CLOSED": Reason.ACCOUNT,
    "BLOCKED": Reason.ACCOUNT,
    "NOACCOUNT": Reason.ACCOUNT,
    # As 404 11 and 403 15 of SNAP: the mandate that was named is none, or has ended.
    "NOMANDATE": Reason.ACCOUNT,
    "ENDED": Reason.ACCOUNT,
    "NAME": Reason.NAME,
    "HOLDER": Reason.HOLDER,
    "FORMAT": Reason.OURS,
}
_ACCOUNT = re.compile(r"[0-9]{1,34}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.csv")


@dataclass(frozen=True)
class MandateResult:
    """`outcome` is ACTIVE (with `mandate_reference`) or REFUSED (with `reason`, and `code` as the bank wrote it)."""

    customer_id: str
    outcome: str
    mandate_reference: str
    reason: Reason | None
    code: str


@dataclass(frozen=True)
class DebitResult:
    """`outcome` is DONE (with `bank_reference` and `amount_rp`) or REFUSED (nothing debited; `reason` and `code`)."""

    reference: str
    outcome: str
    bank_reference: str
    amount_rp: int
    reason: Reason | None
    code: str


@dataclass(frozen=True)
class BatchResult:
    """`answers` is the name of the debit file that it answers, `day` a Jakarta day."""

    name: str
    bank_code: str
    day: date
    answers: str
    mandates: Sequence[MandateResult]
    debits: Sequence[DebitResult]


@dataclass(frozen=True)
class DebitFile:
    """Our file as the bank reads it."""

    name: str
    mandates: Sequence[MandateRequest]
    debits: Sequence[CollectRequest]


class BatchFiles(InFolder):
    """One bank's two folders, ours out and theirs in; files are for their owner only, as they hold accounts."""

    def __init__(self, code: str, out_dir: Path, in_dir: Path, cut_off: time | None = None) -> None:
        super().__init__(in_dir)
        self.code, self.cut_off = code, cut_off
        self._out = out_dir

    def hand_over(self, name: str, mandates: Iterable[MandateRequest], debits: Iterable[CollectRequest]) -> None:
        """Write one file, whole or not at all; the same name again replaces it with the same content.

        Raises ValueError if `name` is not letters, digits, `._-` and `.csv`, or for a mandate without a maximum.
        """
        write(self._out, name, DEBIT, _debit_rows(mandates, debits), [self.code])

    def is_handed_over(self, name: str) -> bool:
        """Whether the whole file lies where the bank may read it."""
        return (self._out / name).exists()

    def read(self, name: str) -> BatchResult:
        """Raises BadFile for whatever does not add up, is another bank's, or has a code that is not in CODES.

        Raises FileNotFoundError where the file is gone: whoever was faster has put it aside.
        """
        header, mandates, debits = list[str](), list[MandateResult](), list[DebitResult]()

        def head(free: Fields) -> None:
            must_be_of(self.code, free[0])
            day(free[1])
            header.extend([free[1], like(_FILE_NAME, free[2], "header: the file it answers")])

        def take(fields: Fields) -> int:
            if fields[0] == "M":
                mandates.append(_mandate_result(fields))
                return 0
            debits.append(_debit_result(fields))
            return debits[-1].amount_rp

        check(self._in, name, RESULT, take, head)
        return BatchResult(name, self.code, day(header[0]), header[1], mandates, debits)


def read_debit_file(out_dir: Path, name: str, code: str) -> DebitFile:
    """The bank's side of `hand_over`. Raises BadFile."""
    mandates, debits = list[MandateRequest](), list[CollectRequest]()

    def take(fields: Fields) -> int:
        if fields[0] == "M":
            mandates.append(_mandate(fields))
            return 0
        debits.append(_debit(fields))
        return debits[-1].amount_rp

    check(out_dir, name, DEBIT, take, lambda free: must_be_of(code, free[0]))
    return DebitFile(name, mandates, debits)


def write_result(in_dir: Path, result: BatchResult) -> None:
    """The bank's side of `read`: one whole file, or none."""
    free = [result.bank_code, result.day.isoformat(), result.answers]
    write(in_dir, result.name, RESULT, _result_rows(result), free)


def _debit_rows(mandates: Iterable[MandateRequest], debits: Iterable[CollectRequest]) -> Iterator[Record]:
    for m in mandates:
        if m.max_amount_rp <= 0:
            raise ValueError(f"{m.customer_id}: a mandate has a maximum")
        row = ["M", m.customer_id, m.account_no, m.account_name, str(m.max_amount_rp), m.expires_on.isoformat()]
        yield row, 0
    for d in debits:
        asked_at = d.asked_at.astimezone(JAKARTA).isoformat(timespec="seconds")
        row = ["D", d.reference, d.mandate_reference, d.customer_id, d.account_no, str(d.amount_rp), asked_at]
        yield row, d.amount_rp


def _result_rows(result: BatchResult) -> Iterator[Record]:
    for m in result.mandates:
        yield ["M", m.customer_id, m.outcome, m.mandate_reference, m.code], 0
    for d in result.debits:
        yield ["D", d.reference, d.outcome, d.bank_reference, str(d.amount_rp), d.code], d.amount_rp


def _mandate(fields: Fields) -> MandateRequest:
    _, customer_id, account_no, account_name, max_amount, expires_on = sized(fields, 6)
    if not account_name:
        raise Wrong("an empty field")
    like(_ACCOUNT, account_no, "account")
    return MandateRequest(customer_id, account_no, account_name, positive(max_amount), day(expires_on))


def _debit(fields: Fields) -> CollectRequest:
    _, reference, mandate, customer_id, account_no, amount, asked_at = sized(fields, 7)
    if not customer_id:
        raise Wrong("an empty field")
    like(_ACCOUNT, account_no, "account")
    amount_rp, at = positive(amount), moment(asked_at)
    return CollectRequest(reference, their_reference(mandate), customer_id, account_no, amount_rp, at)


def _mandate_result(fields: Fields) -> MandateResult:
    _, customer_id, outcome, mandate_reference, code = sized(fields, 5)
    reason = _reason(outcome, ACTIVE, mandate_reference, code)
    return MandateResult(customer_id, outcome, mandate_reference, reason, code)


def _debit_result(fields: Fields) -> DebitResult:
    _, reference, outcome, bank_reference, amount, code = sized(fields, 6)
    reason, amount_rp = _reason(outcome, DONE, bank_reference, code), rupiah(amount)
    if (outcome == DONE) != (amount_rp > 0):
        raise Wrong("outcome and amount")
    return DebitResult(reference, outcome, bank_reference, amount_rp, reason, code)


def _reason(outcome: str, good: str, reference: str, code: str) -> Reason | None:
    """None for a yes, which has the bank's reference and no code; a no has a code that we know, and no reference."""
    if outcome == good and not code:
        their_reference(reference)
        return None
    if outcome != REFUSED or reference:
        raise Wrong("outcome, reference and code")
    if code not in CODES:
        raise Wrong("a code that is not in our table")
    return CODES[code]
