"""The first tables, as the models have them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "attempt_references",
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_attempt_references")),
    )
    op.create_table(
        "banks",
        sa.Column("code", sa.String(length=3), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("bic", sa.String(length=11), nullable=False),
        sa.Column("province", sa.String(length=2), nullable=False),
        sa.Column("connected", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_banks")),
    )
    op.create_table(
        "brackets",
        sa.Column("low_rp", sa.BigInteger(), nullable=False),
        sa.Column("base_rp", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("low_rp", name=op.f("pk_brackets")),
    )
    op.create_table(
        "events",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("why", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("before", sa.String(length=40), nullable=False),
        sa.Column("after", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("month", "id", name=op.f("pk_events")),
        postgresql_partition_by="RANGE (month)",
    )
    op.create_table(
        "gateway_messages",
        sa.Column("gateway_id", sa.String(length=110), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway_id", name=op.f("pk_gateway_messages")),
    )
    op.create_table(
        "gateway_reports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("gateway_id", sa.String(length=110), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_reports")),
    )
    op.create_index(op.f("ix_gateway_reports_gateway_id"), "gateway_reports", ["gateway_id"], unique=False)
    op.create_table(
        "inbound_sms",
        sa.Column("gateway_id", sa.String(length=110), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sender_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sender_index", sa.LargeBinary(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("word", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("gateway_id", name=op.f("pk_inbound_sms")),
    )
    op.create_index(op.f("ix_inbound_sms_sender_index"), "inbound_sms", ["sender_index"], unique=False)
    op.create_table(
        "insurer_files",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_insurer_files")),
    )
    op.create_table(
        "message_keys",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_message_keys")),
    )
    op.create_table(
        "messages",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gateway_id", sa.String(length=110), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("month", "id", name=op.f("pk_messages")),
        postgresql_partition_by="RANGE (month)",
    )
    op.create_index(
        "ix_messages_sending", "messages", ["lease_until"], unique=False, postgresql_where=sa.text("state = 'sending'")
    )
    op.create_index(
        "ix_messages_to_send",
        "messages",
        ["priority", "not_before", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'created'"),
    )
    op.create_table(
        "tariffs",
        sa.Column("programme", sa.String(length=40), nullable=False),
        sa.Column("sector_class", sa.String(length=40), nullable=False),
        sa.Column("payer", sa.String(length=40), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("rate_ppm", sa.Integer(), nullable=False),
        sa.Column("flat_rp", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("rate_ppm >= 0 AND flat_rp >= 0", name=op.f("ck_tariffs_not_negative")),
        sa.PrimaryKeyConstraint("programme", "sector_class", "payer", "valid_from", name=op.f("pk_tariffs")),
    )
    op.create_table(
        "transfers",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("programme", sa.String(length=40), nullable=False),
        sa.Column("debit_account", sa.String(length=40), nullable=False),
        sa.Column("credit_account", sa.String(length=40), nullable=False),
        sa.Column("amount_rp", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_rp > 0", name=op.f("ck_transfers_amount_positive")),
        sa.CheckConstraint("debit_account <> credit_account", name=op.f("ck_transfers_two_accounts")),
        sa.PrimaryKeyConstraint("month", "id", name=op.f("pk_transfers")),
        postgresql_partition_by="RANGE (month)",
    )
    op.create_index(op.f("ix_transfers_worker_id"), "transfers", ["worker_id"], unique=False)
    op.create_index("uq_transfers_fact", "transfers", ["month", "reference", "kind", "programme"], unique=True)
    op.create_table(
        "villages",
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("short_code", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("district", sa.String(length=60), nullable=False),
        sa.Column("regency", sa.String(length=60), nullable=False),
        sa.Column("zone", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_villages")),
        sa.UniqueConstraint("short_code", name=op.f("uq_villages_short_code")),
    )
    op.create_table(
        "heads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("village_code", sa.String(length=10), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("term_from", sa.Date(), nullable=False),
        sa.Column("term_until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["village_code"], ["villages.code"], name=op.f("fk_heads_village_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heads")),
    )
    op.create_index(op.f("ix_heads_phone_index"), "heads", ["phone_index"], unique=False)
    op.create_table(
        "workers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("nik_index", sa.LargeBinary(), nullable=False),
        sa.Column("nik_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("birth_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("village_code", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("pin_hash", sa.String(length=200), nullable=False),
        sa.Column("pin_wrong", sa.SmallInteger(), nullable=False),
        sa.Column("pin_locks", sa.SmallInteger(), nullable=False),
        sa.Column("pin_locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminders", sa.Boolean(), nullable=False),
        sa.Column("stop_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["village_code"], ["villages.code"], name=op.f("fk_workers_village_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
        sa.UniqueConstraint("nik_index", name=op.f("uq_workers_nik_index")),
    )
    op.create_index(op.f("ix_workers_village_code"), "workers", ["village_code"], unique=False)
    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("text_hash", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("session", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_consents_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_worker_id"), "consents", ["worker_id"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_contacts_worker_id")),
        sa.PrimaryKeyConstraint("worker_id", "phone_index", name=op.f("pk_contacts")),
    )
    op.create_index(op.f("ix_contacts_phone_index"), "contacts", ["phone_index"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("programmes", sa.String(length=1), nullable=False),
        sa.Column("sector", sa.String(length=40), nullable=False),
        sa.Column("base_rp", sa.BigInteger(), nullable=False),
        sa.Column("kpj_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handed_over_in", sa.String(length=60), nullable=True),
        sa.Column("jht_balance_rp", sa.BigInteger(), nullable=True),
        sa.Column("jht_as_of", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["handed_over_in"], ["insurer_files.name"], name=op.f("fk_memberships_handed_over_in")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_memberships_worker_id")),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_memberships")),
        sa.UniqueConstraint("reference", name=op.f("uq_memberships_reference")),
    )
    op.create_index(
        op.f("ix_memberships_state_handed_over_in"), "memberships", ["state", "handed_over_in"], unique=False
    )
    op.create_table(
        "months",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("payer", sa.String(length=40), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("paid_reference", sa.String(length=12), nullable=True),
        sa.Column("handed_over_in", sa.String(length=60), nullable=True),
        sa.Column("posted_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_months_worker_id")),
        sa.PrimaryKeyConstraint("month", "worker_id", name=op.f("pk_months")),
        postgresql_partition_by="RANGE (month)",
    )
    op.create_index(op.f("ix_months_handed_over_in"), "months", ["handed_over_in"], unique=False)
    op.create_index(
        "ix_months_to_hand_over",
        "months",
        ["month"],
        unique=False,
        postgresql_where=sa.text("state = 'covered' AND handed_over_in IS NULL"),
    )
    op.create_index(op.f("ix_months_worker_id"), "months", ["worker_id"], unique=False)
    op.create_table(
        "mandates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("bank_code", sa.String(length=3), nullable=False),
        sa.Column("account_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("account_index", sa.LargeBinary(), nullable=False),
        sa.Column("account_tail", sa.String(length=4), nullable=False),
        sa.Column("max_amount_rp", sa.BigInteger(), nullable=False),
        sa.Column("fee_rp", sa.BigInteger(), nullable=False),
        sa.Column("first_month", sa.Date(), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.SmallInteger(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("consent_id", sa.BigInteger(), nullable=False),
        sa.Column("bank_reference", sa.String(length=64), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("day BETWEEN 1 AND 28", name=op.f("ck_mandates_day_in_every_month")),
        sa.CheckConstraint("max_amount_rp > 0", name=op.f("ck_mandates_has_maximum")),
        sa.ForeignKeyConstraint(["bank_code"], ["banks.code"], name=op.f("fk_mandates_bank_code")),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.id"], name=op.f("fk_mandates_consent_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_mandates_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandates")),
    )
    op.create_index(op.f("ix_mandates_account_index"), "mandates", ["account_index"], unique=False)
    op.create_index("ix_mandates_work", "mandates", ["state", "lease_until"], unique=False)
    op.create_index(op.f("ix_mandates_worker_id"), "mandates", ["worker_id"], unique=False)
    op.create_index(
        "uq_mandates_one_live",
        "mandates",
        ["worker_id"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('rejected', 'cancelled')"),
    )
    op.create_table(
        "attempts",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("mandate_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("jkk_rp", sa.BigInteger(), nullable=False),
        sa.Column("jkm_rp", sa.BigInteger(), nullable=False),
        sa.Column("jht_rp", sa.BigInteger(), nullable=False),
        sa.Column("fee_rp", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("needs_notice", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("bank_reference", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "jkk_rp > 0 AND jkm_rp > 0 AND jht_rp >= 0 AND fee_rp >= 0", name=op.f("ck_attempts_amounts_positive")
        ),
        sa.CheckConstraint("n BETWEEN 1 AND 99", name=op.f("ck_attempts_numbered")),
        sa.ForeignKeyConstraint(["mandate_id"], ["mandates.id"], name=op.f("fk_attempts_mandate_id")),
        sa.ForeignKeyConstraint(
            ["month", "worker_id"], ["months.month", "months.worker_id"], name=op.f("fk_attempts_month")
        ),
        sa.PrimaryKeyConstraint("month", "worker_id", "n", name=op.f("pk_attempts")),
        postgresql_partition_by="RANGE (month)",
    )
    op.create_index(
        "ix_attempts_due",
        "attempts",
        ["due_on"],
        unique=False,
        postgresql_where=sa.text("state IN ('scheduled', 'noticed')"),
    )
    op.create_index(op.f("ix_attempts_mandate_id"), "attempts", ["mandate_id"], unique=False)
    op.create_index(
        "ix_attempts_sent", "attempts", ["lease_until"], unique=False, postgresql_where=sa.text("state = 'sent'")
    )
    op.create_index(
        "uq_attempts_one_open",
        "attempts",
        ["month", "worker_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('scheduled', 'noticed', 'sent', 'unknown')"),
    )
