"""A runner for every device: those of the configuration, or those that are plugged in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from edge_agent.config import AnyDevice, DeviceConfig, HealingConfig
from edge_agent.contracts import Core, Device
from edge_agent.devices.discovery import UsbDisk, auto_devices, find_disks
from edge_agent.devices.healing import Healing
from edge_agent.devices.registry import Site, channels_of, make_device
from edge_agent.devices.runner import DeviceRunner
from edge_agent.inventory import Inventory
from edge_agent.logs import about
from edge_agent.supervise import Fall, supervise
from telecore.ids import DeviceId
from telecore.model import ChannelState

log = logging.getLogger(__name__)

_LOOK_S = 5.0


class Devices:
    """Keeps every device in service. ``configured`` None: look for modems, also later."""

    def __init__(
        self,
        configured: Sequence[AnyDevice] | None,
        site: Site,
        core: Core,
        inventory: Inventory,
        *,
        healing: HealingConfig,
        on_fall: Callable[[Fall], None],
        sys: Path = Path("/sys"),
        dev: Path = Path("/dev"),
        look_s: float = _LOOK_S,
    ) -> None:
        self._configured = configured
        self._site = site
        self._core = core
        self._inventory = inventory
        self._healing = healing
        self._on_fall = on_fall
        self._sys, self._dev, self._look_s = sys, dev, look_s
        self._stopping = asyncio.Event()
        self._told_none = False
        self.disks: frozenset[UsbDisk] = frozenset()
        self._runners: dict[DeviceId, DeviceRunner] = {}
        for config in configured or ():
            self._add(config)

    async def run(self) -> None:
        """Serve until cancelled; then every device is closed before this returns."""
        self._stopping.clear()
        async with asyncio.TaskGroup() as group:
            try:
                for runner in self._runners.values():
                    self._start(group, runner)
                await self._watch(group)
            finally:
                self._stopping.set()

    def _add(self, config: AnyDevice) -> DeviceRunner | None:
        numbers = channels_of(config, self._site)
        channels = tuple(numbers)
        state = ChannelState.ABSENT if config.enabled else ChannelState.DISABLED
        for channel, number in numbers.items():
            self._inventory.expect(channel, state, "not opened yet" if config.enabled else "", number)
        if not config.enabled:
            return None
        healing = None
        if isinstance(config, DeviceConfig):
            healing = Healing(config.id, channels, self._core, self._healing, port=config.port)
        runner = DeviceRunner(
            config.id,
            lambda: make_device(config, self._site),
            channels,
            self._core,
            stopping=self._stopping,
            on_open=self._opened,
            on_close=self._closed,
            healing=healing,
        )
        self._runners[config.id] = runner
        return runner

    def _start(self, group: asyncio.TaskGroup, runner: DeviceRunner) -> None:
        with about(device=runner.name):
            group.create_task(
                supervise(f"device {runner.name}", runner.run, stopping=self._stopping, on_fall=self._on_fall),
                name=f"device {runner.name}",
            )

    async def _opened(self, device: Device) -> None:
        for channel in device.channels:
            for event in self._inventory.opened(channel, device.identity):
                await self._core.event(event)

    def _closed(self, device: Device) -> None:
        for channel in device.channels:
            self._inventory.closed(channel.id)

    async def _watch(self, group: asyncio.TaskGroup) -> None:
        executor = ThreadPoolExecutor(1, thread_name_prefix="sysfs")
        try:
            while True:
                await self._look_for_disks(executor)
                if self._configured is None:
                    await self._discover(group, executor)
                await asyncio.sleep(self._look_s)
        finally:
            executor.shutdown(wait=False)

    async def _look_for_disks(self, executor: Executor) -> None:
        """Modems of the configuration may come back as disks too, so this is done at every site."""
        disks = frozenset(await asyncio.wrap_future(executor.submit(find_disks, self._site.profiles, self._sys)))
        for disk in disks - self.disks:
            log.warning("%s at %s shows only its disk; run: %s", disk.vid, disk.plug, disk.switch)
        self.disks = disks

    async def _discover(self, group: asyncio.TaskGroup, executor: Executor) -> None:
        looking = executor.submit(auto_devices, self._site.profiles, sys=self._sys, dev=self._dev)
        for config in await asyncio.wrap_future(looking):
            if config.id not in self._runners and (runner := self._add(config)) is not None:
                log.info("found %s at %s", config.id, config.port)
                self._start(group, runner)
        if not self._runners and not self._told_none:
            self._told_none = True
            log.warning("no modem is plugged in that a profile knows by its USB interfaces; still looking")
