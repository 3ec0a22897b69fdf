"""Operators as Flask-Security knows them: rows read and written one at a time; each second factor is good once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask_security import RoleMixin, UserDatastore, UserMixin
from flask_security.totp import Totp
from passlib.exc import UsedTokenError
from passlib.totp import TOTP, TotpMatch
from sqlalchemy import select, update

from insurance.operators import Sight, sight_of
from models import Operator, Role
from ports import Ports
from units.clock import Clock

AUTHENTICATOR = "authenticator"


class AccountRole(RoleMixin):
    """A role in the form that Flask-Security asks for; what it opens is said at each door."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get_permissions(self) -> set[str]:
        return set()


@dataclass(eq=False)
class Account(UserMixin):
    """One operator in one request. The fields from `fs_uniquifier` on have the names that Flask-Security reads."""

    id: int
    name: str
    role: Role
    sight: Sight
    language: str
    active: bool
    fs_uniquifier: str = ""
    password: str = ""
    tf_primary_method: str | None = None
    tf_totp_secret: str | None = None
    tf_phone_number: None = None
    roles: list[RoleMixin] = field(default_factory=list)


def _account(row: Operator) -> Account:
    return Account(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        sight=sight_of(row.role, row.regencies),
        language=row.language,
        active=row.active,
        fs_uniquifier=row.uniquifier,
        password=row.password,
        tf_primary_method=AUTHENTICATOR if row.factor else None,
        tf_totp_secret=row.factor,
        roles=[AccountRole(row.role)],
    )


class Accounts(UserDatastore):
    """Reads by name or by what a session knows; writes what a login may change, each in a transaction of its own."""

    def __init__(self, ports: Ports) -> None:
        super().__init__(Account, AccountRole)
        self._ports = ports

    def find_user(self, case_insensitive: bool = False, **by: Any) -> Account | None:
        ((field, value),) = by.items()
        column = {"name": Operator.name, "fs_uniquifier": Operator.uniquifier}[field]
        with self._ports.transaction() as work:
            row = work.db.scalars(select(Operator).where(column == value)).one_or_none()
            return _account(row) if row else None

    def find_role(self, role: str) -> AccountRole:
        return AccountRole(role)

    def put(self, model: Account) -> Account:
        """Password (hashed anew where its rule changed) and second factor; all else is changed elsewhere."""
        factor = model.tf_totp_secret if model.tf_primary_method == AUTHENTICATOR else None
        # Whose access was reset meanwhile is known by another name already, and nothing is written.
        mine = Operator.id == model.id, Operator.uniquifier == model.fs_uniquifier
        with self._ports.transaction() as work:
            work.db.execute(update(Operator).where(*mine).values(password=model.password, factor=factor))
        return model

    def commit(self) -> None:
        """Each `put` was committed."""


def make_totp(ports: Ports) -> type[Totp]:
    """The class that Flask-Security makes its factory of, bound to our clock and rows."""

    class OnceTotp(Totp):
        """Each code is good once, as RFC 6238 (5.2) asks; of two that send the same one at once, one is refused."""

        def __init__(self, secrets: dict[str, str] | dict[int, str], issuer: str) -> None:
            super().__init__(secrets, issuer)
            self._totp = TOTP.using(issuer=issuer, secrets=secrets, now=_seconds(ports.clock))

        def set_last_counter(self, user: UserMixin, tmatch: TotpMatch) -> None:
            later = Operator.id == user.id, Operator.factor_counter < tmatch.counter
            with ports.transaction() as work:
                taken = work.db.scalar(
                    update(Operator).where(*later).values(factor_counter=tmatch.counter).returning(Operator.id)
                )
            if taken is None:
                raise UsedTokenError

    return OnceTotp


def _seconds(clock: Clock) -> Callable[[], float]:
    return lambda: clock().timestamp()
