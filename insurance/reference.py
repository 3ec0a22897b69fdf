"""Rows that change only with a release or an import, kept in the process for a minute; never a person's."""

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.orm import Session

from models import Base

T = TypeVar("T")
Row = TypeVar("Row", bound=Base)

# How long a new tariff, bank or village may go unseen by a process that runs.
FRESH = timedelta(seconds=60)
# Districts, village codes and a few lists; past it the whole is read anew rather than grow.
KEYS_MAX = 10_000


class Reference:
    """A small cache by key. Several threads may read the same rows twice, which is harmless."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[datetime, object]] = {}

    def get(self, key: Hashable, now: datetime, read: Callable[[], T]) -> T:
        found = self._kept.get(key)
        if found is not None and timedelta() <= now - found[0] < FRESH:
            return found[1]  # type: ignore[return-value]  # A key is always read by the same function.
        value = read()
        if len(self._kept) >= KEYS_MAX:
            self.clear()
        self._kept[key] = (now, value)
        return value

    def clear(self) -> None:
        self._kept = {}


def detached(db: Session, rows: Sequence[Row]) -> list[Row]:
    """The rows taken out of their session, so that its rollback cannot empty them in the cache."""
    for row in rows:
        db.expunge(row)
    return list(rows)
