"""Texts that came in: the mark of their words, for those that come twice, and why one was set aside."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("inbound_sms", sa.Column("text_index", sa.LargeBinary(), nullable=True))
    op.add_column("inbound_sms", sa.Column("reason", sa.String(length=40), nullable=False, server_default=""))
    op.alter_column("inbound_sms", "reason", server_default=None)
    op.create_index("ix_inbound_sms_set_aside", "inbound_sms", ["received_at"], postgresql_where=sa.text("word = '!'"))
