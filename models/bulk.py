"""Writes many rows in one statement, as arrays: what a run of millions needs and a single call can use as well."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from models.base import Base

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
Rows = Sequence[Mapping[str, Any]]


def _array(name: str, kind: TypeEngine[Any]) -> str:
    """`bigint[]`: the statement's shape does not grow with the rows, so the server plans it once (services.md 7)."""
    return f"CAST(:{name} AS {kind.compile(dialect=_DIALECT).split('(')[0]}[])"


@lru_cache(maxsize=256)
def _copy(model: type[Base], names: tuple[str, ...]) -> str:
    listed = ", ".join(f'"{name}"' for name in names)
    return f'COPY "{model.__tablename__}" ({listed}) FROM STDIN'


@lru_cache(maxsize=256)
def _insert(model: type[Base], names: tuple[str, ...], returning: str) -> TextClause:
    columns = model.__table__.columns
    end = f" ON CONFLICT DO NOTHING RETURNING {returning}"
    listed = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(_array(name, columns[name].type) for name in names)
    # Names of tables and columns come from the models: nothing typed by anyone gets here.
    return text(f'INSERT INTO "{model.__tablename__}" ({listed}) SELECT * FROM unnest({arrays}){end}')  # noqa: S608


@lru_cache(maxsize=256)
def _update(model: type[Base], keys: tuple[str, ...], names: tuple[str, ...], fixed: tuple[str, ...]) -> TextClause:
    columns = model.__table__.columns
    given = (*keys, *names)
    listed = ", ".join(f'"{name}"' for name in given)
    arrays = ", ".join(_array(name, columns[name].type) for name in given)
    sets = [f'"{name}" = given."{name}"' for name in names]
    sets += [f'"{name}" = CAST(:{name} AS {columns[name].type.compile(dialect=_DIALECT)})' for name in fixed]
    on = " AND ".join(f'row."{key}" = given."{key}"' for key in keys)
    table = model.__tablename__
    update = f'UPDATE "{table}" AS row SET {", ".join(sets)} FROM unnest({arrays}) AS given({listed}) WHERE {on}'  # noqa: S608
    return text(update)


def _arrays(names: Sequence[str], rows: Rows) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


def copy_rows(db: Session, model: type[Base], names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert `rows`, values in the order of `names`, by COPY; a key that is there already is an error."""
    db.flush()
    driver = db.connection().connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(_copy(model, names)) as copy:
        for row in rows:
            copy.write_row(row)


def insert_rows(db: Session, model: type[Base], rows: Rows) -> None:
    """Insert `rows`, dicts of one shape, by COPY."""
    if rows:
        copy_rows(db, model, tuple(rows[0]), (tuple(row.values()) for row in rows))


def add_unknown(db: Session, model: type[Base], rows: Rows, returning: str) -> list[Any]:
    """Insert those of `rows` whose key is not there yet; the values of column `returning` of the new ones."""
    if not rows:
        return []
    names = tuple(rows[0])
    return list(db.execute(_insert(model, names, returning), _arrays(names, rows)).scalars())


def update_rows(db: Session, model: type[Base], keys: Sequence[str], rows: Rows, **fixed: Any) -> int:
    """Set, in the rows that `keys` name, the other fields of `rows` and the `fixed` ones; how many rows there were."""
    if not rows:
        return 0
    names = tuple(name for name in rows[0] if name not in keys)
    statement = _update(model, tuple(keys), names, tuple(fixed))
    done = db.execute(statement, {**_arrays((*keys, *names), rows), **fixed})
    return int(getattr(done, "rowcount", 0))
