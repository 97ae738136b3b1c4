"""The tables, once. ``migrations/`` makes them; ``tests/cloud/store/test_migrations.py`` holds both together."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text, false

from cloud.store.types import Moment, RowId

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", RowId, primary_key=True, autoincrement=True)


def _sid() -> Column[str]:
    return Column("sid", String(34), nullable=False, unique=True)


def _account() -> Column[str]:
    return Column("account", String(34), ForeignKey("accounts.sid"), nullable=False)


def _hook(name: str) -> tuple[Column[str], Column[str]]:
    return (
        Column(f"{name}_url", Text, nullable=False, server_default=""),
        Column(f"{name}_method", String(4), nullable=False, server_default="POST"),
    )


def _made() -> tuple[Column[object], Column[object]]:
    return Column("created_at", Moment, nullable=False), Column("updated_at", Moment, nullable=False)


accounts = Table(
    "accounts",
    metadata,
    _id(),
    _sid(),
    Column("friendly_name", Text, nullable=False),
    Column("auth_token", String(64), nullable=False),
    Column("status", String(10), nullable=False),
    Column("owner", String(34)),
    *_made(),
    sqlite_autoincrement=True,
)

numbers = Table(
    "numbers",
    metadata,
    _id(),
    _sid(),
    _account(),
    Column("number", String(32), nullable=False, unique=True),
    Column("friendly_name", Text, nullable=False),
    Column("channel", String(200), index=True),
    *_hook("voice"),
    *_hook("voice_fallback"),
    *_hook("sms"),
    *_hook("sms_fallback"),
    *_hook("status_callback"),
    *_made(),
    Index("ix_numbers_account_id", "account", "id"),
    sqlite_autoincrement=True,
)

released_numbers = Table(
    "released_numbers",
    metadata,
    Column("number", String(32), primary_key=True),
    _account(),
    Column("at", Moment, nullable=False),
)
"""Given up by their accounts: their SIMs, heard of again, do not bring them back."""

messages = Table(
    "messages",
    metadata,
    _id(),
    _sid(),
    _account(),
    Column("direction", String(16), nullable=False),
    Column("sender", String(64), nullable=False),
    Column("recipient", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False),
    *_made(),
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
    Index("ix_messages_account_id", "account", "id"),
    Index("ix_messages_status_not_after", "status", "not_after"),
    sqlite_autoincrement=True,
)

calls = Table(
    "calls",
    metadata,
    _id(),
    _sid(),
    _account(),
    Column("direction", String(16), nullable=False),
    Column("caller", String(64), nullable=False),
    Column("called", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    *_made(),
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
    *_hook("fallback"),
    *_hook("status_callback"),
    Column("status_callback_events", JSON, nullable=False),
    Column("page", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("time_limit_s", Integer, nullable=False),
    *_hook("recording_callback"),
    Column("recording_callback_events", JSON, nullable=False),
    Index("ix_calls_account_id", "account", "id"),
    Index("ix_calls_edge_status", "edge", "status"),
    Index("ix_calls_status", "status"),
    sqlite_autoincrement=True,
)

recordings = Table(
    "recordings",
    metadata,
    _id(),
    _sid(),
    _account(),
    Column("call", String(34), nullable=False, index=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("size", RowId, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("source", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    *_made(),
    *_hook("status_callback"),
    Column("status_callback_events", JSON, nullable=False),
    Index("ix_recordings_account_id", "account", "id"),
    sqlite_autoincrement=True,
)

edges = Table(
    "edges",
    metadata,
    Column("edge", String(63), primary_key=True),
    _account(),
    Column("created_at", Moment, nullable=False),
    Column("token_sha256", String(64), unique=True),
    Column("token_expires_at", Moment),
    Column("key_sha256", String(64), nullable=False),
    Column("enrolled_at", Moment),
    Column("last_seen_at", Moment),
    Column("instance", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("outbox_stream", String(64), nullable=False),
    Column("outbox_highest", RowId, nullable=False),
)

channels = Table(
    "channels",
    metadata,
    Column("channel", String(200), primary_key=True),
    Column("edge", String(63), nullable=False, index=True),
    Column("status", JSON, nullable=False),
    Column("heard_at", Moment, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True),
    Column("edge", String(63), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_outbox_edge_seq", "edge", "seq"),
    sqlite_autoincrement=True,  # a number must not be given twice, even after its row is forgotten
)

applied = Table(
    "applied",
    metadata,
    Column("edge", String(63), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("seq", RowId, nullable=False),
    Column("at", Moment, nullable=False),
)

events = Table(
    "events",
    metadata,
    _id(),
    Column("event", String(64), nullable=False, unique=True),
    Column("edge", String(63), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("subject", String(200), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("payload", JSON, nullable=False),
    Index("ix_events_edge_id", "edge", "id"),
    sqlite_autoincrement=True,
)

callbacks = Table(
    "callbacks",
    metadata,
    _id(),
    _account(),
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

notifications = Table(
    "notifications",
    metadata,
    _id(),
    _sid(),
    _account(),
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

operators = Table(
    "operators",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("password", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("id", RowId, nullable=False, autoincrement=False),
)
"""Where a deleted row stood in its list, so that a page token that names it still leads on."""

warnings = Table(
    "warnings",
    metadata,
    Column("edge", String(63), primary_key=True),
    Column("code", String(64), primary_key=True),
    Column("subject", String(200), primary_key=True),
    Column("severity", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("since", Moment, nullable=False),
)
"""What is wrong at an edge now; a row goes when the edge says that it is over."""

history = Table(
    "history",
    metadata,
    _id(),
    Column("channel", String(200), nullable=False),
    _account(),
    Column("kind", String(40), nullable=False),
    Column("iccid", String(32), nullable=False, server_default=""),
    Column("at", Moment, nullable=False),
    Column("payload", JSON, nullable=False),
    Index("ix_history_channel_kind_id", "channel", "kind", "id"),
    sqlite_autoincrement=True,
)
"""The last of each kind of event that a channel's page shows; ``account``: whose SIM was in it then."""

tasks = Table(
    "tasks",
    metadata,
    _id(),
    _sid(),
    _account(),
    Column("edge", String(63), nullable=False),
    Column("channel", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("status", String(10), nullable=False),
    *_made(),
    Column("not_after", Moment, nullable=False),
    Column("by", String(64), nullable=False),
    Column("result", JSON, nullable=False),
    Index("ix_tasks_status_not_after", "status", "not_after"),
    Index("ix_tasks_channel_id", "channel", "id"),
    sqlite_autoincrement=True,
)
"""Commands that somebody waits for; the SID is the command's id."""
