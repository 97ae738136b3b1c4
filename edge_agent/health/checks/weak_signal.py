"""A signal so weak that calls break and SMS fail."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot
from telecore.model import ChannelState

WEAK_DBM = -100


def weak_signal(snapshot: Snapshot) -> Iterator[Condition]:
    for channel in snapshot.channels:
        if channel.state is ChannelState.REGISTERED and channel.signal and channel.signal.dbm < WEAK_DBM:
            text = f"{channel.signal.dbm} dBm; move the antenna or the modem"
            yield Condition("weak_signal", Severity.WARNING, channel.channel, text)
