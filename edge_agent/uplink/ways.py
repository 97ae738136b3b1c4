"""Lines by one of several uplinks: the one that is due now, and the way back to a better one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from edge_agent.config.cloud import UplinkConfig
from edge_agent.uplink.choice import Choice
from edge_agent.uplink.line import Line
from telecore.errors import TelecoreError, TunnelDown

Dial = Callable[[UplinkConfig], Awaitable[Line]]
"""Open a line by this uplink. Raises TunnelDown, AuthenticationRefused."""
Probe = Callable[[UplinkConfig], Awaitable[bool]]
"""Whether the cloud can be reached by it."""


@dataclass(frozen=True, slots=True)
class WayTimes:
    """Seconds. ``probe``: between two looks at a preferred uplink; ``well``: how long it must have been well.

    ``patience``: how long a live call holds up the move; then it is moved across, from open line to open line.
    """

    probe: float = 30.0
    well: float = 10.0
    patience: float = 900.0


class Ways:
    """``spent``: names of uplinks whose budget is used up. ``busy``: a move would be heard in a live call."""

    def __init__(
        self,
        uplinks: Sequence[UplinkConfig],
        times: WayTimes,
        *,
        spent: Callable[[], Collection[str]],
        busy: Callable[[], bool],
    ) -> None:
        self.choice = Choice(uplinks)
        self._times = times
        self._spent = spent
        self._busy = busy
        self._spare: Line | None = None
        self._wake = asyncio.Event()

    def changed(self) -> None:
        """The network is not what it was."""
        self.choice.forget()
        self._wake.set()

    async def open(self, dial: Dial) -> Line:
        """By the uplink that is due, or the one that was prepared. Raises TunnelDown, AuthenticationRefused."""
        if self._spare is not None:
            line, self._spare = self._spare, None
            return line
        now = asyncio.get_running_loop().time
        uplink = self.choice.next(now(), self._spent())
        try:
            return await dial(uplink)
        except TunnelDown:
            self.choice.failed(uplink, now())
            raise

    def ended(self, uplink: UplinkConfig, *, steady: bool) -> None:
        """A line by it is over. ``steady``: it was a good one."""
        if steady:
            self.choice.worked(uplink)
        else:
            self.choice.failed(uplink, asyncio.get_running_loop().time())

    @property
    def at_once(self) -> bool:
        """Whether there is another way that need not be waited for."""
        if self._spare is not None:
            return True
        return self.choice.alternative(asyncio.get_running_loop().time(), self._spent())

    async def prepare_better(self, than: UplinkConfig, dial: Dial, probe: Probe) -> UplinkConfig:
        """Wait until a preferred uplink is well again, and open a line by it, which ``open`` gives out next."""
        loop = asyncio.get_running_loop()
        since: float | None = None
        while True:
            await self._pause(self._times.probe if since is None else self._times.well)
            uplink = await self._well(self.choice.better(than, self._spent()), probe)
            if uplink is None:
                since = None
                continue
            since = loop.time() if since is None else since
            waited = loop.time() - since
            if waited < self._times.well or (self._busy() and waited < self._times.patience):
                continue
            with suppress(TelecoreError):
                self._spare = await dial(uplink)
                return uplink
            since = None

    def close(self) -> None:
        """Nobody will ask for the line that was prepared."""
        if self._spare is not None:
            line, self._spare = self._spare, None
            line.abort("it is not needed")

    async def _well(self, uplinks: Sequence[UplinkConfig], probe: Probe) -> UplinkConfig | None:
        for uplink in uplinks:
            if await probe(uplink):
                return uplink
        return None

    async def _pause(self, delay_s: float) -> None:
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._wake.wait()
