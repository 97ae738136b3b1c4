"""A gateway's line is registered, and its calls or its SMS do not work."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot
from telecore.model import ChannelState


def half_up(snapshot: Snapshot) -> Iterator[Condition]:
    for status in snapshot.channels:
        if status.state is ChannelState.REGISTERED and status.down:
            what = " and ".join(sorted(status.down))
            yield Condition("half_up", Severity.WARNING, status.channel, f"{what} do not work: {status.reason}")
