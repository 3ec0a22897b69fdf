"""Members whose data are to be erased, and indexes for what is kept for a while only."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_MOMENT = sa.DateTime(timezone=True)


# A consent stays as it was given until its person's key is destroyed; its words may go then, and nothing else of it.
_ONLY_EMPTIED = """
CREATE FUNCTION only_emptied() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'UPDATE' AND length(NEW.text_sealed) = 0 AND length(NEW.phone_sealed) = 0
    AND length(NEW.phone_index) = 0 AND NEW.text_hash = ''
    AND (NEW.id, NEW.worker_id, NEW.kind, NEW.version, NEW.language, NEW.channel, NEW.session, NEW.at)
      = (OLD.id, OLD.worker_id, OLD.kind, OLD.version, OLD.language, OLD.channel, OLD.session, OLD.at)
    AND EXISTS (SELECT FROM workers WHERE id = OLD.worker_id AND length(data_key) = 0)
  THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'consents is append-only';
END $$
"""


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("look_at", _MOMENT, nullable=False),
        sa.Column("waits_for", sa.String(length=40), nullable=False),
        sa.Column("done_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_erasures_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index("uq_erasures_one_waiting", "erasures", ["worker_id"], unique=True, postgresql_where=waiting)
    op.create_index("ix_erasures_waiting", "erasures", ["look_at"], postgresql_where=waiting)
    op.create_index(
        "ix_messages_strangers",
        "messages",
        ["created_at"],
        postgresql_where=sa.text("worker_id IS NULL AND phone_index <> ''"),
    )
    op.create_index(
        "ix_inbound_sms_kept", "inbound_sms", ["received_at"], postgresql_where=sa.text("sender_index <> ''")
    )
    op.create_index("ix_gateway_reports_received_at", "gateway_reports", ["received_at"], postgresql_using="brin")
    for table in ("pin_resets", "number_changes"):
        op.create_index(f"ix_{table}_worker_id", table, ["worker_id"])
    op.create_index("ix_workers_held", "workers", ["id"], postgresql_where=sa.text("held_at IS NOT NULL"))
    nobodys = "'system', 'member', 'bank', 'insurer', 'gateway', 'sender', 'sponsor', 'telco', 'helper', 'file'"
    named = f"actor NOT IN ({nobodys}, 'people', 'timetable', 'cli', 'stranger')"
    op.create_index("ix_events_of_operators", "events", ["at", "id"], postgresql_where=sa.text(named))
    op.execute(_ONLY_EMPTIED)
    op.execute("DROP TRIGGER frozen ON consents")
    op.execute("CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON consents FOR EACH ROW EXECUTE FUNCTION only_emptied()")
