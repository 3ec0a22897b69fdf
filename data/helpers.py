"""Who may help others to join, from a CSV of an operator; all lines or none."""

from pathlib import Path

from sqlalchemy import select

from data import lines_of, read_day
from insurance.helpers import set_helper
from insurance.work import Work
from models import Village
from models.helper import HELPER_ROLES
from units.gsm import NotGsm, septets
from units.phone import NotAPhone, canonical_phone

_NAME_MAX = 60


class BadHelpers(ValueError):
    """A file of helpers that cannot be taken; names each bad line, and nothing of it was loaded."""


def load_helpers(work: Work, file: Path) -> int:
    """Helpers from a CSV village,phone,name,role,until. How many. Raises BadHelpers."""
    rows, faults = lines_of(file, BadHelpers), list[str]()
    codes = {row.get("village") or "" for row in rows}
    known = set(work.db.scalars(select(Village.code).where(Village.code.in_(codes))))
    for number, row in enumerate(rows, 2):
        faults += [f"line {number}: {fault}" for fault in _faults(row, known)]
    if faults or not rows:
        raise BadHelpers("\n".join(faults or ["no line"]))
    for row in rows:
        until = read_day(row["until"])
        assert until is not None
        set_helper(work, row["village"], canonical_phone(row["phone"]), row["name"].strip(), row["role"], until)
    return len(rows)


def _faults(row: dict[str, str], villages: set[str]) -> list[str]:
    faults = [] if row.get("village") in villages else ["village"]
    try:
        canonical_phone(row.get("phone") or "")
    except NotAPhone:
        faults.append("phone")
    if not _is_name((row.get("name") or "").strip()):
        faults.append("name")
    if row.get("role") not in HELPER_ROLES:
        faults.append("role")
    if read_day(row.get("until") or "") is None:
        faults.append("until")
    return faults


def _is_name(text: str) -> bool:
    try:
        return 0 < septets(text) <= _NAME_MAX
    except NotGsm:
        return False
