"""What is told of caps: a warning on the operator's page and a line for the account, once for each window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from cloud.store import notifications, warnings
from cloud.store.database import Connection
from cloud.store.records import WarningRecord
from telecore.caps import DAY_S, HOUR_S, Step
from telecore.events import WarningCleared, WarningRaised
from telecore.ids import AccountSid, EdgeId

HERE = EdgeId("")
"""These are of the cloud, not of an edge."""
REACHED, SOON, BURST = "cap_reached", "cap_near", "burst"
_CODES: Mapping[str, int] = MappingProxyType({REACHED: 63038, SOON: 63038, BURST: 30450})
_SEVERITIES: Mapping[str, str] = MappingProxyType({REACHED: "error", SOON: "warning", BURST: "critical"})
_LEVELS: Mapping[str, str] = MappingProxyType({REACHED: "error", SOON: "warning", BURST: "error"})


def tell_step(conn: Connection, account: AccountSid, step: Step, at: datetime) -> None:
    """If this one reaches a cap, or most of it."""
    if not (step.reached or step.near):
        return
    code = REACHED if step.reached else SOON
    text = (
        f"{step.after} of {step.most} are used" if step.near else f"all {step.most} are used: what is more is refused"
    )
    _tell(conn, account, code, step.cap, text=f"cap {step.cap}: {text}", at=at)


def tell_burst(
    conn: Connection, account: AccountSid, prefix: str, why: str, at: datetime, *, blocked_for: timedelta | None
) -> None:
    done = (
        f"numbers that begin so are blocked for {blocked_for.total_seconds() / 60:.0f} minutes"
        if blocked_for
        else "nothing was blocked"
    )
    _tell(conn, account, BURST, prefix, text=f"{prefix}: {why}; {done}", at=at)


def over(conn: Connection, at: datetime) -> list[WarningRecord]:
    """What is told of a window that is over, and of runs an hour ago: so long they are blocked."""
    told = [found for found in warnings.list_(conn) if found.code in _CODES and found.edge == HERE]
    return [found for found in told if not _stands(found.code, found.subject, found.since, at)]


def settle(conn: Connection, at: datetime) -> None:
    """Clear it."""
    for found in over(conn, at):
        warnings.clear(conn, HERE, WarningCleared(code=found.code, subject=found.subject))


def _stands(code: str, subject: str, since: datetime, at: datetime) -> bool:
    if code == BURST:
        return abs((at - since).total_seconds()) < HOUR_S
    return _window(subject, since) == _window(subject, at)


def _window(subject: str, at: datetime) -> int:
    return int(at.timestamp() // (DAY_S if subject.endswith("_per_day") else HOUR_S))


def _tell(conn: Connection, account: AccountSid, code: str, about: str, *, text: str, at: datetime) -> None:
    subject = f"{account} {about}"
    since = warnings.since(conn, HERE, code, subject)
    if since is not None and _stands(code, subject, since, at):
        return
    if code == REACHED:
        warnings.clear(conn, HERE, WarningCleared(code=SOON, subject=subject))
    if since is not None:
        warnings.clear(conn, HERE, WarningCleared(code=code, subject=subject))
    told = WarningRaised(code=code, severity=_SEVERITIES[code], subject=subject, text=f"account {account}: {text}")
    warnings.raise_(conn, HERE, told, at)
    notifications.add(conn, account, account, _CODES[code], text, level=_LEVELS[code])
