"""When a number was last in touch, when its SIM was changed, and the resets of PINs."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("contacts", sa.Column("last_seen", sa.Date(), nullable=True))
    op.add_column("contacts", sa.Column("sim_changed_at", sa.DateTime(timezone=True), nullable=True))
    # What is known of the numbers there are: the day they came to us.
    op.execute("UPDATE contacts SET last_seen = since")
    op.create_table(
        "pin_resets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code_index", sa.LargeBinary(), nullable=True),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_pin_resets_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pin_resets")),
    )
    op.create_index(
        "uq_pin_resets_one_in_hand",
        "pin_resets",
        ["worker_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('waiting', 'open')"),
    )
    op.create_index(
        "ix_pin_resets_waiting",
        "pin_resets",
        ["opens_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
