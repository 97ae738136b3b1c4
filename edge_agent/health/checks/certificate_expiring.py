"""The certificate that the cloud shows will soon not be believed any more."""

from collections.abc import Iterator
from datetime import timedelta

from edge_agent.health.conditions import Condition, Severity, Snapshot

_SOON = timedelta(days=14)


def certificate_expiring(snapshot: Snapshot) -> Iterator[Condition]:
    """By the time the agent goes by, not by a clock that may be years off."""
    ends = snapshot.certificate_ends
    if ends is None:
        return
    left = ends - (snapshot.wall - timedelta(seconds=snapshot.clock_off_s))
    when = f"{ends:%Y-%m-%d %H:%M} UTC"
    if left <= timedelta():
        text = f"the cloud's certificate ended at {when}: the next connection will fail"
        yield Condition("certificate_expiring", Severity.CRITICAL, "", text)
    elif left < _SOON:
        text = f"the cloud's certificate ends at {when}, in {left.days} days; no connection is made after that"
        yield Condition("certificate_expiring", Severity.WARNING, "", text)
