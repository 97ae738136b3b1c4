"""A SIM that waits for its PIN or PUK."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot
from telecore.model import ChannelState


def sim_locked(snapshot: Snapshot) -> Iterator[Condition]:
    for channel in snapshot.channels:
        if channel.state is ChannelState.LOCKED:
            text = f"the SIM is locked: {channel.reason or 'give its PIN in the file of sim_pins'}"
            yield Condition("sim_locked", Severity.CRITICAL, channel.channel, text)
