"""Messaging services, their numbers, and what is remembered of the people they write to."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from cloud.store.schema.columns import account_column, hook_columns, id_column, made_columns, metadata, sid_column
from cloud.store.types import Moment

messaging_services = Table(
    "messaging_services",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("friendly_name", Text, nullable=False),
    *hook_columns("inbound"),
    *hook_columns("fallback"),
    Column("status_callback", Text, nullable=False),
    Column("sticky_sender", Boolean, nullable=False),
    Column("smart_encoding", Boolean, nullable=False),
    Column("area_code_geomatch", Boolean, nullable=False),
    Column("use_inbound_webhook_on_number", Boolean, nullable=False),
    Column("validity_s", Integer, nullable=False),
    Column("usecase", String(32), nullable=False),
    Column("mms_converter", Boolean, nullable=False),
    Column("fallback_to_long_code", Boolean, nullable=False),
    Column("synchronous_validation", Boolean, nullable=False),
    Column("scan_message_content", String(8), nullable=False),
    Column("stop_reply", Text),
    Column("start_reply", Text),
    Column("help_reply", Text),
    *made_columns(),
    Index("ix_messaging_services_account_id", "account", "id"),
    sqlite_autoincrement=True,
)

service_numbers = Table(
    "service_numbers",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("service", String(34), ForeignKey("messaging_services.sid"), nullable=False),
    Column("number", String(34), ForeignKey("numbers.sid"), nullable=False, unique=True),
    *made_columns(),
    Index("ix_service_numbers_service_id", "service", "id"),
    sqlite_autoincrement=True,
)
"""Which numbers a service sends from. The row has a SID of its own, so that a number may come again after it left."""

sticky_senders = Table(
    "sticky_senders",
    metadata,
    Column("service", String(34), ForeignKey("messaging_services.sid"), primary_key=True),
    Column("recipient", String(64), primary_key=True),
    Column("number", String(34), nullable=False),
    Column("at", Moment, nullable=False),
)
"""The number that somebody knows a service by."""

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("sender", String(34), primary_key=True),
    Column("recipient", String(64), primary_key=True),
    account_column(),
    Column("at", Moment, nullable=False),
)
"""Who wants no more messages from a service or from a number, by the SID of either."""

message_feedback = Table(
    "message_feedback",
    metadata,
    Column("message", String(34), primary_key=True),
    account_column(),
    Column("outcome", String(12), nullable=False),
    *made_columns(),
)
