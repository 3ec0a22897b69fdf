"""Who may use the console: a person of the insurer or the programme, by login name, with one role; never a worker."""

from enum import StrEnum

from sqlalchemy import ARRAY, BigInteger, Boolean, CheckConstraint, Identity, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BlindIndex, Code, Id, Instant

OPERATOR_LETTERS_MAX = 40
"""As long as the name by which an approval is signed."""


class Role(StrEnum):
    VIEWER = "viewer"
    """Counts and states, nobody's name."""
    BRANCH = "branch"
    """People, tickets and villages of some regencies."""
    FINANCE = "finance"
    """Runs, money and what two people decide of it; nobody's name."""
    ADMIN = "admin"
    """People of all regencies, and the operators themselves."""


class Operator(Base):
    __tablename__ = "operators"
    __table_args__ = (
        CheckConstraint("(role = 'branch') = (cardinality(regencies) > 0)", name="regencies_of_a_branch"),
    )

    id: Mapped[Id] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(OPERATOR_LETTERS_MAX), unique=True)
    """Login name, and how events and approvals name the person: the same as `--by` of the commands."""
    role: Mapped[Code]
    regencies: Mapped[list[str]] = mapped_column(ARRAY(String(4)))
    """Of a branch: the first four digits of the villages that are seen."""
    language: Mapped[str] = mapped_column(String(2))
    active: Mapped[bool] = mapped_column(Boolean)
    uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    """What a session knows the operator by; another one ends every session."""
    password: Mapped[str] = mapped_column(String(255), default="")
    """argon2id; empty before the first way in was used."""
    factor: Mapped[str | None] = mapped_column(Text)
    """The second factor's secret, encrypted; None before it is set up."""
    factor_counter: Mapped[int] = mapped_column(BigInteger, default=0)
    """The last code that was taken: the same one again is refused."""
    code_index: Mapped[BlindIndex | None]
    """Keyed hash of the one-time way in."""
    code_until: Mapped[Instant | None]
    code_tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    made_at: Mapped[Instant]

    @property
    def subject(self) -> tuple[str, str]:
        return ("operator", str(self.id))
