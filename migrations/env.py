"""Alembic's entry: runs on the connection that `migrations.upgrade` hands over, under one lock for all processes."""

from typing import Any

from alembic import context
from sqlalchemy import text

from models import Base

# Any fixed number will do: it names the lock that one migrating process holds.
_LOCK = 7_304_118


def _ours(found: Any, name: str | None, type_: str, reflected: bool, _compare_to: Any) -> bool:
    """Partitions, the keys PostgreSQL derives for them, and Procrastinate's own tables are not models."""
    if reflected and type_ == "foreign_key_constraint":
        return str(found.elements[0].target_fullname).split(".")[0] in Base.metadata.tables
    return not (type_ == "table" and reflected and name not in Base.metadata.tables)


connection = context.config.attributes["connection"]
connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
connection.commit()
try:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=_ours,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
finally:
    connection.rollback()
    connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
    connection.commit()
