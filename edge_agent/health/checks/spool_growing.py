"""The cloud does not keep up, or is away."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def spool_growing(snapshot: Snapshot) -> Iterator[Condition]:
    if snapshot.spooled > snapshot.limits.spool_rows:
        yield Condition("spool_growing", Severity.WARNING, "", f"{snapshot.spooled} events wait for the cloud")
