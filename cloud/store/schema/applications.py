"""Applications: sets of URLs that numbers, calls and messages refer to."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, Text, false

from cloud.store.schema.columns import account_column, hook_columns, id_column, made_columns, metadata, sid_column

applications = Table(
    "applications",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("friendly_name", Text, nullable=False),
    *hook_columns("voice"),
    *hook_columns("voice_fallback"),
    *hook_columns("status_callback"),
    *hook_columns("sms"),
    *hook_columns("sms_fallback"),
    Column("sms_status_callback", Text, nullable=False, server_default=""),
    Column("message_status_callback", Text, nullable=False, server_default=""),
    Column("public", Boolean, nullable=False, server_default=false()),
    *made_columns(),
    Index("ix_applications_account_id", "account", "id"),
    sqlite_autoincrement=True,
)
