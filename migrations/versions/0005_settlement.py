"""Settlement files of banks, their lines, and the number of each day; transfers are found by the day they were made."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "settlement_files",
        sa.Column("bank_code", sa.String(length=3), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("debits_rp", sa.BigInteger(), nullable=False),
        sa.Column("returns_rp", sa.BigInteger(), nullable=False),
        sa.Column("refunds_rp", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("bank_code", "day", name=op.f("pk_settlement_files")),
    )
    op.create_table(
        "settlement_lines",
        sa.Column("bank_code", sa.String(length=3), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("amount_rp", sa.BigInteger(), nullable=False),
        sa.Column("bank_reference", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found", sa.String(length=40), nullable=False),
        sa.Column("debit", sa.String(length=12), nullable=False),
        sa.Column("month", sa.Date(), nullable=True),
        sa.Column("worker_id", sa.BigInteger(), nullable=True),
        sa.Column("n", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("bank_code", "day", "reference", "kind", name=op.f("pk_settlement_lines")),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_index(
        "ix_settlement_lines_debit",
        "settlement_lines",
        ["debit", "kind"],
        unique=False,
        postgresql_where=sa.text("debit <> ''"),
    )
    op.create_table(
        "reconciled_days",
        sa.Column("bank_code", sa.String(length=3), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("programme", sa.String(length=40), nullable=False),
        sa.Column("bank_rp", sa.BigInteger(), nullable=False),
        sa.Column("ledger_rp", sa.BigInteger(), nullable=False),
        sa.Column("insurer_rp", sa.BigInteger(), nullable=False),
        sa.Column("difference_rp", sa.BigInteger(), nullable=False),
        sa.Column("explained_rp", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bank_code", "day", "programme", name=op.f("pk_reconciled_days")),
    )
    op.create_index("ix_transfers_at", "transfers", ["at"], unique=False, postgresql_using="brin")
