"""The spool's file was broken at the start, or cannot be written now."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def spool_broken(snapshot: Snapshot) -> Iterator[Condition]:
    """Until the next start; the file is kept, and what it held may have to be looked for there."""
    if snapshot.quarantined:
        text = f"the spool was broken and a new one begun; the old one is kept as {snapshot.quarantined}"
        yield Condition("spool_broken", Severity.CRITICAL, "", text)


def memory_lost(snapshot: Snapshot) -> Iterator[Condition]:
    """Until the next start: the spool, or the cloud's store, was deleted or is older than it was."""
    if snapshot.forgotten:
        yield Condition("memory_lost", Severity.CRITICAL, "", snapshot.forgotten)


def spool_failing(snapshot: Snapshot) -> Iterator[Condition]:
    """Received SMS stay on their SIMs meanwhile."""
    if snapshot.spool_error:
        yield Condition("spool_failing", Severity.CRITICAL, "", snapshot.spool_error)
