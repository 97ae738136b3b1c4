"""What was said in recordings."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, String, Table, Text

from cloud.store.schema.columns import account_column, hook_columns, id_column, made_columns, metadata, sid_column

transcriptions = Table(
    "transcriptions",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("call", String(34), nullable=False),
    Column("recording", String(34), nullable=False, index=True),
    Column("status", String(16), nullable=False, index=True),
    Column("text", Text, nullable=False, server_default=""),
    Column("duration_s", Float, nullable=False),
    *hook_columns("callback"),
    *made_columns(),
    Index("ix_transcriptions_account_id", "account", "id"),
    sqlite_autoincrement=True,
)
