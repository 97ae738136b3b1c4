"""The cloud cannot be reached."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def tunnel_down(snapshot: Snapshot) -> Iterator[Condition]:
    if not snapshot.tunnel_up:
        yield Condition("tunnel_down", Severity.WARNING, "", "the tunnel to the cloud is down; events are being kept")
