"""Every number that judges a SIM, as data. A site may override each by its name (agent.yaml: ``sims.thresholds``).

The values are proposals for operators of whom nothing is known; a site that knows better says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from telecore.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Names end in their unit: ``_s`` seconds, ``_days``, ``_dbm``; without one it is a count, or a share of one."""

    # What a radio must show for so long before it is believed.
    absent_s: float = 10.0
    searching_s: float = 60.0
    registered_stable_s: float = 60.0
    denied_s: float = 180.0
    denied_least_dbm: float = -97.0
    sim_faults: float = 2
    authentication_failures: float = 3
    weak_dbm: float = -97.0
    weak_s: float = 900.0

    # How much must have been seen before a rate says anything, and what rate is bad.
    least_calls: float = 20
    least_sms: float = 20
    least_reports: float = 30
    answered_ratio: float = 0.6
    talk_ratio: float = 0.5
    delivered_ratio: float = 0.5
    sms_taken: float = 0.85
    ring_p95_s: float = 15.0
    recovered_s: float = 1800.0

    # When a SIM rests, and when a person must look at it.
    sim_errors: float = 3
    doubtful_errors: float = 5
    congestions: float = 3
    short_call_s: float = 3.0
    cooldown_s: float = 900.0
    cooldown_cap_s: float = 21600.0
    cooldowns_a_day: float = 3
    failed_destinations: float = 5
    probation_operations: float = 20
    tests_passed: float = 2

    # When it is not the SIM but its operator.
    outage_share: float = 0.4
    outage_least_sims: float = 3
    outage_window_s: float = 600.0

    # Accounts.
    expiring_days: float = 7


def thresholds(overrides: Mapping[str, float]) -> Thresholds:
    """The defaults with those of a site. Raises InvalidRequest for a name that does not exist or a negative number."""
    known = {entry.name for entry in fields(Thresholds)}
    for name, value in overrides.items():
        if name not in known:
            raise InvalidRequest(
                f"sims.thresholds.{name}: unknown (known: {', '.join(sorted(known))})", field=f"sims.thresholds.{name}"
            )
        if value < 0 and not name.endswith("_dbm"):
            raise InvalidRequest(f"sims.thresholds.{name}: must not be negative", field=f"sims.thresholds.{name}")
    return replace(Thresholds(), **overrides)
