"""A SIM's storage is full: the network keeps further messages back (27.005 §3.2.5, CMS 322)."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def sms_storage_full(snapshot: Snapshot) -> Iterator[Condition]:
    for channel in sorted(snapshot.full_storages):
        text = "the storage for received SMS is full and is not getting emptier"
        yield Condition("sms_storage_full", Severity.CRITICAL, channel, text)
