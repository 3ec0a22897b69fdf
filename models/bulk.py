"""Writes many rows in one statement, as arrays: what a run of millions needs and a single call can use as well."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import Select, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import psycopg as driver_dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from models.base import Base

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_DRIVER = driver_dialect.dialect()  # type: ignore[no-untyped-call]
Rows = Sequence[Mapping[str, Any]]


def _kind(model: type[Base], name: str) -> str:
    """`bigint`, `varchar`: the column's type without its length."""
    kind: TypeEngine[Any] = model.__table__.columns[name].type
    return kind.compile(dialect=_DIALECT).split("(")[0].lower()


def _array(model: type[Base], name: str) -> str:
    """`bigint[]`: the statement's shape does not grow with the rows, so the server plans it once (services.md 7)."""
    return f"CAST(:{name} AS {_kind(model, name)}[])"


@lru_cache(maxsize=256)
def _copy(model: type[Base], names: tuple[str, ...]) -> tuple[str, list[str]]:
    """The statement and the types of its columns."""
    listed = ", ".join(f'"{name}"' for name in names)
    return f'COPY "{model.__tablename__}" ({listed}) FROM STDIN (FORMAT BINARY)', [_kind(model, name) for name in names]


@lru_cache(maxsize=256)
def _insert(model: type[Base], names: tuple[str, ...], returning: str) -> TextClause:
    end = f" ON CONFLICT DO NOTHING RETURNING {returning}"
    listed = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(_array(model, name) for name in names)
    # Names of tables and columns come from the models: nothing typed by anyone gets here.
    return text(f'INSERT INTO "{model.__tablename__}" ({listed}) SELECT * FROM unnest({arrays}){end}')  # noqa: S608


@lru_cache(maxsize=256)
def _update(model: type[Base], keys: tuple[str, ...], names: tuple[str, ...], once: frozenset[str]) -> TextClause:
    """`once` are those that have one value for all rows; of `keys`, all but one or none."""
    listed = [name for name in (*keys, *names) if name not in once]
    value = {name: f"CAST(:{name} AS {_kind(model, name)})" for name in once}
    if len(listed) == 1:
        # All that differs is one key: no join, and where the rest of the key names the month, one partition is opened.
        given, value[listed[0]] = "", f"ANY({_array(model, listed[0])})"
    else:
        value |= {name: f'given."{name}"' for name in listed}
        given = ", ".join(_array(model, name) for name in listed)
        columns = ", ".join(f'"{name}"' for name in listed)
        given = f" FROM unnest({given}) AS given({columns})"
    sets = ", ".join(f'"{name}" = {value[name]}' for name in names)
    on = " AND ".join(f'row."{key}" = {value[key]}' for key in keys)
    return text(f'UPDATE "{model.__tablename__}" AS row SET {sets}{given} WHERE {on}')  # noqa: S608


def _arrays(names: Iterable[str], rows: Rows) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


_BY_KEY = text(
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), "
    "set_config('enable_mergejoin', 'off', true)"
)


def read_by_key(db: Session) -> None:
    """Look rows up by their keys for the rest of this transaction, whatever the server believes of its tables.

    A new month's partitions are empty in its statistics until somebody analyses them: a join would read them whole for
    every chunk, and a run of a hundred thousand would cost as their square (docs/bench.md).
    """
    if not db.info.get("by_key"):
        db.execute(_BY_KEY)
        db.info["by_key"] = True


@contextmanager
def _cursor(db: Session) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """The driver's own, in the session's transaction, after what the session has to write; answers come in binary.

    Its errors are raised as SQLAlchemy's: who calls knows one kind of them.
    """
    db.flush()
    connection = db.connection()
    driver = connection.connection.driver_connection
    assert driver is not None
    try:
        with driver.cursor(binary=True) as cursor:
            yield cursor
    except psycopg.Error as error:
        raise DBAPIError.instance(
            None, None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
        ) from error


Question = tuple[str, Mapping[str, Any]]
"""SQL as the driver takes it, with the values that are always the same."""


def question(query: Select[*tuple[Any, ...]]) -> Question:
    """`query` for `read_rows`, put into words once."""
    compiled = query.compile(dialect=_DRIVER)
    return str(compiled), compiled.params


def read_rows(db: Session, asked: Question, **values: Any) -> list[tuple[Any, ...]]:
    """Plain tuples: a run reads every row of its month several times, and as text each costs both sides more."""
    statement, always = asked
    with _cursor(db) as cursor:
        return cursor.execute(statement, {**always, **values}).fetchall()


def copy_rows(db: Session, model: type[Base], names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert `rows`, values in the order of `names`, by COPY; a key that is there already is an error."""
    if not rows:
        return
    statement, kinds = _copy(model, names)
    with _cursor(db) as cursor, cursor.copy(statement) as copy:
        # Binary: a sixth of the client's work, and less of the server's (docs/bench.md).
        copy.set_types(kinds)
        for row in rows:
            copy.write_row(row)


def insert_rows(db: Session, model: type[Base], rows: Rows) -> None:
    """Insert `rows`, dicts of one shape, by COPY."""
    if rows:
        copy_rows(db, model, tuple(rows[0]), [tuple(row.values()) for row in rows])


def add_unknown(db: Session, model: type[Base], rows: Rows, returning: str) -> list[Any]:
    """Insert those of `rows` whose key is not there yet; the values of column `returning` of the new ones."""
    if not rows:
        return []
    names = tuple(rows[0])
    return list(db.execute(_insert(model, names, returning), _arrays(names, rows)).scalars())


def update_rows(db: Session, model: type[Base], keys: tuple[str, ...], rows: Rows, **fixed: Any) -> int:
    """Set, in the rows that `keys` name, the other fields of `rows` and the `fixed` ones; how many rows there were."""
    if not rows:
        return 0
    names = tuple(name for name in rows[0] if name not in keys)
    values = _arrays((*keys, *names), rows)
    once = {name: values[name][0] for name in names if len(set(values[name])) == 1} | fixed
    if once.keys() >= set(names):
        varying = [key for key in keys if len(set(values[key])) > 1]
        if len(varying) < 2:
            once |= {key: values[key][0] for key in keys if key != (varying or keys)[-1]}
    done = db.execute(_update(model, keys, (*names, *fixed), frozenset(once)), {**values, **once})
    return int(getattr(done, "rowcount", 0))
