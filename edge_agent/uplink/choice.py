"""Which uplink is tried next. Pure; moments are seconds of one clock.

| it stands | tried |
|---|---|
| preferred, not resting | at once |
| failed n times in a row | after a rest of 15 s · 2^(n-1), 300 s at most, while another can be tried |
| its budget is used up | only when no other has any left |
| all rest | the one whose rest ends first |
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from edge_agent.config.cloud import UplinkConfig

FIRST_REST_S = 15.0
MOST_REST_S = 300.0


class Choice:
    """``uplinks`` in the order of preference, at least one."""

    def __init__(self, uplinks: Sequence[UplinkConfig]) -> None:
        self.uplinks = tuple(uplinks) or (UplinkConfig(),)
        self._failures: dict[str, int] = {}
        self._rests: dict[str, float] = {}

    def next(self, now: float, spent: Collection[str] = ()) -> UplinkConfig:
        """``spent``: names of those whose budget is used up."""
        allowed = self._allowed(spent)
        rested = [uplink for uplink in allowed if self._rest(uplink) <= now]
        return rested[0] if rested else min(allowed, key=self._rest)

    def alternative(self, now: float, spent: Collection[str] = ()) -> bool:
        """Whether another one can be tried at once."""
        return len(self.uplinks) > 1 and any(self._rest(uplink) <= now for uplink in self._allowed(spent))

    def better(self, than: UplinkConfig, spent: Collection[str] = ()) -> tuple[UplinkConfig, ...]:
        """Those that are preferred to this one and may be used."""
        if than.name in spent:
            return tuple(uplink for uplink in self.uplinks if uplink.name not in spent)
        ahead = self.uplinks[: self.uplinks.index(than)]
        return tuple(uplink for uplink in ahead if uplink.name not in spent)

    def failed(self, uplink: UplinkConfig, now: float) -> None:
        """It could not be used, or not for long."""
        failures = self._failures[uplink.name] = self._failures.get(uplink.name, 0) + 1
        self._rests[uplink.name] = now + min(MOST_REST_S, FIRST_REST_S * 2 ** min(failures - 1, 16))

    def worked(self, uplink: UplinkConfig) -> None:
        """It carried the tunnel for a while."""
        self._failures.pop(uplink.name, None)
        self._rests.pop(uplink.name, None)

    def forget(self) -> None:
        """The network has changed: what failed may work now."""
        self._rests.clear()

    def _allowed(self, spent: Collection[str]) -> tuple[UplinkConfig, ...]:
        return tuple(uplink for uplink in self.uplinks if uplink.name not in spent) or self.uplinks

    def _rest(self, uplink: UplinkConfig) -> float:
        return self._rests.get(uplink.name, 0.0)
