"""What accounts may spend, what they have, and what is blocked for them."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, Text

from cloud.store.schema.columns import metadata
from cloud.store.types import Moment


def _account() -> Column[str]:
    return Column("account", String(34), ForeignKey("accounts.sid"), primary_key=True)


account_caps = Table("account_caps", metadata, _account(), Column("settings", JSON, nullable=False))
"""What is set for an account, and differs from cloud.yaml; see ``telecore.caps``."""

cap_uses = Table(
    "cap_uses",
    metadata,
    _account(),
    Column("what", String(16), primary_key=True),
    Column("hour", Integer, nullable=False),
    Column("in_hour", Integer, nullable=False),
    Column("day", Integer, nullable=False),
    Column("in_day", Integer, nullable=False),
)
"""One row for an account's messages, one for its minutes: hours and days count from 1970."""

cap_targets = Table(
    "cap_targets",
    metadata,
    _account(),
    Column("what", String(16), primary_key=True),
    Column("target", String(64), primary_key=True),
    Column("hour", Integer, nullable=False),
    Column("in_hour", Integer, nullable=False),
    Index("ix_cap_targets_hour", "hour"),
)
"""How often a number, or a prefix (``+855…``), was reached; a row goes when its hour is over."""

cap_blocks = Table(
    "cap_blocks",
    metadata,
    _account(),
    Column("prefix", String(16), primary_key=True),
    Column("why", Text, nullable=False),
    Column("until", Moment, nullable=False),
)
