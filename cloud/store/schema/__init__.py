"""The tables, once. ``migrations/`` makes them; ``tests/cloud/store/test_migrations.py`` holds both together."""

from __future__ import annotations

from cloud.store.schema.accounts import (
    accounts,
    numbers,
    operators,
    released_numbers,
)
from cloud.store.schema.applications import applications
from cloud.store.schema.audit import audit
from cloud.store.schema.caller_ids import outgoing_caller_ids, validations
from cloud.store.schema.caps import account_caps, cap_blocks, cap_targets, cap_uses
from cloud.store.schema.columns import metadata
from cloud.store.schema.conferences import conferences, participants, queue_members, queues
from cloud.store.schema.conversations import conversations
from cloud.store.schema.keys import keys
from cloud.store.schema.messaging import (
    message_feedback,
    messaging_services,
    opt_outs,
    service_numbers,
    sticky_senders,
)
from cloud.store.schema.releases import edge_updates, releases
from cloud.store.schema.sites import (
    applied,
    channels,
    edges,
    events,
    history,
    outbox,
    tasks,
    warnings,
)
from cloud.store.schema.streams import streams
from cloud.store.schema.traffic import (
    callbacks,
    calls,
    clips,
    messages,
    notifications,
    recordings,
    tombstones,
)
from cloud.store.schema.transcriptions import transcriptions
from cloud.store.schema.verify import (
    verification_attempts,
    verifications,
    verify_buckets,
    verify_counts,
    verify_rate_limits,
    verify_services,
)
from cloud.store.schema.webhooks import webhook_log

__all__ = [
    "account_caps",
    "accounts",
    "applications",
    "applied",
    "audit",
    "callbacks",
    "calls",
    "cap_blocks",
    "cap_targets",
    "cap_uses",
    "channels",
    "clips",
    "conferences",
    "conversations",
    "edge_updates",
    "edges",
    "events",
    "history",
    "keys",
    "message_feedback",
    "messages",
    "messaging_services",
    "metadata",
    "notifications",
    "numbers",
    "operators",
    "opt_outs",
    "outbox",
    "outgoing_caller_ids",
    "participants",
    "queue_members",
    "queues",
    "recordings",
    "released_numbers",
    "releases",
    "service_numbers",
    "sticky_senders",
    "streams",
    "tasks",
    "tombstones",
    "transcriptions",
    "validations",
    "verification_attempts",
    "verifications",
    "verify_buckets",
    "verify_counts",
    "verify_rate_limits",
    "verify_services",
    "warnings",
    "webhook_log",
]
