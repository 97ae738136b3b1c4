"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment, RowId

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("auth_token", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("owner", sa.String(length=34), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("sid", name=op.f("uq_accounts_sid")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "applied",
        sa.Column("edge", sa.String(length=63), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("seq", RowId, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("edge", "stream", name=op.f("pk_applied")),
    )
    op.create_table(
        "channels",
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("edge", sa.String(length=63), nullable=False),
        sa.Column("status", sa.JSON(), nullable=False),
        sa.Column("heard_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channels")),
    )
    op.create_index("ix_channels_edge", "channels", ["edge"])

    op.create_table(
        "clips",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", RowId, nullable=False),
        sa.Column("ms", sa.Integer(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_clips")),
    )
    op.create_index("ix_clips_sha256", "clips", ["sha256"])

    op.create_table(
        "events",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("edge", sa.String(length=63), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("event", name=op.f("uq_events_event")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_edge_id", "events", ["edge", "id"])
    op.create_index("ix_events_subject", "events", ["subject"])

    op.create_table(
        "operators",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_operators")),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", RowId, autoincrement=True, nullable=False),
        sa.Column("edge", sa.String(length=63), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_edge_seq", "outbox", ["edge", "seq"])

    op.create_table(
        "tombstones",
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("id", RowId, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("sid", name=op.f("pk_tombstones")),
    )
    op.create_table(
        "callbacks",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("destination", sa.String(length=300), nullable=False),
        sa.Column("method", sa.String(length=4), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_callbacks_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callbacks")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_callbacks_lane", "callbacks", ["pending", "account", "destination", "due_at"])
    op.create_index("ix_callbacks_pending_due_at", "callbacks", ["pending", "due_at"])
    op.create_index("ix_callbacks_subject_pending", "callbacks", ["subject", "pending"])

    op.create_table(
        "calls",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("called", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("number", sa.String(length=34), nullable=True),
        sa.Column("channel", sa.String(length=200), nullable=True),
        sa.Column("edge", sa.String(length=63), nullable=True),
        sa.Column("parent", sa.String(length=34), nullable=True),
        sa.Column("started_at", Moment(), nullable=True),
        sa.Column("answered_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("duration_s", sa.Integer(), nullable=True),
        sa.Column("cause", sa.Integer(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("method", sa.String(length=4), nullable=False),
        sa.Column("twiml", sa.Text(), nullable=False),
        sa.Column("fallback_url", sa.Text(), server_default="", nullable=False),
        sa.Column("fallback_method", sa.String(length=4), server_default="POST", nullable=False),
        sa.Column("status_callback_url", sa.Text(), server_default="", nullable=False),
        sa.Column("status_callback_method", sa.String(length=4), server_default="POST", nullable=False),
        sa.Column("status_callback_events", sa.JSON(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("time_limit_s", sa.Integer(), nullable=False),
        sa.Column("recording_callback_url", sa.Text(), server_default="", nullable=False),
        sa.Column("recording_callback_method", sa.String(length=4), server_default="POST", nullable=False),
        sa.Column("recording_callback_events", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_calls_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
        sa.UniqueConstraint("sid", name=op.f("uq_calls_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_calls_account_id", "calls", ["account", "id"])
    op.create_index("ix_calls_edge_status", "calls", ["edge", "status"])
    op.create_index("ix_calls_parent", "calls", ["parent"])
    op.create_index("ix_calls_status", "calls", ["status"])

    op.create_table(
        "edges",
        sa.Column("edge", sa.String(length=63), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=True),
        sa.Column("token_expires_at", Moment(), nullable=True),
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("enrolled_at", Moment(), nullable=True),
        sa.Column("last_seen_at", Moment(), nullable=True),
        sa.Column("instance", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("outbox_stream", sa.String(length=64), nullable=False),
        sa.Column("outbox_highest", RowId, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_edges_account")),
        sa.PrimaryKeyConstraint("edge", name=op.f("pk_edges")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_edges_token_sha256")),
    )
    op.create_table(
        "messages",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("channel", sa.String(length=200), nullable=True),
        sa.Column("status_callback", sa.Text(), nullable=False),
        sa.Column("not_after", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_messages_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("sid", name=op.f("uq_messages_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_account_id", "messages", ["account", "id"])
    op.create_index("ix_messages_status_not_after", "messages", ["status", "not_after"])

    op.create_table(
        "notifications",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("method", sa.String(length=4), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_notifications_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("sid", name=op.f("uq_notifications_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notifications_account_id", "notifications", ["account", "id"])
    op.create_index("ix_notifications_subject", "notifications", ["subject"])

    op.create_table(
        "numbers",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=True),
        sa.Column("voice_url", sa.Text(), server_default="", nullable=False),
        sa.Column("voice_method", sa.String(length=4), server_default="POST", nullable=False),
        sa.Column("voice_fallback_url", sa.Text(), server_default="", nullable=False),
        sa.Column("voice_fallback_method", sa.String(length=4), server_default="POST", nullable=False),
        sa.Column("sms_url", sa.Text(), server_default="", nullable=False),
        sa.Column("sms_method", sa.String(length=4), server_default="POST", nullable=False),
        sa.Column("sms_fallback_url", sa.Text(), server_default="", nullable=False),
        sa.Column("sms_fallback_method", sa.String(length=4), server_default="POST", nullable=False),
        sa.Column("status_callback_url", sa.Text(), server_default="", nullable=False),
        sa.Column("status_callback_method", sa.String(length=4), server_default="POST", nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_numbers_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_numbers")),
        sa.UniqueConstraint("number", name=op.f("uq_numbers_number")),
        sa.UniqueConstraint("sid", name=op.f("uq_numbers_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_numbers_account_id", "numbers", ["account", "id"])
    op.create_index("ix_numbers_channel", "numbers", ["channel"])

    op.create_table(
        "released_numbers",
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_released_numbers_account")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_released_numbers")),
    )
    op.create_table(
        "recordings",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("call", sa.String(length=34), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", RowId, nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("status_callback_url", sa.Text(), server_default="", nullable=False),
        sa.Column("status_callback_method", sa.String(length=4), server_default="POST", nullable=False),
        sa.Column("status_callback_events", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_recordings_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
        sa.UniqueConstraint("sid", name=op.f("uq_recordings_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_recordings_account_id", "recordings", ["account", "id"])
    op.create_index("ix_recordings_call", "recordings", ["call"])
    op.create_index("ix_recordings_sha256", "recordings", ["sha256"])


def downgrade() -> None:
    op.drop_table("recordings")
    op.drop_table("released_numbers")
    op.drop_table("numbers")
    op.drop_table("notifications")
    op.drop_table("messages")
    op.drop_table("edges")
    op.drop_table("calls")
    op.drop_table("callbacks")
    op.drop_table("tombstones")
    op.drop_table("outbox")
    op.drop_table("operators")
    op.drop_table("events")
    op.drop_table("clips")
    op.drop_table("channels")
    op.drop_table("applied")
    op.drop_table("accounts")
