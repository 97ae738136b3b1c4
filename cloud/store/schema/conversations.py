"""What an application's cookies remember of those who write to it."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from cloud.store.schema.columns import account_column, id_column, metadata
from cloud.store.types import Moment

conversations = Table(
    "conversations",
    metadata,
    id_column(),
    account_column(),
    Column("ours", String(64), nullable=False),
    Column("theirs", String(64), nullable=False),
    Column("cookies", Text, nullable=False),
    Column("until", Moment, nullable=False),
    Index("uq_conversations_account_ours_theirs", "account", "ours", "theirs", unique=True),
    Index("ix_conversations_until", "until"),
    sqlite_autoincrement=True,
)
