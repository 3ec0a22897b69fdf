"""Sponsors: who promised to pay whose months."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "sponsorships",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("payer", sa.String(length=40), nullable=False),
        sa.Column("from_month", sa.Date(), nullable=False),
        sa.Column("months", sa.SmallInteger(), nullable=False),
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("promised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint("months BETWEEN 1 AND 12", name=op.f("ck_sponsorships_a_year_at_most")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_sponsorships_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sponsorships")),
        sa.UniqueConstraint("reference", name=op.f("uq_sponsorships_reference")),
    )
    op.create_index(op.f("ix_sponsorships_worker_id"), "sponsorships", ["worker_id"], unique=False)
    op.create_index(
        "ix_sponsorships_running",
        "sponsorships",
        ["id"],
        unique=False,
        postgresql_where=sa.text("ended_on IS NULL"),
    )
