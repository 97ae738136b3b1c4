"""A SIM that has carried what the site allows it for this day or month."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def quota_reached(snapshot: Snapshot) -> Iterator[Condition]:
    for status in snapshot.channels:
        if status.usage is not None and status.usage.limit:
            yield Condition("quota_reached", Severity.WARNING, status.channel, status.usage.limit)
