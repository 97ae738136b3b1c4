"""The audit log: every row carries the hash of the one before it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from cloud.store.schema.columns import metadata
from cloud.store.types import Moment

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("before", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_who_number", "who", "number"),
)
