"""Operators of the console: made, changed and let in, and which villages each may see; passwords are the console's."""

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, false, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from insurance.runs import TIMETABLE
from insurance.work import Work
from models import Operator, Role, Village
from models.event import record
from models.operator import OPERATOR_LETTERS_MAX

CODE_LIFE = timedelta(hours=24)
CODE_TRIES_MAX = 5
# Without those that are mistaken for each other; 16 of 32 letters are 80 bits.
_CODE_ALPHABET, _CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 16
# As a work item keeps who agreed: small letters, one word, so that no second spelling makes a second person.
_NAME = re.compile(rf"[a-z][a-z0-9.-]{{1,{OPERATOR_LETTERS_MAX - 1}}}")
NOBODYS = (TIMETABLE, "system", "bank", "people", "member", "insurer", "sandbox", "cli", "stranger")
"""How events name what is no person."""


class BadOperator(ValueError):
    """Says which part cannot be taken: `name`, `taken`, `role`, `regencies`, `unknown`, `self` or `last_admin`."""


class WrongCode(Exception):
    """Not this name with this code, or no longer: which of them is not said."""


@dataclass(frozen=True)
class Sight:
    """What an operator may see: villages of `regencies` by their first four digits, or of all where it is None."""

    regencies: tuple[str, ...] | None

    def sees(self, village_code: str) -> bool:
        return self.regencies is None or village_code[:4] in self.regencies

    def of(self, column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        """The condition on a column of village codes, by ranges of its index."""
        if self.regencies is None:
            return true()
        return or_(false(), *(column.between(*between(regency)) for regency in self.regencies))


def between(prefix: str) -> tuple[str, str]:
    """The first and the last village code that begin so, in any order of letters that a database may have."""
    return prefix, prefix.ljust(10, "9")


ALL = Sight(None)
NOTHING = Sight(())


def sight_of(role: str, regencies: Collection[str]) -> Sight:
    """Of people: those whose work is no person's see nobody."""
    if role == Role.ADMIN.value:
        return ALL
    return Sight(tuple(sorted(regencies))) if role == Role.BRANCH.value else NOTHING


def add(work: Work, name: str, role: str, regencies: Collection[str], by: str) -> str:
    """A new operator; the one-time way in, told to nobody else and kept nowhere. Raises BadOperator."""
    name = name.strip()
    if not _NAME.fullmatch(name) or name in NOBODYS:
        raise BadOperator("name")
    if work.db.scalar(select(Operator.id).where(Operator.name == name)) is not None:
        raise BadOperator("taken")
    row = Operator(
        name=name,
        role=role,
        regencies=_checked(work, role, regencies),
        language="id",
        active=True,
        uniquifier=_uniquifier(),
        password="",
        factor_counter=0,
        code_tries=0,
        made_at=work.now,
    )
    code = _new_code(work, row)
    work.db.add(row)
    work.db.flush()
    record(work.db, row.subject, by, "added", "", "", role, work.now)
    return code


def set_role(work: Work, name: str, role: str, regencies: Collection[str], by: str) -> None:
    """Ends the operator's sessions: what an open page allows must not outlive the role. Raises BadOperator."""
    row = _other(work, name, by)
    checked = _checked(work, role, regencies)
    if row.role == Role.ADMIN.value and role != row.role:
        _check_not_last(work)
    before, row.role, row.regencies, row.uniquifier = row.role, role, checked, _uniquifier()
    record(work.db, row.subject, by, "role", "+".join(checked), before, role, work.now)


def set_active(work: Work, name: str, by: str, *, active: bool) -> None:
    """Raises BadOperator."""
    row = _other(work, name, by)
    if row.active == active:
        return
    if row.role == Role.ADMIN.value and not active:
        _check_not_last(work)
    row.active, row.uniquifier = active, _uniquifier()
    words = ("off", "on")
    record(work.db, row.subject, by, "active", "", words[not active], words[active], work.now)


def new_way_in(work: Work, name: str, by: str) -> str:
    """For who lost password or phone: both are gone, sessions end, and a new code lets in. Raises BadOperator."""
    row = _other(work, name, by)
    row.password, row.factor, row.uniquifier = "", None, _uniquifier()
    code = _new_code(work, row)
    record(work.db, row.subject, by, "new_way_in", "", "", "", work.now)
    return code


def by_code(work: Work, name: str, code: str) -> Operator | None:
    """Whom this one-time code lets in, held; None where it does not, which counts. The caller commits either way."""
    row = work.db.scalars(select(Operator).where(Operator.name == name.strip()).with_for_update()).one_or_none()
    if row is None or not row.active or row.code_index is None or row.code_until is None:
        return None
    if row.code_until <= work.now or row.code_tries >= CODE_TRIES_MAX:
        return None
    if row.code_index == _index(work, row.name, code):
        return row
    row.code_tries += 1
    record(work.db, row.subject, row.name, "wrong_code", "", "", "", work.now)
    return None


def let_in(work: Work, row: Operator, password_hash: str) -> None:
    """The code is used up, the password stands; the second factor is set up at the first login."""
    row.password, row.factor, row.uniquifier = password_hash, None, _uniquifier()
    row.code_index, row.code_until, row.code_tries = None, None, 0
    record(work.db, row.subject, row.name, "let_in", "", "", "", work.now)


def speak(work: Work, operator_id: int, language: str) -> None:
    work.db.get_one(Operator, operator_id).language = language


def listed(work: Work) -> Sequence[Operator]:
    return work.db.scalars(select(Operator).order_by(Operator.name)).all()


def _other(work: Work, name: str, by: str) -> Operator:
    """Held. Nobody changes the own account: raises BadOperator."""
    row = work.db.scalars(select(Operator).where(Operator.name == name).with_for_update()).one_or_none()
    if row is None:
        raise BadOperator("unknown")
    if row.name == by:
        raise BadOperator("self")
    return row


def _check_not_last(work: Work) -> None:
    admins = select(Operator.id).where(Operator.role == Role.ADMIN.value, Operator.active)
    # Held, so that two of the last two cannot end each other at once.
    if len(work.db.scalars(admins.order_by(Operator.id).with_for_update()).all()) < 2:
        raise BadOperator("last_admin")


def _checked(work: Work, role: str, regencies: Collection[str]) -> list[str]:
    """Raises BadOperator."""
    if role not in {known.value for known in Role}:
        raise BadOperator("role")
    wanted = sorted(set(regencies))
    if bool(wanted) != (role == Role.BRANCH.value) or not all(_is_regency(work, code) for code in wanted):
        raise BadOperator("regencies")
    return wanted


def _is_regency(work: Work, code: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}", code):
        return False
    here = select(Village.code).where(Village.code.between(*between(code))).limit(1)
    return work.db.scalar(here) is not None


def _uniquifier() -> str:
    return secrets.token_hex(32)


def _new_code(work: Work, row: Operator) -> str:
    code = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LETTERS))
    row.code_index = _index(work, row.name, code)
    row.code_until, row.code_tries = work.now + CODE_LIFE, 0
    return "-".join(code[at : at + 4] for at in range(0, _CODE_LETTERS, 4))


def _index(work: Work, name: str, code: str) -> bytes:
    typed = re.sub(r"[^A-Z0-9]", "", code.upper())
    return work.keys.index("operator_code", f"{name}:{typed}")
