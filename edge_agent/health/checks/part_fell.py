"""A part of the agent fell over a fault of ours and was restarted."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def part_fell(snapshot: Snapshot) -> Iterator[Condition]:
    for name, reason in snapshot.fallen.items():
        yield Condition("part_fell", Severity.WARNING, name, f"{name} fell and was restarted: {reason}")
