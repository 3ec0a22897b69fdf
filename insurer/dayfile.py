"""The daily file pair with the insurer, read and written on both sides; it decides nothing and touches no database.

UNCONFIRMED: no format of BPJS Ketenagakerjaan is public, so this is ours until they give theirs; all of it is here.

CSV (RFC 4180 quotes, UTF-8, line feed), one record a line; whole rupiah, days YYYY-MM-DD, months YYYY-MM.

Hand-over, ours to them (`NAME.csv`):
    H,IURAN-HANDOVER,1,NAME.csv
    R,reference,nik,name,birth,phone,village_code,sector,base_rp,programmes
    C,reference,kpj,month,jkk_rp,jkm_rp,jht_rp,paid_on
    U,reference,reference of its R,kpj or nothing,TERMS|HEIR1|HEIR2|PHONE|END,from_on,value,detail
    T,count of R,count of C,count of U,sum of all C in rupiah,SHA-256 in hex of every byte above this line

U is a change, in the order in which they were made: TERMS programmes,base_rp; HEIR1 and HEIR2 name,relation; PHONE
number,; END left|died,. A change comes before a registration in the same file: who left may have joined again.

Result, theirs to us (`result-NAME.csv` from our sandbox; any name ending in .csv is read):
    H,IURAN-RESULT,1,result-NAME.csv
    R,reference,VERIFIED|REFUSED|NEEDS_HELP,kpj,reason
    C,reference,POSTED|REFUSED,reason,jht_balance_rp or nothing,as_of
    T,count of R,count of C,sum of all balances in rupiah,SHA-256 likewise
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dayfiles import Fields, Form, InFolder, Record, Wrong, check, day, like, rupiah, sized, write
from insurer.base import Change, Contribution, ContributionResult, Registration, RegistrationResult, ResultFile

HANDOVER = Form("IURAN-HANDOVER", letters=("R", "C", "U"), sums=("RC",))
RESULT = Form("IURAN-RESULT", letters=("R", "C"), sums=("RC",))
_NIK = re.compile(r"[0-9]{16}")
# A KPJ has eleven digits on the cards seen; unconfirmed, as everything here.
_KPJ = re.compile(r"[0-9]{11}")
_CHANGES = ("TERMS", "HEIR1", "HEIR2", "PHONE", "END")
_REASON = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class HandOver:
    """Our file as the insurer reads it."""

    name: str
    registrations: list[Registration]
    contributions: list[Contribution]
    changes: list[Change]


class DayFiles(InFolder):
    """An Insurer: two folders, ours out and theirs in; files are readable by their owner only, as they hold NIKs."""

    def __init__(self, out_dir: Path, in_dir: Path) -> None:
        super().__init__(in_dir)
        self._out = out_dir

    def hand_over(
        self,
        name: str,
        registrations: Iterable[Registration],
        contributions: Iterable[Contribution],
        changes: Iterable[Change] = (),
    ) -> None:
        """Raises ValueError if `name` is not letters, digits, `._-` and `.csv`."""
        write(self._out, name, HANDOVER, _handover_rows(registrations, contributions, changes))

    def read(self, name: str) -> ResultFile:
        registrations: list[RegistrationResult] = []
        contributions: list[ContributionResult] = []

        def take(fields: Fields) -> int:
            if fields[0] == "R":
                registrations.append(_registration_result(fields))
                return 0
            contributions.append(_contribution_result(fields))
            return contributions[-1].jht_balance_rp or 0

        check(self._in, name, RESULT, take)
        return ResultFile(name, registrations, contributions)


def read_hand_over(out_dir: Path, name: str) -> HandOver:
    """The insurer's side of `hand_over`. Raises BadFile."""
    registrations: list[Registration] = []
    contributions: list[Contribution] = []
    changes: list[Change] = []

    def take(fields: Fields) -> int:
        if fields[0] == "R":
            registrations.append(_registration(fields))
            return 0
        if fields[0] == "U":
            changes.append(_change(fields))
            return 0
        contributions.append(one := _contribution(fields))
        return one.jkk_rp + one.jkm_rp + one.jht_rp

    check(out_dir, name, HANDOVER, take)
    return HandOver(name, registrations, contributions, changes)


def write_result(in_dir: Path, result: ResultFile) -> None:
    """The insurer's side of `read`: one whole file, or none."""
    write(in_dir, result.name, RESULT, _result_rows(result))


def _handover_rows(rs: Iterable[Registration], cs: Iterable[Contribution], us: Iterable[Change]) -> Iterator[Record]:
    for r in rs:
        row = ["R", r.reference, r.nik, r.name, r.birth.isoformat(), r.phone, r.village_code, r.sector, str(r.base_rp)]
        yield [*row, r.programmes], 0
    for c in cs:
        amounts = (c.jkk_rp, c.jkm_rp, c.jht_rp)
        yield ["C", c.reference, c.kpj, f"{c.month:%Y-%m}", *map(str, amounts), c.paid_on.isoformat()], sum(amounts)
    for u in us:
        yield ["U", u.reference, u.member, u.kpj, u.kind, u.from_on.isoformat(), u.value, u.detail], 0


def _result_rows(result: ResultFile) -> Iterator[Record]:
    for r in result.registrations:
        yield ["R", r.reference, r.outcome, r.kpj, r.reason], 0
    for c in result.contributions:
        balance = "" if c.jht_balance_rp is None else str(c.jht_balance_rp)
        yield ["C", c.reference, c.outcome, c.reason, balance, c.as_of.isoformat()], c.jht_balance_rp or 0


def _registration(fields: Fields) -> Registration:
    _, reference, nik, name, birth, phone, village_code, sector, base_rp, programmes = sized(fields, 10)
    if not (name and phone and village_code and sector and programmes):
        raise Wrong("an empty field")
    like(_NIK, nik, "nik")
    return Registration(reference, nik, name, day(birth), phone, village_code, sector, rupiah(base_rp), programmes)


def _contribution(fields: Fields) -> Contribution:
    _, reference, kpj, month, jkk, jkm, jht, paid_on = sized(fields, 8)
    amounts = rupiah(jkk), rupiah(jkm), rupiah(jht)
    return Contribution(reference, like(_KPJ, kpj, "kpj"), day(f"{month}-01"), *amounts, day(paid_on))


def _change(fields: Fields) -> Change:
    _, reference, member, kpj, kind, from_on, value, detail = sized(fields, 8)
    if kind not in _CHANGES or not (member and value):
        raise Wrong("kind or value of a change")
    if kpj:
        like(_KPJ, kpj, "kpj")
    return Change(reference, member, kpj, kind, day(from_on), value, detail)


def _registration_result(fields: Fields) -> RegistrationResult:
    _, reference, outcome, kpj, reason = sized(fields, 5)
    verified = outcome == "VERIFIED" and _KPJ.fullmatch(kpj) and not reason
    if not verified and (outcome not in ("REFUSED", "NEEDS_HELP") or kpj or not _REASON.fullmatch(reason)):
        raise Wrong("outcome, kpj and reason")
    return RegistrationResult(reference, outcome, kpj, reason)


def _contribution_result(fields: Fields) -> ContributionResult:
    _, reference, outcome, reason, balance, as_of = sized(fields, 6)
    refused = outcome == "REFUSED" and _REASON.fullmatch(reason) and not balance
    if not refused and (outcome != "POSTED" or reason):
        raise Wrong("outcome, reason and balance")
    return ContributionResult(reference, outcome, reason, rupiah(balance) if balance else None, day(as_of))
