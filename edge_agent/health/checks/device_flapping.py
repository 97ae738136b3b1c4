"""A channel that finds its network and loses it, again and again."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def device_flapping(snapshot: Snapshot) -> Iterator[Condition]:
    for channel, lost in snapshot.flapping.items():
        text = f"it lost its network {lost} times within an hour; look at its power, its cable and its antenna"
        yield Condition("device_flapping", Severity.WARNING, channel, text)
