"""Heartbeats: how the edge stands, told on every change and at least each ten seconds; less often to save data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from edge_agent.uplink.budget import HEARTBEAT_S
from telecore.notices import DataUsed, Detail, Heartbeat, Notice

_EVERY_S = 10.0
_GATHER_S = 0.1
"""Changes come in flocks; one heartbeat tells them all."""
_WHOLE_EVERY_S = {Detail.FULL: 600.0, Detail.LESS: 3600.0, Detail.ESSENTIAL: 3600.0}
_SETTLE_S = 60.0
"""Events from the spool may tell the cloud older things after the first heartbeat of a connection."""
_DATA_EVERY_S = 60.0


class Pulse:
    """Calls ``tell`` with what ``state`` says; ``tell`` answers False when nobody heard it.

    Of channels only those are told that have changed since the last time: the cloud keeps the others as they were. All
    of them are told every ten minutes, or every hour to save data, and in the minute after ``forget``.
    """

    def __init__(self, state: Callable[[], Heartbeat], tell: Callable[[Notice], object]) -> None:
        self._state = state
        self._tell = tell
        self._changed = asyncio.Event()
        self._told: Heartbeat | None = None
        self._told_at = self._whole_at = self._whole_until = self._data_at = 0.0

    def changed(self) -> None:
        """Something that a heartbeat tells is different."""
        self._changed.set()

    def forget(self) -> None:
        """The tunnel is a new one: who is at its other end may know nothing."""
        self._told = None

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _EVERY_S)
                await asyncio.sleep(_GATHER_S)
            self._changed.clear()
            self._beat(self._state(), clock())

    def _beat(self, state: Heartbeat, now: float) -> None:
        before = self._told
        if before is not None and not is_worth_telling(before, state, now - self._told_at):
            return
        if before is None:
            self._whole_until = now + _SETTLE_S
        every_s = _WHOLE_EVERY_S[state.data.detail if state.data is not None else Detail.FULL]
        if before is None or now < self._whole_until or now - self._whole_at >= every_s:
            self._whole_at = self._data_at = now
            said = state
        else:
            said = difference(before, state, data=now - self._data_at >= _DATA_EVERY_S)
            self._data_at = now if said.data is not None else self._data_at
        heard = self._tell(said)
        self._told, self._told_at = None if heard is False else state, now


def difference(before: Heartbeat, now: Heartbeat, *, data: bool) -> Heartbeat:
    """What has changed. ``data``: the account of data is due; what it leads to is told at once."""
    one, other = before.data, now.data
    due = data or (one is not None and other is not None and _led_to(one) != _led_to(other))
    channels = tuple(status for status in now.channels if status not in before.channels)
    return replace(now, channels=channels, data=other if due else None)


def _led_to(data: DataUsed) -> object:
    return data.detail, data.waits, data.by


def is_worth_telling(before: Heartbeat, now: Heartbeat, since_s: float) -> bool:
    """Calls and states of channels always are, at once: the cloud counts on them."""
    detail = now.data.detail if now.data is not None else Detail.FULL
    if detail is Detail.FULL or since_s >= HEARTBEAT_S[detail]:
        return True
    return before.calls != now.calls or _states(before) != _states(now)


def _states(heartbeat: Heartbeat) -> list[object]:
    return [(status.channel, status.state, status.offers) for status in heartbeat.channels]
