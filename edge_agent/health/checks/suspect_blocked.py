"""A SIM that its operator seems to have blocked; only a person or two self-tests clear it."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot
from telecore.sim_health import HealthState


def suspect_blocked(snapshot: Snapshot) -> Iterator[Condition]:
    for channel, health in snapshot.judged(HealthState.SUSPECT_BLOCKED):
        text = f"the SIM may be blocked: {health.reason}; ask its operator, test it, then release it"
        yield Condition("suspect_blocked", Severity.CRITICAL, channel, text)
