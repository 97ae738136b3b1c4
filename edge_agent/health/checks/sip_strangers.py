"""Somebody whom we do not know speaks SIP to us: a scan, a gateway that moved, or one with a wrong password."""

from collections.abc import Iterator

from edge_agent.health.conditions import Condition, Severity, Snapshot


def sip_strangers(snapshot: Snapshot) -> Iterator[Condition]:
    if snapshot.strangers:
        who = ", ".join(f"{address} ({count})" for address, count in list(snapshot.strangers.items())[:5])
        more = len(snapshot.strangers) - 5
        text = "SIP was refused that came from addresses of no gateway of this site, or with a wrong password: "
        text += who + (f" and {more} more" if more > 0 else "")
        yield Condition("sip_strangers", Severity.WARNING, "", text)
