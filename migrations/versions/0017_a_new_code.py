"""A new code of the bank: by what it is asked for, since when it is wanted, and what comes with it."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("mandates", sa.Column("journey", sa.String(length=36), nullable=True))
    op.add_column("mandates", sa.Column("code_wanted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("mandates", sa.Column("charge_sealed", sa.LargeBinary(), nullable=True))
