"""Messaging services with their numbers, sticky senders, opt-outs, scheduled messages and feedback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment, RowId

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "messaging_services",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("inbound_url", sa.Text(), server_default="", nullable=False),
        sa.Column("inbound_method", sa.String(length=4), server_default="POST", nullable=False),
        sa.Column("fallback_url", sa.Text(), server_default="", nullable=False),
        sa.Column("fallback_method", sa.String(length=4), server_default="POST", nullable=False),
        sa.Column("status_callback", sa.Text(), nullable=False),
        sa.Column("sticky_sender", sa.Boolean(), nullable=False),
        sa.Column("smart_encoding", sa.Boolean(), nullable=False),
        sa.Column("area_code_geomatch", sa.Boolean(), nullable=False),
        sa.Column("use_inbound_webhook_on_number", sa.Boolean(), nullable=False),
        sa.Column("validity_s", sa.Integer(), nullable=False),
        sa.Column("usecase", sa.String(length=32), nullable=False),
        sa.Column("mms_converter", sa.Boolean(), nullable=False),
        sa.Column("fallback_to_long_code", sa.Boolean(), nullable=False),
        sa.Column("synchronous_validation", sa.Boolean(), nullable=False),
        sa.Column("scan_message_content", sa.String(length=8), nullable=False),
        sa.Column("stop_reply", sa.Text(), nullable=True),
        sa.Column("start_reply", sa.Text(), nullable=True),
        sa.Column("help_reply", sa.Text(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_messaging_services_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messaging_services")),
        sa.UniqueConstraint("sid", name=op.f("uq_messaging_services_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messaging_services_account_id", "messaging_services", ["account", "id"])
    op.create_table(
        "service_numbers",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("service", sa.String(length=34), nullable=False),
        sa.Column("number", sa.String(length=34), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_service_numbers_account")),
        sa.ForeignKeyConstraint(["service"], ["messaging_services.sid"], name=op.f("fk_service_numbers_service")),
        sa.ForeignKeyConstraint(["number"], ["numbers.sid"], name=op.f("fk_service_numbers_number")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_numbers")),
        sa.UniqueConstraint("sid", name=op.f("uq_service_numbers_sid")),
        sa.UniqueConstraint("number", name=op.f("uq_service_numbers_number")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_service_numbers_service_id", "service_numbers", ["service", "id"])
    op.create_table(
        "sticky_senders",
        sa.Column("service", sa.String(length=34), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=34), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["service"], ["messaging_services.sid"], name=op.f("fk_sticky_senders_service")),
        sa.PrimaryKeyConstraint("service", "recipient", name=op.f("pk_sticky_senders")),
    )
    op.create_table(
        "opt_outs",
        sa.Column("sender", sa.String(length=34), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_opt_outs_account")),
        sa.PrimaryKeyConstraint("sender", "recipient", name=op.f("pk_opt_outs")),
    )
    op.create_table(
        "message_feedback",
        sa.Column("message", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_message_feedback_account")),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_message_feedback")),
    )
    method = sa.Column("status_callback_method", sa.String(length=4), server_default="POST", nullable=False)
    op.add_column("messages", method)
    op.add_column("messages", sa.Column("service", sa.String(length=34), nullable=True))
    op.add_column("messages", sa.Column("send_at", Moment(), nullable=True))
    op.create_index("ix_messages_status_send_at", "messages", ["status", "send_at"])
