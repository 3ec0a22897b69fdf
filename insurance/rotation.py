"""Puts everything that the former master key protects under the present one, a chunk a transaction, while all goes on.

Nothing is kept of how far it came: what is done is seen to be done, so that it may be broken off and begun again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute

from insurance.personal import SHARED, WRAPPED, SharedKey
from insurance.work import Work
from sealing import Unreadable

AT_ONCE = 500
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """One table with what is sealed in it; `wrapped` holds people's own keys, else texts under the shared key."""

    name: str
    table: Table
    shared: SharedKey | None = None
    wrapped: InstrumentedAttribute[Any] | None = None


@dataclass(frozen=True)
class Done:
    """What a chunk came to: where the next begins (None at the end), rows seen, sealed anew, and that no key opens."""

    next: Key | None
    seen: int
    changed: int
    unreadable: int


def places() -> Iterator[Place]:
    for wrapped in WRAPPED:
        yield Place(wrapped.class_.__tablename__, _table(wrapped.class_), wrapped=wrapped)
    for shared in SHARED:
        yield Place(shared.table.__tablename__, _table(shared.table), shared=shared)


def _table(noun: Any) -> Table:
    found = noun.__table__
    assert isinstance(found, Table)
    return found


def rotate_some(work: Work, place: Place, after: Key | None, *, dry_run: bool = False) -> Done:
    """The rows of `place` past `after`, at most AT_ONCE, locked while they are written. The caller commits."""
    table = place.table
    primary = list(table.primary_key)
    names = [place.wrapped.key] if place.wrapped is not None else [name for name, _ in _columns(place)]
    query = select(*primary, *(table.c[name] for name in names)).order_by(*primary).limit(AT_ONCE)
    if after is not None:
        query = query.where(tuple_(*primary) > after)
    if place.shared is not None and place.shared.rows is not None:
        query = query.where(place.shared.rows)
    if not dry_run:
        query = query.with_for_update()
    rows = work.db.execute(query).all()
    changed = unreadable = 0
    for row in rows:
        key, sealed = tuple(row[: len(primary)]), row[len(primary) :]
        try:
            fresh = _anew(work, place, sealed)
        except Unreadable:
            unreadable += 1
            continue
        new = {name: value for name, value in zip(names, fresh, strict=True) if value is not None}
        changed += bool(new)
        if new and not dry_run:
            where = [column == value for column, value in zip(primary, key, strict=True)]
            work.db.execute(update(table).where(*where).values(new))
    past = tuple(rows[-1][: len(primary)]) if len(rows) == AT_ONCE else None
    return Done(past, len(rows), changed, unreadable)


def _columns(place: Place) -> Sequence[tuple[str, str]]:
    return place.shared.columns if place.shared is not None else ()


def _anew(work: Work, place: Place, sealed: Sequence[bytes | None]) -> list[bytes | None]:
    """Each column's new content, None where it stays; what was emptied stays empty. Raises Unreadable."""
    if place.wrapped is not None:
        return [work.keys.wrapped_anew(one) if one else None for one in sealed]
    about = [binding for _, binding in _columns(place)]
    return [work.keys.shared.anew(one, what) if one else None for one, what in zip(sealed, about, strict=True)]
