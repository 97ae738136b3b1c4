"""Heartbeats: how the edge stands, told on every change and at least each ten seconds; less often to save data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from edge_agent.uplink.budget import HEARTBEAT_S
from telecore.notices import Detail, Heartbeat, Notice

_EVERY_S = 10.0
_GATHER_S = 0.1
"""Changes come in flocks; one heartbeat tells them all."""


class Pulse:
    """Calls ``tell`` with what ``state`` says."""

    def __init__(self, state: Callable[[], Heartbeat], tell: Callable[[Notice], object]) -> None:
        self._state = state
        self._tell = tell
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Something that a heartbeat tells is different."""
        self._changed.set()

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        told: Heartbeat | None = None
        told_at = 0.0
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _EVERY_S)
                await asyncio.sleep(_GATHER_S)
            self._changed.clear()
            state = self._state()
            if told is None or is_worth_telling(told, state, clock() - told_at):
                self._tell(state)
                told, told_at = state, clock()


def is_worth_telling(before: Heartbeat, now: Heartbeat, since_s: float) -> bool:
    """Calls and states of channels always are, at once: the cloud counts on them."""
    detail = now.data.detail if now.data is not None else Detail.FULL
    if detail is Detail.FULL or since_s >= HEARTBEAT_S[detail]:
        return True
    return before.calls != now.calls or _states(before) != _states(now)


def _states(heartbeat: Heartbeat) -> list[object]:
    return [(status.channel, status.state, status.offers) for status in heartbeat.channels]
