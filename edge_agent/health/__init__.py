"""Warnings: conditions that hold for a while, told when they begin and when they are over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.health.checks import CHECKS
from edge_agent.health.conditions import Check, Condition, Snapshot
from telecore.events import Event, WarningCleared, WarningRaised


@dataclass(slots=True)
class _Watched:
    """``changed_at``: since when the condition differs from what was told."""

    condition: Condition
    delay_s: float
    changed_at: float
    present: bool = True
    told: bool = False


class Warnings:
    """Turns what the checks see into events, each once."""

    def __init__(self, checks: Sequence[Check] = CHECKS) -> None:
        self._checks = checks
        self._watched: dict[tuple[str, str], _Watched] = {}

    @property
    def active(self) -> tuple[Condition, ...]:
        """What has been told and not cleared."""
        return tuple(watched.condition for watched in self._watched.values() if watched.told)

    def look(self, snapshot: Snapshot, now: float) -> list[Event]:
        """Look once, at ``now`` of the monotonic clock; what is to be told."""
        seen = {
            (condition.code, condition.subject): (condition, check.delay_s)
            for check in self._checks
            for condition in check.look(snapshot)
        }
        for key, (condition, delay_s) in seen.items():
            watched = self._watched.setdefault(key, _Watched(condition, delay_s, now))
            watched.condition = condition
        events = [self._step(watched, key in seen, now) for key, watched in list(self._watched.items())]
        return [event for event in events if event is not None]

    def _step(self, watched: _Watched, present: bool, now: float) -> Event | None:
        if present != watched.present:
            watched.present, watched.changed_at = present, now
        if present == watched.told or now - watched.changed_at < watched.delay_s:
            if not present and not watched.told:
                del self._watched[watched.condition.code, watched.condition.subject]
            return None
        condition = watched.condition
        if present:
            watched.told = True
            return WarningRaised(
                code=condition.code, severity=condition.severity.value, subject=condition.subject, text=condition.text
            )
        del self._watched[condition.code, condition.subject]
        return WarningCleared(code=condition.code, subject=condition.subject)
