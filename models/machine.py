"""A machine of state is one dict of legal moves; a move writes its event in the same transaction, or is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy.orm import Session

from models.event import record


class IllegalMove(Exception):
    """A state was asked to go where its machine has no way; says from, to and what, never who."""


class Stateful(Protocol):
    state: str

    @property
    def subject(self) -> tuple[str, str]:
        """Its kind and id, as an event names it: `("mandate", "17")`."""
        ...


@dataclass(frozen=True)
class Cause:
    """Who moved it and why: `Cause("member", "ussd")`, `Cause("bank", "2007100")`."""

    actor: str
    why: str
    code: str = ""


Moves = Mapping[StrEnum, frozenset[StrEnum]]


def legal_moves(table: Mapping[StrEnum, str]) -> Moves:
    """`{State.A: "B C"}` as sets; a name that is no state is a KeyError when the module loads."""
    return {state: frozenset(type(state)[name] for name in to.split()) for state, to in table.items()}


def check(kind: str, moves: Moves, before: str, to: StrEnum) -> None:
    """Raises IllegalMove where the machine has no way from `before` to `to`."""
    states = type(to)
    if to not in moves[states(before)]:
        raise IllegalMove(f"{kind}: {before} -> {to.value}")


def move(db: Session, row: Stateful, moves: Moves, to: StrEnum, cause: Cause, at: datetime) -> None:
    """Put `row` into state `to` and record the event. Raises IllegalMove where the machine has no such way."""
    before = row.state
    check(row.subject[0], moves, before, to)
    row.state = to.value
    record(db, row.subject, cause.actor, cause.why, cause.code, before, to.value, at)
