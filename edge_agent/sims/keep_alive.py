"""SIMs that their operator takes away: by a date, or because nothing was spent on them for long. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from telecore.ids import ChannelId

DAY_S = 86400.0
EXPIRY_WARN_DAYS = 14


@dataclass(frozen=True, slots=True)
class Reminder:
    """What to tell a person. ``code`` is the warning's: ``sim_expiring`` or ``keep_alive``."""

    code: str
    text: str


Reminders = Mapping[ChannelId, tuple[Reminder, ...]]


def expiring(expires_on: str | None, now: float) -> Reminder | None:
    """The SIM's validity is nearly over, or over."""
    if expires_on is None:
        return None
    left = (date.fromisoformat(expires_on) - datetime.fromtimestamp(now, UTC).date()).days
    if left > EXPIRY_WARN_DAYS:
        return None
    if left < 0:
        return Reminder("sim_expiring", f"the SIM's validity ended on {expires_on}: top it up before it is taken away")
    return Reminder("sim_expiring", f"the SIM is valid until {expires_on}, {left} days from now: top it up")


def idle(last_charged: float | None, first_seen: float, now: float, days: int | None) -> Reminder | None:
    """Nothing its operator charges for was done with it for long. ``days`` None: nobody wants to know."""
    if days is None:
        return None
    since = first_seen if last_charged is None else last_charged
    idle_days = int((now - since) // DAY_S)
    if idle_days < days:
        return None
    known = "nothing was spent on this SIM" if last_charged is not None else "nothing is known to be spent on this SIM"
    return Reminder("keep_alive", f"{known} for {idle_days} days: send an SMS or place a call, lest it be taken away")
