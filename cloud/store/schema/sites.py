"""Edges, their channels, and the streets to and from them."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Index, String, Table, Text, false

from cloud.store.schema.columns import account_column, id_column, made_columns, metadata, sid_column
from cloud.store.types import Moment, RowId

edges = Table(
    "edges",
    metadata,
    Column("edge", String(63), primary_key=True),
    account_column(),
    Column("created_at", Moment, nullable=False),
    Column("token_sha256", String(64), unique=True),
    Column("token_expires_at", Moment),
    Column("key_sha256", String(64), nullable=False),
    Column("public_key", String(64), nullable=False, server_default=""),
    Column("next_key", String(64), nullable=False, server_default=""),
    Column("join_accepted", String(200), nullable=False, server_default=""),
    Column("join_offered", String(200), nullable=False, server_default=""),
    Column("forgiven", Boolean, nullable=False, server_default=false()),
    Column("shut_at", Moment),
    Column("shut_why", String(40), nullable=False, server_default=""),
    Column("enrolled_at", Moment),
    Column("last_seen_at", Moment),
    Column("instance", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("outbox_stream", String(64), nullable=False),
    Column("outbox_highest", RowId, nullable=False),
    Column("outbox_acked", RowId, nullable=False, server_default="0"),
    Column("linked", Boolean, nullable=False, server_default=false()),
    Column("doubt_at", Moment),
    Column("doubt_stream", String(64), nullable=False, server_default=""),
    Column("doubt_seq", RowId, nullable=False, server_default="0"),
    Index("ix_edges_account", "account"),
)
"""``doubt_at``: when the edge turned out to have forgotten; what it was sending then is uncertain until it has told
``doubt_stream`` up to ``doubt_seq``."""

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
    Column("mark", String(64), nullable=False, server_default=""),
)
"""``mark``: the id of the event that has this number."""

events = Table(
    "events",
    metadata,
    id_column(),
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
    id_column(),
    Column("channel", String(200), nullable=False),
    account_column(),
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
    id_column(),
    sid_column(),
    account_column(),
    Column("edge", String(63), nullable=False),
    Column("channel", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("status", String(10), nullable=False),
    *made_columns(),
    Column("not_after", Moment, nullable=False),
    Column("by", String(64), nullable=False),
    Column("result", JSON, nullable=False),
    Index("ix_tasks_status_not_after", "status", "not_after"),
    Index("ix_tasks_channel_id", "channel", "id"),
    sqlite_autoincrement=True,
)
"""Commands that somebody waits for; the SID is the command's id."""
