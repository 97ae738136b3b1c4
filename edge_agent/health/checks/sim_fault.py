"""A SIM that does not work, in this modem or at all."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot
from telecore.sim_health import HealthState


def sim_fault(snapshot: Snapshot) -> Iterator[Condition]:
    for channel, health in snapshot.judged(HealthState.SIM_FAULT):
        text = f"the SIM fails: {health.reason}; clean its contacts, try it in a phone, replace it"
        yield Condition("sim_fault", Severity.CRITICAL, channel, text)
