"""Yeses by the number they came from: one that said yes for many people is looked at."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_index(op.f("ix_consents_phone_index_kind"), "consents", ["phone_index", "kind"])
