"""A SIM that its operator is about to take away."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def sim_reminders(snapshot: Snapshot) -> Iterator[Condition]:
    for channel, reminders in snapshot.reminders.items():
        for reminder in reminders:
            yield Condition(reminder.code, Severity.WARNING, channel, reminder.text)
