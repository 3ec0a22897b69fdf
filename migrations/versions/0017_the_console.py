"""Operators of the console: who they are, what they may see, and how they prove who they are."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "operators",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("regencies", sa.ARRAY(sa.String(length=4)), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("uniquifier", sa.String(length=64), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=False),
        sa.Column("factor", sa.Text(), nullable=True),
        sa.Column("factor_counter", sa.BigInteger(), nullable=False),
        sa.Column("code_index", sa.LargeBinary(), nullable=True),
        sa.Column("code_until", _MOMENT, nullable=True),
        sa.Column("code_tries", sa.SmallInteger(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.CheckConstraint(
            "(role = 'branch') = (cardinality(regencies) > 0)", name=op.f("ck_operators_regencies_of_a_branch")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operators")),
        sa.UniqueConstraint("name", name=op.f("uq_operators_name")),
        sa.UniqueConstraint("uniquifier", name=op.f("uq_operators_uniquifier")),
    )
