"""Counts by village and part of it, marks of whom to count anew, leaders of parts, and a head's successor."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_MOMENT = sa.DateTime(timezone=True)

# Marks are written by the database, in the transaction of the change, whoever made it and by whatever statement: a way
# of changing a month that forgot to tell the counters cannot be written. They carry no unique key, so that two lanes
# never wait for each other. How many rows a statement changed the planner does not know: left to itself it would
# compare each with each. Workers are looked up by their key in a statement of their own.
_MONTHS = """
CREATE FUNCTION mark_months() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off SET enable_hashjoin = on
AS $$ DECLARE ids bigint[]; BEGIN
  IF TG_OP = 'INSERT' THEN
    ids := ARRAY(SELECT worker_id FROM new_rows WHERE state = 'covered');
  ELSE
    ids := ARRAY(SELECT n.worker_id FROM new_rows n JOIN old_rows o USING (month, worker_id)
      WHERE (n.state = 'covered') <> (o.state = 'covered')
         OR n.state = 'covered' AND n.posted_on IS DISTINCT FROM o.posted_on);
  END IF;
  INSERT INTO standing_marks (worker_id, village_code) SELECT id, village_code FROM workers WHERE id = ANY(ids);
  RETURN NULL;
END $$
"""
_MEMBERSHIP = """
CREATE FUNCTION mark_membership() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO standing_marks (worker_id, village_code)
    SELECT id, village_code FROM workers WHERE id = NEW.worker_id;
  RETURN NULL;
END $$
"""
_WORKER = """
CREATE FUNCTION mark_worker() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO standing_marks (worker_id, village_code)
    SELECT NEW.id, code FROM unnest(ARRAY[OLD.village_code, NEW.village_code]) AS code;
  RETURN NULL;
END $$
"""
_TRIGGERS = (
    "CREATE TRIGGER mark_insert AFTER INSERT ON months REFERENCING NEW TABLE AS new_rows "
    "FOR EACH STATEMENT EXECUTE FUNCTION mark_months()",
    "CREATE TRIGGER mark_update AFTER UPDATE ON months REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows "
    "FOR EACH STATEMENT EXECUTE FUNCTION mark_months()",
    "CREATE TRIGGER mark_insert AFTER INSERT ON memberships FOR EACH ROW EXECUTE FUNCTION mark_membership()",
    "CREATE TRIGGER mark_update AFTER UPDATE ON memberships FOR EACH ROW WHEN (NEW.state <> OLD.state "
    "OR (NEW.kpj_sealed IS NULL) <> (OLD.kpj_sealed IS NULL)) EXECUTE FUNCTION mark_membership()",
    "CREATE TRIGGER mark_update AFTER UPDATE ON workers FOR EACH ROW WHEN ((NEW.village_code, NEW.rt_rw, "
    "NEW.group_code) IS DISTINCT FROM (OLD.village_code, OLD.rt_rw, OLD.group_code)) EXECUTE FUNCTION mark_worker()",
)


def _tables() -> None:
    op.create_table(
        "village_groups",
        sa.Column("village_code", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=7), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["village_code"], ["villages.code"], name=op.f("fk_village_groups_village_code")),
        sa.PrimaryKeyConstraint("village_code", "code", name=op.f("pk_village_groups")),
    )
    op.create_table(
        "standings",
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("village_code", sa.String(length=10), nullable=False),
        sa.Column("rt_rw", sa.String(length=7), nullable=False),
        sa.Column("group_code", sa.String(length=7), nullable=False),
        sa.Column("joined", sa.Integer(), nullable=False),
        sa.Column("runs", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_standings_worker_id")),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_standings")),
    )
    op.create_index("ix_standings_village_code", "standings", ["village_code"])
    op.create_table(
        "standing_marks",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("village_code", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_marks")),
    )
    op.create_index("ix_standing_marks_village_code_id", "standing_marks", ["village_code", "id"])
    op.create_table(
        "village_counters",
        sa.Column("village_code", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=8), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("village_code", "kind", "at", "until", "place", name=op.f("pk_village_counters")),
    )


def _tables_of_people() -> None:
    op.create_table(
        "lookups",
        sa.Column("village_code", sa.String(length=10), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("place", sa.String(length=8), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["village_code"], ["villages.code"], name=op.f("fk_lookups_village_code")),
        sa.PrimaryKeyConstraint("village_code", "day", "place", "role", name=op.f("pk_lookups")),
    )
    op.create_table(
        "successions",
        sa.Column("head_id", sa.BigInteger(), nullable=False),
        sa.Column("new_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("new_index", sa.LargeBinary(), nullable=False),
        sa.Column("old_code", sa.LargeBinary(), nullable=True),
        sa.Column("new_code", sa.LargeBinary(), nullable=True),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["head_id"], ["heads.id"], name=op.f("fk_successions_head_id")),
        sa.PrimaryKeyConstraint("head_id", name=op.f("pk_successions")),
    )
    op.create_index("ix_successions_new_index", "successions", ["new_index"])


def upgrade() -> None:
    _tables()
    _tables_of_people()
    for table, column in (
        ("workers", sa.Column("rt_rw", sa.String(length=7), nullable=False, server_default="")),
        ("workers", sa.Column("group_code", sa.String(length=7), nullable=False, server_default="")),
        ("heads", sa.Column("place", sa.String(length=8), nullable=False, server_default="")),
        ("heads", sa.Column("weekly", sa.Boolean(), nullable=False, server_default="false")),
    ):
        op.add_column(table, column)
        op.alter_column(table, column.name, server_default=None)
    op.create_index("ix_heads_village_code", "heads", ["village_code"])
    op.create_index("ix_messages_waiting", "messages", ["not_before"], postgresql_where=sa.text("state = 'created'"))
    op.add_column("workers", sa.Column("named_since", _MOMENT, nullable=True))
    op.add_column("workers", sa.Column("named_on", sa.Date(), nullable=True))
    for statement in (_MONTHS, _MEMBERSHIP, _WORKER, *_TRIGGERS):
        op.execute(statement)
    # Who was there before is counted by the same way.
    op.execute("INSERT INTO standing_marks (worker_id, village_code) SELECT id, village_code FROM workers ORDER BY id")
