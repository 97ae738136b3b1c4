"""An account that is empty, or will be in a few days at the present rate."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot
from telecore.sim_health import HealthState

WARN_DAYS = 3.0


def balance_low(snapshot: Snapshot) -> Iterator[Condition]:
    """An unknown balance is no low one."""
    for channel, health in snapshot.judged(HealthState.EXHAUSTED):
        text = f"nothing can be sent any more: {health.reason}; top it up"
        yield Condition("balance_low", Severity.CRITICAL, channel, text)
    empty = {channel for channel, _ in snapshot.judged(HealthState.EXHAUSTED)}
    for status in snapshot.channels:
        balance = status.balance
        if status.channel in empty or balance is None or balance.days_left is None or balance.days_left > WARN_DAYS:
            continue
        text = f"{balance.amount} {balance.currency} last for {balance.days_left:.0f} more days; top it up"
        yield Condition("balance_low", Severity.WARNING, status.channel, text)
