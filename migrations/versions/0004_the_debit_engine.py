"""The debit engine's rows: runs, chunks, lanes, refunds, work items, the banks' own words; more states of a mandate."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# New columns of attempts that are there already: their bank is the mandate's, and what they were for can be told.
_FILLED = (
    ("bank_code", sa.String(length=3), "(SELECT m.bank_code FROM mandates m WHERE m.id = mandate_id)"),
    ("why", sa.String(length=40), "CASE WHEN needs_notice THEN 'monthly' ELSE 'first' END"),
    ("asks", sa.SmallInteger(), "0"),
)


def upgrade() -> None:
    op.create_table(
        "bank_files",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("bank_code", sa.String(length=3), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_bank_files")),
    )
    op.create_table(
        "bank_notices",
        sa.Column("replay_key", sa.String(length=64), nullable=False),
        sa.Column("bank_code", sa.String(length=3), nullable=False),
        sa.Column("became", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("bank_reference", sa.String(length=64), nullable=False),
        sa.Column("amount_rp", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("replay_key", name=op.f("pk_bank_notices")),
    )
    op.create_index(
        "ix_bank_notices_to_read", "bank_notices", ["received_at"], unique=False, postgresql_where=sa.text("NOT read")
    )
    op.create_index(op.f("ix_bank_notices_reference"), "bank_notices", ["reference"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("attempt_reference", sa.String(length=12), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("bank_code", sa.String(length=3), nullable=False),
        sa.Column("amount_rp", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("why", sa.String(length=40), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bank_reference", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_rp > 0", name=op.f("ck_refunds_amount_positive")),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_refunds")),
        sa.UniqueConstraint("attempt_reference", name=op.f("uq_refunds_attempt_reference")),
    )
    op.create_index(
        "ix_refunds_to_send",
        "refunds",
        ["state", "lease_until"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('done', 'undone')"),
    )
    op.create_table(
        "runs",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("mandates", sa.Integer(), nullable=False),
        sa.Column("sum_max_rp", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_runs")),
    )
    op.create_table(
        "work_items",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("about", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("bank_code", sa.String(length=3), nullable=False),
        sa.Column("amount_rp", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("decision", sa.String(length=40), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_items")),
    )
    op.create_index(
        "ix_work_items_open",
        "work_items",
        ["kind", "due_on"],
        unique=False,
        postgresql_where=sa.text("state IN ('open', 'approved')"),
    )
    op.create_index("uq_work_items_matter", "work_items", ["kind", "about"], unique=True)
    op.create_table(
        "approvals",
        sa.Column("work_item_id", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("decision", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["work_item_id"], ["work_items.id"], name=op.f("fk_approvals_work_item_id")),
        sa.PrimaryKeyConstraint("work_item_id", "by", name=op.f("pk_approvals")),
    )
    op.create_table(
        "chunks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("bank_code", sa.String(length=3), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("scheduled", sa.Integer(), nullable=False),
        sa.Column("above_maximum", sa.Integer(), nullable=False),
        sa.Column("too_late", sa.Integer(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["month"], ["runs.month"], name=op.f("fk_chunks_month")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chunks")),
    )
    op.create_index("ix_chunks_open", "chunks", ["month"], unique=False, postgresql_where=sa.text("planned_at IS NULL"))
    op.create_table(
        "lanes",
        sa.Column("bank_code", sa.String(length=3), nullable=False),
        sa.Column("drained", sa.Boolean(), nullable=False),
        sa.Column("drained_by", sa.String(length=40), nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["bank_code"], ["banks.code"], name=op.f("fk_lanes_bank_code")),
        sa.PrimaryKeyConstraint("bank_code", name=op.f("pk_lanes")),
    )
    for name, kind, filled in _FILLED:
        op.add_column("attempts", sa.Column(name, kind, nullable=True))
        op.execute(f"UPDATE attempts SET {name} = {filled}")  # noqa: S608 - from the constant above
        op.alter_column("attempts", name, nullable=False)
    # What was unknown before anybody asked is asked for from now on.
    op.add_column("attempts", sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE attempts SET ask_at = changed_at WHERE state = 'unknown'")
    op.add_column("attempts", sa.Column("sent_in", sa.String(length=60), nullable=True))
    op.add_column("attempts", sa.Column("settled_on", sa.Date(), nullable=True))
    op.alter_column("attempts", "mandate_id", existing_type=sa.BIGINT(), nullable=True)
    op.drop_index("ix_attempts_due", table_name="attempts")
    op.create_index(
        "ix_attempts_due",
        "attempts",
        ["bank_code", "due_on"],
        unique=False,
        postgresql_where=sa.text("state IN ('scheduled', 'noticed')"),
    )
    op.create_index(
        "ix_attempts_in_file", "attempts", ["sent_in"], unique=False, postgresql_where=sa.text("sent_in IS NOT NULL")
    )
    op.create_index(
        "ix_attempts_to_ask", "attempts", ["ask_at"], unique=False, postgresql_where=sa.text("state = 'unknown'")
    )
    op.add_column("mandates", sa.Column("days", sa.ARRAY(sa.SmallInteger()), nullable=True))
    op.add_column("mandates", sa.Column("paused_until", sa.Date(), nullable=True))
    op.add_column("mandates", sa.Column("no_funds_months", sa.SmallInteger(), nullable=False, server_default="0"))
    op.alter_column("mandates", "no_funds_months", server_default=None)
    op.add_column("mandates", sa.Column("token_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("mandates", sa.Column("code_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("mandates", sa.Column("code_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("mandates", sa.Column("sent_in", sa.String(length=60), nullable=True))
    op.create_index(
        "ix_mandates_in_file", "mandates", ["sent_in"], unique=False, postgresql_where=sa.text("sent_in IS NOT NULL")
    )
    op.drop_index("uq_mandates_one_live", table_name="mandates")
    op.create_index(
        "ix_mandates_bank", "mandates", ["bank_code", "id"], unique=False, postgresql_where=sa.text("state = 'active'")
    )
    op.create_index(
        "uq_mandates_one_asked",
        "mandates",
        ["worker_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('consented', 'submitted', 'code_needed', 'unknown')"),
    )
    op.create_index(
        "uq_mandates_one_in_force",
        "mandates",
        ["worker_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('active', 'paused', 'suspended')"),
    )
    op.create_index(
        "ix_attempts_bank_reference",
        "attempts",
        ["bank_reference"],
        unique=False,
        postgresql_where=sa.text("bank_reference <> ''"),
    )
    op.drop_index("uq_attempts_one_open", table_name="attempts")
    op.create_index(
        "uq_attempts_one_open",
        "attempts",
        ["month", "worker_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('scheduled', 'noticed', 'sent', 'unknown', 'manual')"),
    )
