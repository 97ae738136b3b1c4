"""Somebody who is none of our gateways speaks SIP to us: a scan, or a gateway that moved."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def sip_strangers(snapshot: Snapshot) -> Iterator[Condition]:
    if snapshot.strangers:
        who = ", ".join(f"{address} ({count})" for address, count in list(snapshot.strangers.items())[:5])
        more = len(snapshot.strangers) - 5
        text = f"SIP from addresses that are no gateway of this site: {who}" + (f" and {more} more" if more > 0 else "")
        yield Condition("sip_strangers", Severity.WARNING, "", text)
