"""Reference data as CSV beside this file (banks, brackets, tariffs, the sandbox's village) and how it is loaded."""

import csv
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from insurance.work import Work
from models import Bank, Base, Bracket, Head, Tariff, Village
from models.village import check_digit
from units.phone import canonical_phone

_HERE = Path(__file__).parent


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


def load_village(work: Work) -> None:
    """The sandbox's fictional villages and their heads; nobody is enrolled in them."""
    _upsert(
        work.db,
        Village,
        [
            {
                **{k: v for k, v in row.items() if k not in ("short", "head_phone")},
                "short_code": short_code(row["short"]),
            }
            for row in _rows("villages.csv")
        ],
    )
    for row in _rows("villages.csv"):
        phone = canonical_phone(row["head_phone"])
        index = work.keys.index("phone", phone)
        if work.db.query(Head).filter(Head.phone_index == index).first() is None:
            sealed = work.keys.shared.seal(phone, "head.phone")
            term = {"term_from": date(2021, 1, 1), "term_until": date(2029, 12, 31)}
            work.db.add(Head(village_code=row["code"], phone_sealed=sealed, phone_index=index, **term))


def short_code(digits: str) -> str:
    """The digits with their check digit behind."""
    return digits + check_digit(digits)
