"""A SIM that its network refuses, though it hears it well."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot
from telecore.sim_health import HealthState


def sim_denied(snapshot: Snapshot) -> Iterator[Condition]:
    for channel, health in snapshot.judged(HealthState.DENIED):
        text = f"the network refuses this SIM: {health.reason}; ask its operator whether it is still active"
        yield Condition("sim_denied", Severity.CRITICAL, channel, text)
