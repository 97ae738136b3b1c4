"""More of the month's data is used than the site wants to hear of."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def data_budget(snapshot: Snapshot) -> Iterator[Condition]:
    for uplink, percent, share in snapshot.data:
        severity = Severity.CRITICAL if percent >= 100 else Severity.WARNING
        whose = f"of the uplink {uplink}" if uplink else "of this site"
        yield Condition(
            f"data_budget_{percent}", severity, uplink, f"{share:.0%} of the month's data {whose} are used up"
        )
