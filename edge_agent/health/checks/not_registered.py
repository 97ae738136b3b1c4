"""A SIM that is there and not in its network."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot
from telecore.model import ChannelState
from telecore.sim_health import HealthState

_SENTENCES = {
    ChannelState.ABSENT: "there is no SIM",
    ChannelState.SEARCHING: "no network was found",
    ChannelState.DENIED: "the network refuses this SIM",
    ChannelState.FAULTY: "the modem or line does not work",
}
_TOLD_OTHERWISE = frozenset({HealthState.DENIED, HealthState.SIM_FAULT})
"""``sim_denied`` and ``sim_fault`` say more."""


def not_registered(snapshot: Snapshot) -> Iterator[Condition]:
    for channel in snapshot.channels:
        sentence = _SENTENCES.get(channel.state)
        if sentence is not None and (channel.health is None or channel.health.state not in _TOLD_OTHERWISE):
            reason = f"{sentence} ({channel.reason})" if channel.reason else sentence
            yield Condition("not_registered", Severity.WARNING, channel.channel, reason)
