"""Releases for edges, and how each edge fared with each."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, String, Table, Text, false

from cloud.store.schema.columns import metadata
from cloud.store.types import Moment

releases = Table(
    "releases",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("what", String(20), nullable=False),
    Column("version", String(40), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("size", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("reason", Text, nullable=False),
    Column("percent", Float, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("staged_at", Moment),
    Column("urgent", Boolean, nullable=False, server_default=false()),
)

edge_updates = Table(
    "edge_updates",
    metadata,
    Column("edge", String(63), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("outcome", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
"""``outcome``: how far it is (``fetching``, ``trial``, …), at the end ``done``, ``refused`` or ``reverted``."""
