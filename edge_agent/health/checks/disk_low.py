"""The disk that holds the spool is filling up."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot

_MB = 1 << 20


def disk_low(snapshot: Snapshot) -> Iterator[Condition]:
    """Below the configured limit; below a tenth of it nothing more can be kept soon."""
    free, limit = snapshot.disk_free, snapshot.limits.disk_low_mb * _MB
    reserve = snapshot.limits.disk_reserve_mb * _MB
    if free is not None and free < reserve:
        text = f"only {free // _MB} MB are free: received SMS stay on their SIMs, and new commands wait with the cloud"
        yield Condition("disk_full", Severity.CRITICAL, "", text)
    if free is not None and free < limit:
        severity = Severity.CRITICAL if free < limit / 10 else Severity.WARNING
        yield Condition("disk_low", severity, "", f"{free // _MB} MB are free where the agent keeps its data")
