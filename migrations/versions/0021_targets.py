"""How many members each region is to have, so that coverage can be shown against it."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "targets",
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("workers", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("workers > 0", name=op.f("ck_targets_somebody")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_targets")),
    )
