"""Operators of the console, and the indexes by which they find a person and what happened to one."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_MOMENT = sa.DateTime(timezone=True)

# Whoever moves a worker to another village, and by whatever statement: found is found where the worker lives.
_MOVED = """
CREATE FUNCTION move_worker_words() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE worker_words SET regency = left(NEW.village_code, 4) WHERE worker_id = NEW.id;
  RETURN NULL;
END $$
"""
_TRIGGER = (
    "CREATE TRIGGER move_words AFTER UPDATE OF village_code ON workers FOR EACH ROW "
    "WHEN (left(NEW.village_code, 4) <> left(OLD.village_code, 4)) EXECUTE FUNCTION move_worker_words()"
)


def _operators() -> None:
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


def upgrade() -> None:
    _operators()
    op.create_table(
        "worker_words",
        sa.Column("word_index", sa.LargeBinary(), nullable=False),
        sa.Column("regency", sa.String(length=4), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_worker_words_worker_id")),
        sa.PrimaryKeyConstraint("word_index", "regency", "worker_id", name=op.f("pk_worker_words")),
    )
    op.create_index("ix_worker_words_worker_id", "worker_words", ["worker_id"])
    op.add_column("memberships", sa.Column("kpj_index", sa.LargeBinary(), nullable=True))
    op.create_index("ix_memberships_kpj_index", "memberships", ["kpj_index"])
    op.create_index("ix_messages_worker_id", "messages", ["worker_id"])
    people = "subject IN ('worker', 'membership', 'mandate', 'pin_reset', 'operator', 'work_item')"
    op.create_index("ix_events_of_people", "events", ["subject_id"], postgresql_where=sa.text(people))
    counters, whole = ["kind", "at", "until", "village_code"], sa.text("place = ''")
    op.create_index(
        "ix_village_counters_whole", "village_counters", counters, postgresql_include=["n"], postgresql_where=whole
    )
    op.execute(_MOVED)
    op.execute(_TRIGGER)
