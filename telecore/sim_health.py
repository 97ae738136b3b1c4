"""How far a SIM is to be trusted with outbound traffic, what is on its account, and what it has carried."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HealthState(StrEnum):
    """Of one SIM. What the network or a card says, then what we conclude, then what a person decided."""

    ABSENT = "absent"
    LOCKED_PIN = "locked_pin"
    LOCKED_PUK = "locked_puk"
    LOCKED_NET = "locked_net"
    SIM_FAULT = "sim_fault"
    SEARCHING = "searching"
    DENIED = "denied"
    PROBATION = "probation"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    COOLDOWN = "cooldown"
    SUSPECT_BLOCKED = "suspect_blocked"
    EXHAUSTED = "exhausted"
    EXPIRING = "expiring"
    QUOTA = "quota"
    RETIRED = "retired"


URGENT_MAY_USE = frozenset(
    {HealthState.COOLDOWN, HealthState.QUOTA, HealthState.EXHAUSTED, HealthState.SUSPECT_BLOCKED}
)
"""States that stop ordinary traffic, and in which a warning is tried all the same: a life is worth a refusal."""


@dataclass(frozen=True, slots=True)
class Health:
    """``share``: of the outbound traffic it would get when healthy, in percent; 0 takes none. Inbound is never stopped.

    ``until``: when it will be looked at again, seconds since 1970. ``forced``: a person decided so.
    """

    state: HealthState
    since: float
    reason: str = ""
    share: int = 100
    until: float | None = None
    forced: bool = False

    def may_send(self, *, urgent: bool = False) -> bool:
        """Whether it takes outbound traffic."""
        return self.share > 0 or (urgent and not self.forced and self.state in URGENT_MAY_USE)


@dataclass(frozen=True, slots=True)
class Balance:
    """What is on a prepaid account. ``amount`` is a decimal number, None when unknown, which is never zero.

    ``expires_on`` is an ISO date; ``burn_per_day`` and ``days_left`` None until enough is known; ``at`` when it was
    read, seconds since 1970; ``note`` why it is unknown, or what the operator said.
    """

    at: float
    amount: str | None = None
    currency: str = ""
    expires_on: str | None = None
    burn_per_day: str | None = None
    days_left: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Carried outwards in the running hour, day and month. ``limit``: the quota that is reached, in words."""

    sms_hour: int = 0
    sms_day: int = 0
    sms_month: int = 0
    minutes_hour: float = 0.0
    minutes_day: float = 0.0
    minutes_month: float = 0.0
    limit: str = ""


@dataclass(frozen=True, slots=True)
class StoreLevel:
    """Received SMS that lie on the card or in the modem, by the fullest storage (27.005 §3.2.2)."""

    store: str
    used: int
    total: int

    @property
    def full(self) -> bool:
        return self.total > 0 and self.used >= self.total
