"""Calls, messages, recordings, and what is told of them."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, String, Table, Text, false, text

from cloud.store.schema.columns import account_column, hook_columns, id_column, made_columns, metadata, sid_column
from cloud.store.types import Moment, RowId

WAITS = "status = 'queued' AND channel IS NULL"
"""A message for which no channel was found yet; spelt out, for SQLite uses a partial index for nothing else."""

messages = Table(
    "messages",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("direction", String(16), nullable=False),
    Column("sender", String(64), nullable=False),
    Column("recipient", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False),
    *made_columns(),
    Column("sent_at", Moment),
    Column("segments", Integer, nullable=False),
    Column("error_code", Integer),
    Column("error_message", Text),
    Column("channel", String(200)),
    Column("status_callback", Text, nullable=False),
    Column("not_after", Moment),
    Column("urgent", Boolean, nullable=False, server_default=false()),
    Column("flash", Boolean, nullable=False, server_default=false()),
    Column("port", Integer),
    Column("status_callback_method", String(4), nullable=False, server_default="POST"),
    Column("service", String(34)),
    Column("send_at", Moment),
    Column("secret_body", Text),
    Column("repeat", Boolean, nullable=False, server_default=false()),
    Index("ix_messages_account_id", "account", "id"),
    Index("ix_messages_status_send_at", "status", "send_at"),
    Index("ix_messages_status_not_after", "status", "not_after"),
    Index("ix_messages_waiting", "sender", "recipient", "id", sqlite_where=text(WAITS), postgresql_where=text(WAITS)),
    sqlite_autoincrement=True,
)

calls = Table(
    "calls",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("direction", String(16), nullable=False),
    Column("caller", String(64), nullable=False),
    Column("called", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    *made_columns(),
    Column("number", String(34)),
    Column("channel", String(200)),
    Column("edge", String(63)),
    Column("parent", String(34), index=True),
    Column("started_at", Moment),
    Column("answered_at", Moment),
    Column("ended_at", Moment),
    Column("duration_s", Integer),
    Column("cause", Integer),
    Column("url", Text, nullable=False),
    Column("method", String(4), nullable=False),
    Column("twiml", Text, nullable=False),
    *hook_columns("fallback"),
    *hook_columns("status_callback"),
    Column("status_callback_events", JSON, nullable=False),
    Column("page", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("time_limit_s", Integer, nullable=False),
    *hook_columns("recording_callback"),
    Column("recording_callback_events", JSON, nullable=False),
    Column("answered_by", String(24)),
    Column("machine_first", Boolean, nullable=False, server_default=false()),
    *hook_columns("machine_callback"),
    Index("ix_calls_account_id", "account", "id"),
    Index("ix_calls_edge_status", "edge", "status"),
    Index("ix_calls_status", "status"),
    sqlite_autoincrement=True,
)

recordings = Table(
    "recordings",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("call", String(34), nullable=False, index=True),
    Column("conference", String(34), index=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("size", RowId, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("source", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    *made_columns(),
    *hook_columns("status_callback"),
    Column("status_callback_events", JSON, nullable=False),
    Column("track", String(10), nullable=False, server_default="both"),
    Index("ix_recordings_account_id", "account", "id"),
    Index("ix_recordings_status", "status"),
    sqlite_autoincrement=True,
)

notifications = Table(
    "notifications",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("subject", String(64), nullable=False),
    Column("level", String(10), nullable=False),
    Column("code", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("method", String(4), nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_notifications_account_id", "account", "id"),
    Index("ix_notifications_subject", "subject"),
    sqlite_autoincrement=True,
)

callbacks = Table(
    "callbacks",
    metadata,
    id_column(),
    account_column(),
    Column("kind", String(32), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("destination", String(300), nullable=False),
    Column("method", String(4), nullable=False),
    Column("params", JSON, nullable=False),
    Column("token", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("pending", Boolean, nullable=False),
    Column("error", Text, nullable=False),
    Index("ix_callbacks_pending_due_at", "pending", "due_at"),
    Index("ix_callbacks_lane", "pending", "account", "destination", "due_at"),
    Index("ix_callbacks_subject_pending", "subject", "pending"),
    sqlite_autoincrement=True,
)

clips = Table(
    "clips",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("size", RowId, nullable=False),
    Column("ms", Integer, nullable=False),
    Column("made_at", Moment, nullable=False),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("id", RowId, nullable=False, autoincrement=False),
)
"""Where a deleted row stood in its list, so that a page token that names it still leads on."""
