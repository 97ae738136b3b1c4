"""Warnings, what channels went through, tasks for edges, and messages that go before others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment, RowId

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "warnings",
        sa.Column("edge", sa.String(length=63), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("edge", "code", "subject", name=op.f("pk_warnings")),
    )
    op.create_table(
        "history",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("iccid", sa.String(length=32), server_default="", nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_history_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_history_channel_kind_id", "history", ["channel", "kind", "id"])
    op.create_table(
        "tasks",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("edge", sa.String(length=63), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("not_after", Moment(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_tasks_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("sid", name=op.f("uq_tasks_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tasks_status_not_after", "tasks", ["status", "not_after"])
    op.create_index("ix_tasks_channel_id", "tasks", ["channel", "id"])
    op.add_column("messages", sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("messages", sa.Column("flash", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("messages", sa.Column("port", sa.Integer(), nullable=True))
