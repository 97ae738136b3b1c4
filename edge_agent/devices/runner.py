"""One device, kept in service: open → identify → profile → initialise → serve → close → wait → again.

Each device has a runner and a task of its own, so that one that hangs holds no other.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge_agent.contracts import Channel, Core, Device, RadioStatus
from edge_agent.devices.healing import Healing
from edge_agent.devices.ladder import STEADY_S
from telecore.backoff import Policy, next_delay
from telecore.errors import DeviceLost, DeviceRefused, Refused, RemoteProtocolError, Transient
from telecore.ids import ChannelId
from telecore.model import ChannelState

log = logging.getLogger(__name__)

RETRY = Policy(first=1.0, factor=2.0, cap=30.0)
ABSENT_RETRY = Policy(first=0.5, factor=2.0, cap=3.0)
"""Looking whether a port is back costs nothing."""
OPEN_LIMIT_S = 90.0
CLOSE_LIMIT_S = 10.0


class RunnerState(StrEnum):
    WAITING = "waiting"
    OPENING = "opening"
    SERVING = "serving"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class RunnerStatus:
    """``reason`` says why it is not serving, ``failures`` how often in a row it could not be."""

    state: RunnerState
    reason: str = ""
    failures: int = 0


class DeviceRunner:
    """``on_open`` and ``on_close`` are told of each device brought into service and lost from it.

    Whoever cancels ``run`` sets ``stopping`` before: a device that is lost in that moment raises its error in place of
    the cancellation, and would be opened again.

    A device that is not there makes its channels ``absent``; one that is there and does not work makes them ``faulty``,
    and goes up the ladder of ``healing``.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Device],
        channels: Sequence[ChannelId],
        core: Core,
        *,
        stopping: asyncio.Event,
        on_open: Callable[[Device], Awaitable[None]] | None = None,
        on_close: Callable[[Device], None] | None = None,
        healing: Healing | None = None,
        retry: Policy = RETRY,
        absent_retry: Policy = ABSENT_RETRY,
        open_limit_s: float = OPEN_LIMIT_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.status = RunnerStatus(RunnerState.WAITING)
        self._make = make
        self._ids = tuple(channels)
        self._core = core
        self._stopping = stopping
        self._on_open = on_open
        self._on_close = on_close
        self._healing = healing
        self._retry = {ChannelState.FAULTY: retry, ChannelState.ABSENT: absent_retry}
        self._open_limit_s = open_limit_s
        self._chance = chance
        self._device: Device | None = None
        self._known: Device | None = None
        """The last one that was in service: it knows what it is, and so how it is reset."""
        self._served_at: float | None = None

    @property
    def device(self) -> Device | None:
        """The device while it is in service."""
        return self._device

    @property
    def channels(self) -> Sequence[Channel]:
        """Its channels while it is in service; none otherwise."""
        return self._device.channels if self._device is not None else ()

    async def run(self) -> None:
        """Keep it in service until cancelled, or lost while ``stopping``.

        What is not the device's fault is raised: a bug, or a full disk.
        """
        clock = asyncio.get_running_loop().time
        failures = 0
        while not self._stopping.is_set():
            self._served_at = None
            device, reason, state = await self._serve_once(failures)
            served_s = clock() - self._served_at if self._served_at is not None else 0.0
            failures = 1 if served_s >= STEADY_S else failures + 1
            again = failures > 1 and reason == self.status.reason
            log.log(logging.DEBUG if again else logging.WARNING, "%s: %s", self.name, reason)
            self.status = RunnerStatus(RunnerState.WAITING, reason, failures)
            if self._stopping.is_set():
                return
            for channel in self._ids:
                await self._core.radio(channel, RadioStatus(state, None, None, reason))
            wait_s = await self._pause(device, reason, state, failures, served_s)
            if not self._stopping.is_set():
                await asyncio.sleep(wait_s)

    async def _pause(self, device: Device, reason: str, state: ChannelState, failures: int, served_s: float) -> float:
        """What can be done for it is done; how long to wait before the next attempt."""
        delay = next_delay(self._retry[state], failures, self._chance)
        if self._healing is None or _is_not_its_fault(reason):
            return delay
        if state is ChannelState.ABSENT:
            await self._healing.gone(reason)
            return delay
        wait_s = await self._healing.fails(self._known or device, reason, served_s)
        return wait_s * (0.9 + 0.2 * self._chance())

    async def _serve_once(self, failures: int) -> tuple[Device, str, ChannelState]:
        """Serve until it is lost: the device, why, and what its channels are then."""
        device = self._make()
        reason, state = await self._serve(device, failures)
        return device, reason, state

    async def _serve(self, device: Device, failures: int) -> tuple[str, ChannelState]:
        opened = False
        try:
            self.status = RunnerStatus(RunnerState.OPENING, self.status.reason, failures)
            async with asyncio.timeout(self._open_limit_s):
                await device.open()
            opened = True
            self.status = RunnerStatus(RunnerState.SERVING)
            self._device = self._known = device
            self._served_at = asyncio.get_running_loop().time()
            if self._healing is not None:
                await self._healing.serves()
            if self._on_open is not None:
                await self._on_open(device)
            await device.run(self._core)
        except DeviceLost as error:
            return str(error), ChannelState.FAULTY if _is_there(error) else ChannelState.ABSENT
        except (DeviceRefused, Transient, Refused, RemoteProtocolError) as error:
            return str(error), ChannelState.FAULTY
        except TimeoutError:
            if opened:
                raise
            return f"not ready after {self._open_limit_s:.0f} s", ChannelState.FAULTY
        finally:
            await self._close(device)
        return "stopped by itself", ChannelState.FAULTY

    async def _close(self, device: Device) -> None:
        was_open = self._device is device
        self._device = None
        self.status = RunnerStatus(RunnerState.CLOSING, self.status.reason, self.status.failures)
        if was_open and self._on_close is not None:
            self._on_close(device)
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await device.close()
        except TimeoutError:
            log.warning("%s: does not close", self.name)


_NOT_ITS_FAULT = (
    "in use by another program",
    "no permission",
    "not a serial port",
    "matched equally well",
    "no profile",
)
"""A reset would cure none of these, and may harm whoever else uses the device."""


def _is_not_its_fault(reason: str) -> bool:
    return any(words in reason for words in _NOT_ITS_FAULT)


_ABSENT = ("no such port", "is gone")


def _is_there(error: DeviceLost) -> bool:
    return not any(words in str(error) for words in _ABSENT)
