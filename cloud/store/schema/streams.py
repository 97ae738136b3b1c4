"""Media streams of calls."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from cloud.store.schema.columns import account_column, id_column, made_columns, metadata, sid_column

streams = Table(
    "streams",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("call", String(34), nullable=False),
    Column("name", Text, nullable=False),
    Column("status", String(16), nullable=False),
    *made_columns(),
    Index("ix_streams_call", "call"),
    sqlite_autoincrement=True,
)
