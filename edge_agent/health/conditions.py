"""What a check sees and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from edge_agent.config import Limits
from edge_agent.sims.keep_alive import Reminders
from telecore.ids import ChannelId, Iccid, Plmn
from telecore.model import ChannelStatus
from telecore.sim_health import Health, HealthState


class Severity(StrEnum):
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The agent at one moment. ``fallen`` are parts of it that fell over a fault of ours, with the reason;
    ``pins`` are the ICCIDs that a PIN was given for; ``reminders``: what to do lest a SIM be taken away.

    ``outages``: operators that are down, and how that shows; ``flapping``: channels that lost their network so often
    within an hour; ``sounds``: the channels whose last calls sounded bad, and how (as in SoundChecked);
    ``strangers``: addresses that spoke SIP to us of late and are no gateway, and how often;
    ``data``: uplink (empty: all of them), the threshold of its budget that is passed in percent, the share used;
    ``disks``: the USB sockets of modems that show only their disk, with the command that makes modems of them;
    ``certificate_ends``: of the certificate that the cloud showed last, None without TLS.
    """

    wall: datetime
    channels: tuple[ChannelStatus, ...] = ()
    tunnel_up: bool = True
    refused: str = ""
    spooled: int = 0
    spool_error: str | None = None
    quarantined: str | None = None
    forgotten: str = ""
    clock_off_s: float = 0.0
    clock_guessed: bool = False
    certificate_ends: datetime | None = None
    disk_free: int | None = None
    pins: frozenset[Iccid] = frozenset()
    fallen: dict[str, str] = field(default_factory=dict)
    sounds: Mapping[ChannelId, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    reminders: Reminders = field(default_factory=dict)
    outages: Mapping[Plmn, str] = field(default_factory=dict)
    flapping: Mapping[ChannelId, int] = field(default_factory=dict)
    disks: Mapping[str, str] = field(default_factory=dict)
    strangers: Mapping[str, int] = field(default_factory=dict)
    data: tuple[tuple[str, int, float], ...] = ()

    def judged(self, state: HealthState) -> list[tuple[ChannelId, Health]]:
        """The channels whose SIM is in this state because the agent says so; what a person decided needs no warning."""
        return [
            (status.channel, status.health)
            for status in self.channels
            if status.health is not None and status.health.state is state and not status.health.forced
        ]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something is not as it should be. ``subject`` is a channel, a USB socket, or empty for the edge itself."""

    code: str
    severity: Severity
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """``delay_s``: how long a condition must hold before anybody is told, and be gone before it is cleared."""

    look: Callable[[Snapshot], Iterable[Condition]]
    delay_s: float
