"""The funnel: how callers fared on each screen, in counts by day."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "funnel_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("screen", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("entered", sa.BigInteger(), nullable=False),
        sa.Column("answered", sa.BigInteger(), nullable=False),
        sa.Column("wrong", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "screen", "language", "gateway", name=op.f("pk_funnel_days")),
    )
