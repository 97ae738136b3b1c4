"""How long a GoIP is waited for; a profile may say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from edge_agent.drivers.gateway.serving import seconds


@dataclass(frozen=True, slots=True)
class GoipTimes:
    """Seconds. ``keepalive_s``: between two of them. ``repeat_s``: until something is sent again. ``submit_s``: how
    long the network may take over an SMS; the box ends a session that rests 90 s. ``silent_s``: how long it may say
    nothing while one is under way. ``ussd_s``: until the network's answer.
    """

    keepalive_s: float = 30.0
    repeat_s: float = 3.0
    submit_s: float = 120.0
    silent_s: float = 30.0
    ussd_s: float = 60.0

    @classmethod
    def of(cls, options: Mapping[str, str]) -> GoipTimes:
        """Raises InvalidRequest for a time that is none; options of other names are not ours."""
        return cls(*(seconds(options, entry.name, getattr(_USUAL, entry.name)) for entry in fields(cls)))


_USUAL = GoipTimes()
