"""Groups of villages, and who leads a village or a part of it, from CSVs of an operator; all lines or none."""

import re
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from data import lines_of, read_day
from insurance.places import read_place
from insurance.work import Work
from models import GroupKind, Head, Target, Village, VillageGroup
from units.gsm import NotGsm, septets
from units.phone import NotAPhone, canonical_phone

_NAME_MAX = 60
_REGION = re.compile(r"[0-9]{2}(?:[0-9]{2}){0,2}|[0-9]{10}")
_WORKERS_MAX = 200_000_000
# A letter first: what is all digits would be read as an RT.
_GROUP_CODE = re.compile(r"(?!R[TW])[A-Z][A-Z0-9]{1,6}")


class BadDesk(ValueError):
    """A file of groups or heads that cannot be taken; names each bad line, and nothing of it was loaded."""


def load_groups(work: Work, file: Path) -> int:
    """Groups from a CSV village,code,kind,name; a repeat changes kind and name. How many. Raises BadDesk."""
    rows, known = _rows(work, file)
    faults = [f"line {number}: {fault}" for number, row in rows for fault in _group_faults(row, known)]
    if faults:
        raise BadDesk("\n".join(faults))
    for _, row in rows:
        given = {"village_code": row["village"], "code": row["code"], "kind": row["kind"], "name": row["name"].strip()}
        statement = insert(VillageGroup).values(given)
        changed = {name: given[name] for name in ("kind", "name")}
        work.db.execute(statement.on_conflict_do_update(index_elements=["village_code", "code"], set_=changed))
    return len(rows)


def load_heads(work: Work, file: Path) -> int:
    """Heads from a CSV village,place,phone,from,until; `place` empty for the village. How many. Raises BadDesk.

    A repeat of village, place and number changes the term; a last day that is past ends it.
    """
    rows, known = _rows(work, file)
    groups = {(row[0], row[1]) for row in work.db.execute(select(VillageGroup.village_code, VillageGroup.code))}
    faults = [f"line {number}: {fault}" for number, row in rows for fault in _head_faults(row, known, groups)]
    if faults:
        raise BadDesk("\n".join(faults))
    for _, row in rows:
        _set_head(work, row)
    return len(rows)


def load_targets(work: Work, file: Path) -> int:
    """Aims from a CSV code,workers,source; `code` of a province, regency, district or village. Raises BadDesk."""
    rows = list(enumerate(lines_of(file, BadDesk), 2))
    if not rows:
        raise BadDesk("no line")
    faults = [f"line {number}: {fault}" for number, row in rows for fault in _target_faults(row)]
    if faults:
        raise BadDesk("\n".join(faults))
    for _, row in rows:
        given = {"workers": int(row["workers"]), "source": row["source"].strip(), "changed_at": work.now}
        statement = insert(Target).values(code=row["code"], **given)
        work.db.execute(statement.on_conflict_do_update(index_elements=["code"], set_=given))
    return len(rows)


def _target_faults(row: dict[str, str]) -> list[str]:
    faults = [] if _REGION.fullmatch(row.get("code") or "") else ["code: two, four, six or ten digits"]
    workers = row.get("workers") or ""
    if not (workers.isascii() and workers.isdigit() and 0 < int(workers) < _WORKERS_MAX):
        faults.append("workers: a whole number above nought")
    return faults if (row.get("source") or "").strip() else [*faults, "source: where the number is from"]


def set_head(work: Work, row: dict[str, str]) -> None:
    """One line of such a file, from a form: village, place, phone, from, until. Raises BadDesk."""
    village = row.get("village") or ""
    groups = select(VillageGroup.village_code, VillageGroup.code).where(VillageGroup.village_code == village)
    known = {village} if work.db.get(Village, village) is not None else set()
    faults = _head_faults(row, known, {(code, group) for code, group in work.db.execute(groups)})
    if faults:
        raise BadDesk("; ".join(faults))
    _set_head(work, row)


def _set_head(work: Work, row: dict[str, str]) -> None:
    place, phone = read_place(row.get("place") or "") or "", canonical_phone(row["phone"])
    since, until = read_day(row["from"]), read_day(row["until"])
    assert since is not None
    assert until is not None
    index = work.keys.index("phone", phone)
    here = Head.village_code == row["village"], Head.place == place, Head.phone_index == index
    # The latest of that number: an earlier term is history.
    head = work.db.scalars(select(Head).where(*here).order_by(Head.id.desc()).limit(1)).unique().one_or_none()
    if head is None:
        sealed = work.keys.shared.seal(phone, "head.phone")
        head = Head(village_code=row["village"], place=place, phone_sealed=sealed, phone_index=index, weekly=False)
        work.db.add(head)
    head.term_from, head.term_until = since, until
    work.db.flush()


def _rows(work: Work, file: Path) -> tuple[list[tuple[int, dict[str, str]]], set[str]]:
    """Numbered lines, and which of their villages there are."""
    rows = lines_of(file, BadDesk)
    if not rows:
        raise BadDesk("no line")
    codes = {row.get("village") or "" for row in rows}
    return list(enumerate(rows, 2)), set(work.db.scalars(select(Village.code).where(Village.code.in_(codes))))


def _group_faults(row: dict[str, str], villages: set[str]) -> list[str]:
    faults = [] if row.get("village") in villages else ["village"]
    if not _GROUP_CODE.fullmatch(row.get("code") or ""):
        faults.append("code: two to seven capitals and digits, a letter first, not RT or RW")
    if row.get("kind") not in {kind.value for kind in GroupKind}:
        faults.append(f"kind: one of {', '.join(GroupKind)}")
    try:
        named = 0 < septets((row.get("name") or "").strip()) <= _NAME_MAX
    except NotGsm:
        named = False
    return faults if named else [*faults, "name"]


def _head_faults(row: dict[str, str], villages: set[str], groups: set[tuple[str, str]]) -> list[str]:
    village = row.get("village") or ""
    faults = [] if village in villages else ["village"]
    place = read_place(row.get("place") or "")
    if place is None or (place.startswith("g") and (village, place[1:]) not in groups):
        faults.append("place: empty, RT 003/005, RW 005 or the code of a group of the village")
    try:
        canonical_phone(row.get("phone") or "")
    except NotAPhone:
        faults.append("phone")
    since, until = read_day(row.get("from") or ""), read_day(row.get("until") or "")
    faults += [name for name, day in (("from", since), ("until", until)) if day is None]
    return [*faults, "until: before from"] if since and until and until < since else faults
