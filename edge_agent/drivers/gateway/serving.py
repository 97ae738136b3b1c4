"""What every tongue does while it serves: patience with a box, news of its lines."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import replace

from edge_agent.contracts import Core, RadioStatus
from telecore.errors import (
    DeviceLost,
    DeviceRefused,
    InvalidRequest,
    ProtocolError,
    StorageFailed,
    TelecoreError,
    Transient,
)
from telecore.ids import ChannelId

log = logging.getLogger(__name__)

SIGNAL_STEP_DB = 6
FAILURES = 3
"""A box that fails so often in a row is lost: its web server hangs, or it restarts."""

HURRIED_S = 5.0
"""Between two questions to a box that did not answer the last."""
STUMBLES = (DeviceRefused, Transient, ProtocolError, InvalidRequest)
"""What a box may do once without being lost."""


class Patience:
    """Counts failures in a row. ``stumbled``: the last thing that was asked failed."""

    def __init__(self, name: str, limit: int = FAILURES) -> None:
        self._name = name
        self._limit = limit
        self._failures = 0

    @property
    def stumbled(self) -> bool:
        return self._failures > 0

    def good(self) -> None:
        if self._failures:
            log.info("%s answers again", self._name)
        self._failures = 0

    def bad(self, error: TelecoreError) -> None:
        """Raises DeviceLost when it is enough."""
        self._failures += 1
        log.log(logging.WARNING if self._failures == 1 else logging.DEBUG, "%s: %s", self._name, error)
        if self._failures >= self._limit:
            raise DeviceLost(f"{self._name} failed {self._failures} times in a row, last: {error}") from error


class RadioNews:
    """Tells the core of lines when they change."""

    def __init__(self) -> None:
        self._told: dict[ChannelId, RadioStatus] = {}

    async def tell(self, core: Core, channel: ChannelId, status: RadioStatus) -> None:
        told = self._told.get(channel)
        if told is None or _differs(told, status):
            self._told[channel] = status
            await core.radio(channel, status)


def _differs(old: RadioStatus, new: RadioStatus) -> bool:
    if replace(old, signal=None) != replace(new, signal=None) or (old.signal is None) != (new.signal is None):
        return True
    return old.signal is not None and new.signal is not None and abs(old.signal.dbm - new.signal.dbm) >= SIGNAL_STEP_DB


async def poll_until_lost(
    name: str,
    poll_s: float,
    poll: Callable[[bool], Awaitable[None]],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Do ``poll`` again and again, sooner after a failure, until the box is lost: DeviceLost.

    ``poll`` is told whether the last one failed. What it could not keep stays in the box, and is asked for again.
    """
    patience = Patience(name)
    while True:
        try:
            await poll(patience.stumbled)
        except StorageFailed as error:
            log.warning("%s: what came cannot be kept: %s", name, error)
        except (DeviceLost, *STUMBLES) as error:
            patience.bad(error)
        else:
            patience.good()
        await pause(min(HURRIED_S, poll_s) if patience.stumbled else poll_s)


class Remembered:
    """Keys seen lately; the oldest are forgotten."""

    def __init__(self, limit: int = 5000) -> None:
        self._limit = limit
        self._keys: dict[Hashable, None] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._keys

    def add(self, key: Hashable) -> None:
        self._keys[key] = None
        if len(self._keys) > self._limit:
            del self._keys[next(iter(self._keys))]


def seconds(options: Mapping[str, str], name: str, usual: float) -> float:
    """An option that is a time in seconds. Raises InvalidRequest."""
    try:
        value = float(options.get(name, usual))
    except ValueError:
        value = -1.0
    if not 0 < value <= 3600:
        raise InvalidRequest(f"{name}: must be a number of seconds, at most 3600", field=name)
    return value
