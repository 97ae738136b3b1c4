"""Verify: services, verifications, what was sent for them, and how often that may be done."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from cloud.store.schema.columns import account_column, id_column, made_columns, metadata, sid_column
from cloud.store.types import Moment


def _service_column() -> Column[str]:
    return Column("service", String(34), ForeignKey("verify_services.sid"), nullable=False)


verify_services = Table(
    "verify_services",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    Column("friendly_name", String(30), nullable=False),
    Column("code_length", Integer, nullable=False),
    Column("lookup_enabled", Boolean, nullable=False),
    Column("skip_sms_to_landlines", Boolean, nullable=False),
    Column("dtmf_input_required", Boolean, nullable=False),
    Column("tts_name", Text, nullable=False),
    Column("do_not_share_warning_enabled", Boolean, nullable=False),
    Column("custom_code_enabled", Boolean, nullable=False),
    Column("psd2_enabled", Boolean, nullable=False),
    *made_columns(),
    Index("ix_verify_services_account_id", "account", "id"),
    sqlite_autoincrement=True,
)

verifications = Table(
    "verifications",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    _service_column(),
    Column("recipient", String(64), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("status", String(12), nullable=False),
    Column("salt", String(32), nullable=False),
    Column("checks", Integer, nullable=False),
    Column("amount", Text, nullable=False),
    Column("payee", Text, nullable=False),
    Column("expires_at", Moment, nullable=False),
    *made_columns(),
    Index("ix_verifications_service_recipient_status", "service", "recipient", "status"),
    Index("ix_verifications_status_expires_at", "status", "expires_at"),
    sqlite_autoincrement=True,
)

verification_attempts = Table(
    "verification_attempts",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    _service_column(),
    Column("verification", String(34), nullable=False, index=True),
    Column("channel", String(8), nullable=False),
    Column("recipient", String(64), nullable=False),
    Column("country", String(2), nullable=False),
    Column("code_hash", String(64), nullable=False),
    Column("carrier", String(34), nullable=False),
    Column("converted", Boolean, nullable=False),
    *made_columns(),
    Index("ix_verification_attempts_account_id", "account", "id"),
    Index("ix_verification_attempts_carrier", "carrier"),
    sqlite_autoincrement=True,
)
"""``carrier`` is the message or the call that brought the code; ``code_hash`` is empty once nothing can be checked."""

verify_rate_limits = Table(
    "verify_rate_limits",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    _service_column(),
    Column("unique_name", String(64), nullable=False),
    Column("description", Text, nullable=False),
    *made_columns(),
    UniqueConstraint("service", "unique_name"),
    sqlite_autoincrement=True,
)

verify_buckets = Table(
    "verify_buckets",
    metadata,
    id_column(),
    sid_column(),
    account_column(),
    _service_column(),
    Column("rate_limit", String(34), nullable=False, index=True),
    Column("max", Integer, nullable=False),
    Column("interval_s", Integer, nullable=False),
    *made_columns(),
    sqlite_autoincrement=True,
)

verify_counts = Table(
    "verify_counts",
    metadata,
    Column("bucket", String(34), primary_key=True),
    Column("value_sha256", String(64), primary_key=True),
    Column("since", Moment, nullable=False),
    Column("count", Integer, nullable=False),
)
"""How often a value (a user's name, an address) has had a verification sent since then."""
