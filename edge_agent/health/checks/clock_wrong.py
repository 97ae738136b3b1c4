"""The site's clock cannot be right: a board without a battery wakes in 1970."""

from collections.abc import Iterator
from datetime import UTC, datetime

from edge_agent.health.conditions import Condition, Severity, Snapshot

_FAR_S = 120.0
_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def clock_wrong(snapshot: Snapshot) -> Iterator[Condition]:
    """TLS and the times of messages depend on it."""
    if not _EARLIEST <= snapshot.wall < _LATEST:
        text = f"the clock says {snapshot.wall:%Y-%m-%d}; set it, or let the site reach a time server"
        yield Condition("clock_wrong", Severity.CRITICAL, "", text)
    elif abs(snapshot.clock_off_s) > _FAR_S:
        ahead = "ahead of" if snapshot.clock_off_s > 0 else "behind"
        text = f"the system's clock is {abs(snapshot.clock_off_s):.0f} s {ahead} the time the agent goes by; set it"
        yield Condition("clock_wrong", Severity.WARNING, "", text)
