"""What was asked of customers' applications, and what they answered: a log, kept for days."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table, Text

from cloud.store.schema.columns import account_column, id_column, metadata, sid_column
from cloud.store.types import Moment

webhook_log = Table(
    "webhook_log",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("subject", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("method", String(4), nullable=False),
    Column("params", JSON, nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("sent", JSON, nullable=False),
    Column("status", Integer),
    Column("code", Integer, nullable=False),
    Column("fault", Text, nullable=False),
    Column("got", JSON, nullable=False),
    Column("body", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("replay_of", String(34), nullable=False, server_default=""),
    Column("at", Moment, nullable=False),
    Index("ix_webhook_log_account_id", "account", "id"),
    Index("ix_webhook_log_account_at", "account", "at"),
    Index("ix_webhook_log_subject", "subject"),
    Index("ix_webhook_log_replay_of", "replay_of"),
    sqlite_autoincrement=True,
)
