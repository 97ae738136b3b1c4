"""Received SMS fill a storage: the network keeps further ones, and forgets them after a few days."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def sms_storage_full(snapshot: Snapshot) -> Iterator[Condition]:
    for status in snapshot.channels:
        if status.store is not None and status.store.full:
            text = f"the storage {status.store.store} holds {status.store.used} SMS and takes no more"
            yield Condition("sms_storage_full", Severity.WARNING, status.channel, text)
