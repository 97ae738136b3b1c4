"""A SIM that is there and not in its network."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot
from telecore.model import ChannelState

_SENTENCES = {
    ChannelState.ABSENT: "there is no SIM",
    ChannelState.SEARCHING: "no network was found",
    ChannelState.DENIED: "the network refuses this SIM",
    ChannelState.FAULTY: "the modem does not work",
}


def not_registered(snapshot: Snapshot) -> Iterator[Condition]:
    for channel in snapshot.channels:
        sentence = _SENTENCES.get(channel.state)
        if sentence is not None:
            reason = f"{sentence} ({channel.reason})" if channel.reason else sentence
            yield Condition("not_registered", Severity.WARNING, channel.channel, reason)
