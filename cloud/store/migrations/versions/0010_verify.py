"""Verify: services, verifications, attempts and rate limits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment, RowId

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "verify_services",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("friendly_name", sa.String(length=30), nullable=False),
        sa.Column("code_length", sa.Integer(), nullable=False),
        sa.Column("lookup_enabled", sa.Boolean(), nullable=False),
        sa.Column("skip_sms_to_landlines", sa.Boolean(), nullable=False),
        sa.Column("dtmf_input_required", sa.Boolean(), nullable=False),
        sa.Column("tts_name", sa.Text(), nullable=False),
        sa.Column("do_not_share_warning_enabled", sa.Boolean(), nullable=False),
        sa.Column("custom_code_enabled", sa.Boolean(), nullable=False),
        sa.Column("psd2_enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_verify_services_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verify_services")),
        sa.UniqueConstraint("sid", name=op.f("uq_verify_services_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_verify_services_account_id", "verify_services", ["account", "id"])
    op.create_table(
        "verifications",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("service", sa.String(length=34), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("payee", sa.Text(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_verifications_account")),
        sa.ForeignKeyConstraint(["service"], ["verify_services.sid"], name=op.f("fk_verifications_service")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
        sa.UniqueConstraint("sid", name=op.f("uq_verifications_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_verifications_service_recipient_status", "verifications", ["service", "recipient", "status"])
    op.create_index("ix_verifications_status_expires_at", "verifications", ["status", "expires_at"])
    op.create_table(
        "verification_attempts",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("service", sa.String(length=34), nullable=False),
        sa.Column("verification", sa.String(length=34), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("carrier", sa.String(length=34), nullable=False),
        sa.Column("converted", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_verification_attempts_account")),
        sa.ForeignKeyConstraint(["service"], ["verify_services.sid"], name=op.f("fk_verification_attempts_service")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_attempts")),
        sa.UniqueConstraint("sid", name=op.f("uq_verification_attempts_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_verification_attempts_account_id", "verification_attempts", ["account", "id"])
    op.create_index("ix_verification_attempts_carrier", "verification_attempts", ["carrier"])
    op.create_index("ix_verification_attempts_verification", "verification_attempts", ["verification"])
    op.create_table(
        "verify_rate_limits",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("service", sa.String(length=34), nullable=False),
        sa.Column("unique_name", sa.String(length=64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_verify_rate_limits_account")),
        sa.ForeignKeyConstraint(["service"], ["verify_services.sid"], name=op.f("fk_verify_rate_limits_service")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verify_rate_limits")),
        sa.UniqueConstraint("sid", name=op.f("uq_verify_rate_limits_sid")),
        sa.UniqueConstraint("service", "unique_name", name=op.f("uq_verify_rate_limits_service_unique_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "verify_buckets",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("service", sa.String(length=34), nullable=False),
        sa.Column("rate_limit", sa.String(length=34), nullable=False),
        sa.Column("max", sa.Integer(), nullable=False),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_verify_buckets_account")),
        sa.ForeignKeyConstraint(["service"], ["verify_services.sid"], name=op.f("fk_verify_buckets_service")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verify_buckets")),
        sa.UniqueConstraint("sid", name=op.f("uq_verify_buckets_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_verify_buckets_rate_limit", "verify_buckets", ["rate_limit"])
    op.create_table(
        "verify_counts",
        sa.Column("bucket", sa.String(length=34), nullable=False),
        sa.Column("value_sha256", sa.String(length=64), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "value_sha256", name=op.f("pk_verify_counts")),
    )
    op.add_column("messages", sa.Column("secret_body", sa.Text(), nullable=True))
