"""API keys: users of an account that can be taken away one by one."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from cloud.store.schema.columns import account_column, id_column, made_columns, metadata, sid_column

keys = Table(
    "keys",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("friendly_name", Text, nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    *made_columns(),
    Index("ix_keys_account_id", "account", "id"),
    sqlite_autoincrement=True,
)
