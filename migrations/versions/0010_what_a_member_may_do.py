"""What a member may do besides: heirs, other terms, another number, leaving; complaints and reports."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("workers", sa.Column("held_at", _AT, nullable=True))
    op.add_column("memberships", sa.Column("next_from", sa.Date(), nullable=True))
    op.add_column("memberships", sa.Column("next_base_rp", sa.BigInteger(), nullable=True))
    op.add_column("memberships", sa.Column("next_programmes", sa.String(length=1), nullable=True))
    _heirs()
    _changes()
    _number_changes()
    _tickets()


def _heirs() -> None:
    op.create_table(
        "heirs",
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("relation", sa.String(length=40), nullable=False),
        sa.Column("named_at", _AT, nullable=False),
        sa.CheckConstraint("place BETWEEN 1 AND 2", name=op.f("ck_heirs_two_at_most")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_heirs_worker_id")),
        sa.PrimaryKeyConstraint("worker_id", "place", name=op.f("pk_heirs")),
    )


def _changes() -> None:
    op.create_table(
        "changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=5), nullable=False),
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("member", sa.String(length=12), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("detail_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", _AT, nullable=False),
        sa.Column("handed_over_in", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_changes_worker_id")),
        sa.ForeignKeyConstraint(["handed_over_in"], ["insurer_files.name"], name=op.f("fk_changes_handed_over_in")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
        sa.UniqueConstraint("reference", name=op.f("uq_changes_reference")),
    )
    op.create_index(op.f("ix_changes_worker_id"), "changes", ["worker_id"], unique=False)
    op.create_index(op.f("ix_changes_handed_over_in"), "changes", ["handed_over_in"], unique=False)
    waits = sa.text("handed_over_in IS NULL")
    op.create_index("ix_changes_to_hand_over", "changes", ["id"], unique=False, postgresql_where=waits)


def _number_changes() -> None:
    op.create_table(
        "number_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("old_index", sa.LargeBinary(), nullable=False),
        sa.Column("new_index", sa.LargeBinary(), nullable=False),
        sa.Column("new_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("code_index", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("asked_at", _AT, nullable=False),
        sa.Column("expires_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_number_changes_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_changes")),
    )
    asked = sa.text("state = 'asked'")
    op.create_index("uq_number_changes_one_asked", "number_changes", ["worker_id"], unique=True, postgresql_where=asked)
    op.create_index("ix_number_changes_new", "number_changes", ["new_index"], unique=False, postgresql_where=asked)


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("opened_at", _AT, nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("answered_at", _AT, nullable=True),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_tickets_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("reference", name=op.f("uq_tickets_reference")),
    )
    op.create_index(op.f("ix_tickets_worker_id"), "tickets", ["worker_id"], unique=False)
    unanswered = sa.text("answered_at IS NULL")
    op.create_index("ix_tickets_open", "tickets", ["phone_index"], unique=False, postgresql_where=unanswered)
