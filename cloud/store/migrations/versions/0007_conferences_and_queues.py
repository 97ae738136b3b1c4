"""Conferences with their participants, queues with their members, and recordings of conferences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment, RowId

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "conferences",
        *_head(),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        *_made(),
        sa.Column("reason", sa.String(length=64), server_default="", nullable=False),
        sa.Column("ended_by", sa.String(length=34), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("max_participants", sa.Integer(), nullable=False),
        sa.Column("record", sa.Boolean(), nullable=False),
        sa.Column("trim_silence", sa.Boolean(), nullable=False),
        sa.Column("recorder", sa.String(length=63), nullable=True),
        *_hook("status_callback"),
        sa.Column("status_callback_events", sa.JSON(), nullable=False),
        *_hook("recording_callback"),
        sa.Column("recording_callback_events", sa.JSON(), nullable=False),
        sa.Column("event_callback", sa.Text(), server_default="", nullable=False),
        *_keys("conferences"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_conferences_account_id", "conferences", ["account", "id"])
    op.create_index("ix_conferences_account_name_status", "conferences", ["account", "name", "status"])
    op.create_table(
        "participants",
        *_head(),
        sa.Column("conference", sa.String(length=34), nullable=False),
        sa.Column("call", sa.String(length=34), nullable=False),
        sa.Column("stay", sa.String(length=64), nullable=True),
        sa.Column("edge", sa.String(length=63), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        *_made(),
        sa.Column("label", sa.String(length=128), server_default="", nullable=False),
        sa.Column("muted", sa.Boolean(), nullable=False),
        sa.Column("hold", sa.Boolean(), nullable=False),
        sa.Column("coaching", sa.Boolean(), nullable=False),
        sa.Column("coach", sa.String(length=34), server_default="", nullable=False),
        sa.Column("start_on_enter", sa.Boolean(), nullable=False),
        sa.Column("end_on_exit", sa.Boolean(), nullable=False),
        sa.Column("beep_on_enter", sa.Boolean(), nullable=False),
        sa.Column("beep_on_exit", sa.Boolean(), nullable=False),
        sa.Column("wait_url", sa.Text(), nullable=True),
        sa.Column("wait_method", sa.String(length=4), nullable=False),
        sa.Column("hold_url", sa.Text(), nullable=True),
        sa.Column("hold_method", sa.String(length=4), nullable=False),
        sa.ForeignKeyConstraint(["conference"], ["conferences.sid"], name=op.f("fk_participants_conference")),
        *_keys("participants"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_participants_conference_status", "participants", ["conference", "status"])
    op.create_index("ix_participants_call", "participants", ["call"])
    op.create_index("ix_participants_stay", "participants", ["stay"])
    op.create_table(
        "queues",
        *_head(),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("max_size", sa.Integer(), nullable=False),
        *_made(),
        *_keys("queues"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_queues_account_name", "queues", ["account", "name"], unique=True)
    op.create_index("ix_queues_account_id", "queues", ["account", "id"])
    op.create_table(
        "queue_members",
        *_head(),
        sa.Column("queue", sa.String(length=34), nullable=False),
        sa.Column("call", sa.String(length=34), nullable=False),
        sa.Column("stay", sa.String(length=64), nullable=False),
        sa.Column("edge", sa.String(length=63), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        *_made(),
        sa.Column("wait_url", sa.Text(), nullable=True),
        sa.Column("wait_method", sa.String(length=4), nullable=False),
        *_hook("action"),
        sa.Column("taker", sa.String(length=34), nullable=True),
        sa.Column("taken_at", Moment(), nullable=True),
        *_keys("queue_members"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_queue_members_queue_status_id", "queue_members", ["queue", "status", "id"])
    op.create_index("ix_queue_members_call", "queue_members", ["call"])
    op.create_index("ix_queue_members_stay", "queue_members", ["stay"])
    op.add_column("recordings", sa.Column("conference", sa.String(length=34), nullable=True))
    op.create_index("ix_recordings_conference", "recordings", ["conference"])


def _head() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
    )


def _made() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
    )


def _hook(name: str) -> tuple[sa.Column[str], ...]:
    return (
        sa.Column(f"{name}_url", sa.Text(), server_default="", nullable=False),
        sa.Column(f"{name}_method", sa.String(length=4), server_default="POST", nullable=False),
    )


def _keys(table: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f(f"fk_{table}_account")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("sid", name=op.f(f"uq_{table}_sid")),
    )
