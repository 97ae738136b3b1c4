"""An operator that is down: one warning, instead of one for each of its SIMs."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def operator_outage(snapshot: Snapshot) -> Iterator[Condition]:
    for operator, text in snapshot.outages.items():
        yield Condition("operator_outage", Severity.WARNING, operator, text)
