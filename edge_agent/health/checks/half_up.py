"""A gateway's line is registered, and its calls or its SMS do not work."""

from collections.abc import Iterator

from edge_agent.drivers.gateway.line_state import CALLS_ONLY, NO_CALLS
from edge_agent.health.conditions import Condition, Severity, Snapshot
from telecore.model import ChannelState


def half_up(snapshot: Snapshot) -> Iterator[Condition]:
    for status in snapshot.channels:
        if status.state is ChannelState.REGISTERED and (NO_CALLS in status.reason or CALLS_ONLY in status.reason):
            yield Condition("half_up", Severity.WARNING, status.channel, status.reason)
