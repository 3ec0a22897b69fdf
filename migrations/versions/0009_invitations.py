"""Helpers, the invitations they and rosters make, and wrong codes by number and day."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "helpers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("village_code", sa.String(length=10), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("term_from", sa.Date(), nullable=False),
        sa.Column("term_until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["village_code"], ["villages.code"], name=op.f("fk_helpers_village_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_helpers")),
        sa.UniqueConstraint("phone_index", "village_code", name=op.f("uq_helpers_phone_index_village_code")),
    )
    op.create_table(
        "code_tries",
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("wrong", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("phone_index", "day", name=op.f("pk_code_tries")),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("helper_id", sa.BigInteger(), nullable=True),
        sa.Column("village_code", sa.String(length=10), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("person_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("nik_index", sa.LargeBinary(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("code_index", sa.LargeBinary(), nullable=True),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_by", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(state = 'awaiting_yes') = (person_sealed IS NOT NULL)",
            name=op.f("ck_invitations_nobody_once_it_is_over"),
        ),
        sa.ForeignKeyConstraint(["helper_id"], ["helpers.id"], name=op.f("fk_invitations_helper_id")),
        sa.ForeignKeyConstraint(["village_code"], ["villages.code"], name=op.f("fk_invitations_village_code")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_invitations_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("nik_index", name=op.f("uq_invitations_nik_index")),
    )
    for column in ("helper_id", "phone_index", "worker_id", "confirmed_by"):
        op.create_index(op.f(f"ix_invitations_{column}"), "invitations", [column], unique=False)
    op.create_index(
        "ix_invitations_awaiting",
        "invitations",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'awaiting_yes'"),
    )
