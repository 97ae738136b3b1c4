"""The disk that holds the spool is filling up."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot

_MB = 1 << 20


def disk_low(snapshot: Snapshot) -> Iterator[Condition]:
    """Below the configured limit; below a tenth of it nothing more can be kept soon."""
    free, limit = snapshot.disk_free, snapshot.limits.disk_low_mb * _MB
    if free is not None and free < limit:
        severity = Severity.CRITICAL if free < limit / 10 else Severity.WARNING
        yield Condition("disk_low", severity, "", f"{free // _MB} MB are free where the agent keeps its data")
