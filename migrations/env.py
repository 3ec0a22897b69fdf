"""Alembic's entry: runs on the connection that `migrations.upgrade` hands over, under one lock for all processes."""

from typing import Any

from alembic import context
from sqlalchemy import text

from models import Base

# Any fixed number will do: it names the lock that one migrating process holds.
_LOCK = 7_304_118


def _ours(_object: Any, name: str | None, type_: str, reflected: bool, _compare_to: Any) -> bool:
    """Partitions and Procrastinate's own tables are not models."""
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
