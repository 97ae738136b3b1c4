"""Numbers that somebody has shown to be his, and the calls that ask him to."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from cloud.store.schema.columns import account_column, id_column, made_columns, metadata, sid_column
from cloud.store.types import Moment

outgoing_caller_ids = Table(
    "outgoing_caller_ids",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("number", String(32), nullable=False),
    Column("friendly_name", Text, nullable=False),
    *made_columns(),
    Index("ix_outgoing_caller_ids_account_id", "account", "id"),
    Index("uq_outgoing_caller_ids_account_number", "account", "number", unique=True),
    sqlite_autoincrement=True,
)

validations = Table(
    "validations",
    metadata,
    Column("call", String(34), primary_key=True),
    account_column(),
    Column("number", String(32), nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("caller_id", String(34)),
    Column("created_at", Moment, nullable=False),
)
"""Calls that ask for a code; ``caller_id``: what came of it, nothing while or because it was not given."""
