"""What a check sees and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from edge_agent.config import Limits
from edge_agent.sims.keep_alive import Reminders
from telecore.ids import ChannelId, Iccid
from telecore.model import ChannelStatus


class Severity(StrEnum):
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The agent at one moment. ``fallen`` are parts of it that fell over a fault of ours, with the reason;
    ``pins`` are the ICCIDs that a PIN was given for; ``reminders``: what to do lest a SIM be taken away.

    ``sounds``: the channels whose last calls sounded bad, and how (as in SoundChecked).
    """

    wall: datetime
    channels: tuple[ChannelStatus, ...] = ()
    tunnel_up: bool = True
    refused: str = ""
    spooled: int = 0
    spool_error: str | None = None
    quarantined: str | None = None
    disk_free: int | None = None
    pins: frozenset[Iccid] = frozenset()
    fallen: dict[str, str] = field(default_factory=dict)
    sounds: Mapping[ChannelId, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    reminders: Reminders = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """Something is not as it should be. ``subject`` is a channel, or empty for the edge itself."""

    code: str
    severity: Severity
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """``delay_s``: how long a condition must hold before anybody is told, and be gone before it is cleared."""

    look: Callable[[Snapshot], Iterable[Condition]]
    delay_s: float
