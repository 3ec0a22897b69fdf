"""What the processes may do in the database: read and write rows, never touch history, own nothing, make no table."""

from sqlalchemy import Connection, text

from models import Base

APPEND_ONLY = ("events", "transfers")
"""Inserted and never touched again; their triggers say so too, and hold against the owner."""
EMPTIED_ONLY = {"consents": ("text_sealed", "text_hash", "phone_sealed", "phone_index")}
"""Of these rows an erasure empties some columns, and nothing deletes one."""
_FUNCTIONS = ("make_month(text, date)", "drop_texts_of(date)")


class NoSuchRole(LookupError):
    """The role is to be made first, by whoever may."""


def grant(connection: Connection, role: str) -> None:
    """Give `role` what web, worker and console need, and nothing more; a repeat brings it up to date.

    Raises NoSuchRole; the caller commits.
    """
    name = connection.scalar(text("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname = :role"), {"role": role})
    if name is None:
        raise NoSuchRole(role)
    own = list(Base.metadata.tables)
    engine = connection.scalars(
        text(
            "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind = 'r' AND relname LIKE 'procrastinate%'"
        )
    ).all()
    orders = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}",
        f"GRANT USAGE ON SCHEMA public TO {name}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}",
        f"GRANT INSERT ON {', '.join((*own, *engine))} TO {name}",
        *(f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO {name}" for table, columns in EMPTIED_ONLY.items()),
        *(f"GRANT EXECUTE ON FUNCTION {function} TO {name}" for function in _FUNCTIONS),
    ]
    changed = [table for table in own if table not in APPEND_ONLY and table not in EMPTIED_ONLY]
    orders.append(f"GRANT UPDATE, DELETE ON {', '.join((*changed, *engine))} TO {name}")
    for order in orders:
        connection.execute(text(order))
