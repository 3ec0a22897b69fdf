"""Procrastinate's own tables and functions, in the shape of version 3.10; later versions ship their own steps."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Straight to the driver: the schema's PL/pgSQL holds `:=` and `%`, which SQLAlchemy would read as parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(SchemaManager.get_schema())
