"""The cloud does not take this edge's key."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def enrolment_refused(snapshot: Snapshot) -> Iterator[Condition]:
    """Nobody in the cloud can see this warning; it is for the status page of the site."""
    if snapshot.refused and not snapshot.tunnel_up:
        yield Condition("enrolment_refused", Severity.CRITICAL, "", f"the cloud refuses this edge: {snapshot.refused}")
