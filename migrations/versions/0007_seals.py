"""Seals over events and transfers; a seal is inserted and never touched again, like what it seals."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed_table", sa.String(length=40), nullable=False),
        sa.Column("after_id", sa.BigInteger(), nullable=False),
        sa.Column("to_id", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("sum_rp", sa.BigInteger(), nullable=False),
        sa.Column("rows_hash", sa.String(length=64), nullable=False),
        sa.Column("chain_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_seals_numbered")),
        sa.CheckConstraint("to_id > after_id AND row_count > 0", name=op.f("ck_seals_not_empty")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_seals")),
    )
    op.create_index("uq_seals_range", "seals", ["sealed_table", "after_id"], unique=True)
    op.execute("CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON seals FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    op.execute(
        "CREATE TRIGGER not_emptied BEFORE TRUNCATE ON seals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
