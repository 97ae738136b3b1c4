"""Conferences and who is in them, queues and who waits in them."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from cloud.store.schema.columns import account_column, hook_columns, id_column, made_columns, metadata, sid_column
from cloud.store.types import Moment

conferences = Table(
    "conferences",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("name", String(128), nullable=False),
    Column("status", String(16), nullable=False),
    *made_columns(),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("ended_by", String(34)),
    Column("sequence", Integer, nullable=False),
    Column("max_participants", Integer, nullable=False),
    Column("record", Boolean, nullable=False),
    Column("trim_silence", Boolean, nullable=False),
    Column("recorder", String(63)),
    *hook_columns("status_callback"),
    Column("status_callback_events", JSON, nullable=False),
    *hook_columns("recording_callback"),
    Column("recording_callback_events", JSON, nullable=False),
    Column("event_callback", Text, nullable=False, server_default=""),
    Index("ix_conferences_account_id", "account", "id"),
    Index("ix_conferences_account_name_status", "account", "name", "status"),
    sqlite_autoincrement=True,
)

participants = Table(
    "participants",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("conference", String(34), ForeignKey("conferences.sid"), nullable=False),
    Column("call", String(34), nullable=False),
    Column("stay", String(64)),
    Column("edge", String(63)),
    Column("status", String(16), nullable=False),
    *made_columns(),
    Column("label", String(128), nullable=False, server_default=""),
    Column("muted", Boolean, nullable=False),
    Column("hold", Boolean, nullable=False),
    Column("coaching", Boolean, nullable=False),
    Column("coach", String(34), nullable=False, server_default=""),
    Column("start_on_enter", Boolean, nullable=False),
    Column("end_on_exit", Boolean, nullable=False),
    Column("beep_on_enter", Boolean, nullable=False),
    Column("beep_on_exit", Boolean, nullable=False),
    Column("wait_url", Text),
    Column("wait_method", String(4), nullable=False),
    Column("hold_url", Text),
    Column("hold_method", String(4), nullable=False),
    Index("ix_participants_conference_status", "conference", "status"),
    Index("ix_participants_call", "call"),
    Index("ix_participants_stay", "stay"),
    sqlite_autoincrement=True,
)

queues = Table(
    "queues",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("name", String(64), nullable=False),
    Column("max_size", Integer, nullable=False),
    *made_columns(),
    Index("uq_queues_account_name", "account", "name", unique=True),
    Index("ix_queues_account_id", "account", "id"),
    sqlite_autoincrement=True,
)

queue_members = Table(
    "queue_members",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("queue", String(34), nullable=False),
    Column("call", String(34), nullable=False),
    Column("stay", String(64), nullable=False),
    Column("edge", String(63)),
    Column("status", String(16), nullable=False),
    *made_columns(),
    Column("wait_url", Text),
    Column("wait_method", String(4), nullable=False),
    *hook_columns("action"),
    Column("taker", String(34)),
    Column("taken_at", Moment),
    Index("ix_queue_members_queue_status_id", "queue", "status", "id"),
    Index("ix_queue_members_call", "call"),
    Index("ix_queue_members_stay", "stay"),
    sqlite_autoincrement=True,
)
