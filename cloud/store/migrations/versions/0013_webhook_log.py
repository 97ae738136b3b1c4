"""The log of webhooks, and what accounts may set: how much of them is kept, and whose habits the API has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment, RowId

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "webhook_log",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("method", sa.String(length=4), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.JSON(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("got", sa.JSON(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("replay_of", sa.String(length=34), server_default="", nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_webhook_log_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_log")),
        sa.UniqueConstraint("sid", name=op.f("uq_webhook_log_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webhook_log_account_id", "webhook_log", ["account", "id"])
    op.create_index("ix_webhook_log_account_at", "webhook_log", ["account", "at"])
    op.create_index("ix_webhook_log_subject", "webhook_log", ["subject"])
    op.create_index("ix_webhook_log_replay_of", "webhook_log", ["replay_of"])
    op.add_column("accounts", sa.Column("compat", sa.String(length=10), server_default="twilio", nullable=False))
    op.add_column("accounts", sa.Column("webhook_log", sa.String(length=10), server_default="full", nullable=False))
    op.add_column("accounts", sa.Column("webhook_log_days", sa.Integer(), server_default="7", nullable=False))
