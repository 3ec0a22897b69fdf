"""Texts by several gateways, what became of each, and numbers that cannot be reached."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("messages", sa.Column("shard", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("messages", sa.Column("unreached", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("messages", sa.Column("route", sa.String(length=40), nullable=False, server_default=""))
    for name in ("shard", "unreached", "route"):
        op.alter_column("messages", name, server_default=None)
    # Codes go before all else now; and what waits is sent by the drain of its number.
    op.execute(
        "UPDATE messages SET priority = priority + 1, "
        "shard = CASE WHEN length(phone_index) > 0 THEN get_byte(phone_index, 0) % 64 ELSE 0 END "
        "WHERE state IN ('created', 'sending', 'held')"
    )
    # A held text is looked at again when its lease is over; those from before at once.
    op.execute("UPDATE messages SET lease_until = now() WHERE state = 'held'")
    op.drop_index("ix_messages_sending", table_name="messages")
    op.create_index(
        "ix_messages_leased", "messages", ["lease_until"], postgresql_where=sa.text("state IN ('sending', 'held')")
    )
    op.create_index("ix_messages_unreported", "messages", ["accepted_at"], postgresql_where=sa.text("state = 'sent'"))
    op.create_index("ix_messages_held", "messages", ["phone_index"], postgresql_where=sa.text("state = 'held'"))
    op.add_column("gateway_reports", sa.Column("outcome", sa.String(length=40), nullable=False, server_default=""))
    # Those from before are left alone: what they say is known to nobody's rules.
    op.add_column("gateway_reports", sa.Column("heard", sa.Boolean(), nullable=False, server_default="true"))
    op.alter_column("gateway_reports", "outcome", server_default=None)
    op.alter_column("gateway_reports", "heard", server_default=None)
    op.create_index(
        "ix_gateway_reports_unheard",
        "gateway_reports",
        ["received_at"],
        postgresql_where=sa.text("kind = 'delivery' AND NOT heard"),
    )
    op.create_table(
        "sms_routes",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("weight", sa.SmallInteger(), nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("stopped_at", _MOMENT, nullable=True),
        sa.Column("stopped_code", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sms_routes")),
    )
    op.create_table(
        "number_marks",
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("lost", sa.SmallInteger(), nullable=False),
        sa.Column("bad_since", _MOMENT, nullable=True),
        sa.Column("refuses_since", _MOMENT, nullable=True),
        sa.Column("texted_on", sa.Date(), nullable=True),
        sa.Column("texted", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("phone_index", name=op.f("pk_number_marks")),
    )
    op.create_table(
        "visits",
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("village_code", sa.String(length=10), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("done_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_visits_worker_id")),
        sa.ForeignKeyConstraint(["village_code"], ["villages.code"], name=op.f("fk_visits_village_code")),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_visits")),
    )
    op.create_index("ix_visits_open", "visits", ["village_code"], postgresql_where=sa.text("done_at IS NULL"))
