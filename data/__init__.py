"""Reference data as CSV, beside this file or an operator's own (villages, holidays), and how it is loaded."""

import csv
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from insurance.work import Work
from models import Bank, Base, Bracket, Head, Holiday, Tariff, Village
from models.holiday import HOLIDAY_NAME_MAX
from models.village import check_digit
from units.phone import NotAPhone, canonical_phone

_HERE = Path(__file__).parent
_ZONES = ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura")
_NAME_MAX = 60
# Ten digits of Kemendagri; the short code is what people type, before its check digit.
_VILLAGE_FIELDS: Mapping[str, Callable[[str], object]] = {
    "code": re.compile(r"[0-9]{10}").fullmatch,
    "short": re.compile(r"[0-9]{3,7}").fullmatch,
    "name": lambda text: 0 < len(text) <= _NAME_MAX,
    "district": lambda text: 0 < len(text) <= _NAME_MAX,
    "regency": lambda text: 0 < len(text) <= _NAME_MAX,
    "zone": lambda text: text in _ZONES,
}


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (_HERE / name).open(newline="") as file:
        yield from csv.DictReader(file)


def _upsert(db: Session, model: type[Base], rows: list[Mapping[str, object]]) -> None:
    table = model.__table__
    statement = insert(model)
    keys = [column.name for column in table.primary_key]
    others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    db.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), rows)


def load_reference(db: Session, *, connected: Path | None) -> None:
    """Banks, brackets and tariffs; a repeat brings the rows to what the files say. `connected` is BANKS_FILE."""
    named = tomllib.loads(connected.read_text())["banks"] if connected is not None and connected.exists() else {}
    _upsert(
        db,
        Bank,
        [
            {
                **row,
                "province": str(named.get(row["code"], {}).get("province", "")),
                "connected": row["code"] in named,
            }
            for row in _rows("banks.csv")
        ],
    )
    _upsert(db, Bracket, [{"low_rp": int(row["low"]), "base_rp": int(row["base"])} for row in _rows("brackets.csv")])
    _upsert(
        db,
        Tariff,
        [
            {
                **row,
                "valid_from": date.fromisoformat(row["valid_from"]),
                "rate_ppm": int(row["rate_ppm"]),
                "flat_rp": int(row["flat_rp"]),
            }
            for row in _rows("tariffs.csv")
        ],
    )


class BadVillages(ValueError):
    """A village file that cannot be taken; names each bad line, and nothing of it was loaded."""


def load_village(work: Work) -> None:
    """The sandbox's fictional villages and their heads; nobody is enrolled in them."""
    load_villages(work, _HERE / "villages.csv")


def load_villages(work: Work, file: Path) -> int:
    """Villages and heads from a CSV; a repeat brings the rows to what it says. How many. Raises BadVillages."""
    rows = lines_of(file, BadVillages)
    if faults := _faults(rows):
        raise BadVillages("\n".join(faults))
    fields = ("code", "name", "district", "regency", "zone")
    villages: list[Mapping[str, object]] = [
        {**{name: row[name] for name in fields}, "short_code": short_code(row["short"])} for row in rows
    ]
    _upsert(work.db, Village, villages)
    for row in rows:
        if row.get("head_phone"):
            _add_head(work, row["code"], canonical_phone(row["head_phone"]))
    return len(rows)


def lines_of(file: Path, bad: type[ValueError]) -> list[dict[str, str]]:
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
    except (UnicodeDecodeError, csv.Error):
        raise bad("not a CSV in UTF-8") from None
    if any("\0" in str(value) for row in rows for value in row.values()):
        raise bad("not a CSV: it holds bytes that are no text")
    return rows


def _faults(rows: list[dict[str, str]]) -> list[str]:
    faults, seen = ([] if rows else ["no line"]), set[str]()
    for number, row in enumerate(rows, 2):
        for name, good in _VILLAGE_FIELDS.items():
            if not good(row.get(name) or ""):
                faults.append(f"line {number}: {name}")
        for name in ("code", "short"):
            if (key := f"{name} {row.get(name)}") in seen:
                faults.append(f"line {number}: {name} stands twice")
            seen.add(key)
        try:
            canonical_phone(row.get("head_phone") or "+6281200000000")
        except NotAPhone:
            faults.append(f"line {number}: head_phone")
    return faults


def _add_head(work: Work, village_code: str, phone: str) -> None:
    index = work.keys.index("phone", phone)
    known = select(Head).where(Head.phone_index == index, Head.village_code == village_code, Head.place == "")
    if work.db.scalars(known).first() is None:
        sealed = work.keys.shared.seal(phone, "head.phone")
        # Six years, as a village head's term was until UU 3/2024; a real term is entered by the branch.
        until = date(work.today.year + 6, work.today.month, 1)
        head = Head(village_code=village_code, phone_sealed=sealed, phone_index=index, term_from=work.today)
        head.term_until = until
        work.db.add(head)


def short_code(digits: str) -> str:
    """The digits with their check digit behind."""
    return digits + check_digit(digits)


class BadHolidays(ValueError):
    """A file of holidays that cannot be taken; names each bad line, and nothing of it was loaded."""


def read_day(text: str) -> date | None:
    """Only the one spelling YYYY-MM-DD: the library takes others too, and a week number is no decree's day."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None


_IS_HOLIDAY = {"true": True, "false": False}
_HOLIDAY_FIELDS: Mapping[str, Callable[[str], object]] = {
    "day": read_day,
    "name": lambda text: 0 < len(text.strip()) <= HOLIDAY_NAME_MAX,
    "is_holiday": _IS_HOLIDAY.__contains__,
}


def load_holidays(work: Work, file: Path) -> int:
    """Days from a CSV day,name,is_holiday (true or false) over those of the library. How many. Raises BadHolidays."""
    rows, faults, seen = lines_of(file, BadHolidays), list[str](), set[str]()
    for number, row in enumerate(rows, 2):
        faults += [f"line {number}: {name}" for name, good in _HOLIDAY_FIELDS.items() if not good(row.get(name) or "")]
        if row.get("day") in seen:
            faults.append(f"line {number}: day stands twice")
        seen.add(row.get("day") or "")
    if faults or not rows:
        raise BadHolidays("\n".join(faults or ["no line"]))
    days: list[Mapping[str, object]] = [
        {"day": read_day(row["day"]), "name": row["name"].strip(), "is_holiday": _IS_HOLIDAY[row["is_holiday"]]}
        for row in rows
    ]
    _upsert(work.db, Holiday, days)
    work.reference.clear()
    return len(rows)
