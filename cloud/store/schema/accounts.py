"""Whose what is: accounts, their numbers, and who may see the operator's page."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table, Text, false

from cloud.store.schema.columns import account_column, hook_columns, id_column, made_columns, metadata, sid_column
from cloud.store.types import Moment

accounts = Table(
    "accounts",
    metadata,
    id_column(),
    sid_column(),
    Column("friendly_name", Text, nullable=False),
    Column("auth_token", Text, nullable=False),
    Column("status", String(10), nullable=False),
    Column("owner", String(34), index=True),
    Column("secondary_token", Text, nullable=False, server_default=""),
    Column("compat", String(10), nullable=False, server_default="twilio"),
    Column("webhook_log", String(10), nullable=False, server_default="full"),
    Column("webhook_log_days", Integer, nullable=False, server_default="7"),
    Column("requests_per_s", Integer),
    Column("media_access", String(16), nullable=False, server_default="authenticated"),
    Column("media_key", Text, nullable=False, server_default=""),
    Column("media_link_s", Integer, nullable=False, server_default="604800"),
    Column("message_retention", String(10), nullable=False, server_default="redacted"),
    Column("message_days", Integer, nullable=False, server_default="0"),
    Column("recording_days", Integer, nullable=False, server_default="0"),
    Column("call_days", Integer, nullable=False, server_default="0"),
    *made_columns(),
    sqlite_autoincrement=True,
)
"""Tokens and ``media_key`` are sealed, see ``cloud/store/sealed.py``."""

numbers = Table(
    "numbers",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("number", String(32), nullable=False, unique=True),
    Column("friendly_name", Text, nullable=False),
    Column("channel", String(200), index=True),
    *hook_columns("voice"),
    *hook_columns("voice_fallback"),
    *hook_columns("sms"),
    *hook_columns("sms_fallback"),
    *hook_columns("status_callback"),
    Column("voice_application", String(34)),
    Column("sms_application", String(34)),
    Column("kind", String(10), nullable=False, server_default="mobile"),
    *made_columns(),
    Index("ix_numbers_account_id", "account", "id"),
    sqlite_autoincrement=True,
)

released_numbers = Table(
    "released_numbers",
    metadata,
    Column("number", String(32), primary_key=True),
    account_column(),
    Column("at", Moment, nullable=False),
)
"""Given up by their accounts: their SIMs, heard of again, do not bring them back."""

operators = Table(
    "operators",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("password", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("role", String(10), nullable=False, server_default="operator"),
    Column("account", String(34)),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("stamp", String(32), nullable=False, server_default=""),
    Column("totp_secret", Text, nullable=False, server_default=""),
    Column("totp_step", BigInteger, nullable=False, server_default="0"),
    Column("recovery", JSON, nullable=False, server_default="[]"),
)
