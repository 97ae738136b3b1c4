"""agent/devices.py: all runners end with what runs them, though a device is lost in that moment."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.agent.devices import Devices
from edge_agent.config import DeviceConfig, HealingConfig
from edge_agent.contracts import Channel
from edge_agent.devices.profiles import load_profiles
from edge_agent.devices.registry import Site
from edge_agent.inventory import Inventory
from telecore.errors import DeviceLost
from telecore.ids import ChannelId, DeviceId
from telecore.model import DeviceIdentity


class Failing:
    """The first is lost in the moment in which it is cancelled, as a TaskGroup of its parts may be."""

    def __init__(self, log, error):
        self.identity = DeviceIdentity("Acme", "M1", "1")
        self.channels = (Channel(ChannelId("site-1/modem1")),)
        self._log, self._error = log, None if log else error

    async def open(self):
        self._log.append("open")

    async def run(self, core):
        self._log.append("run")
        try:
            await asyncio.Event().wait()
        finally:
            if self._error is not None:
                raise self._error

    async def close(self):
        self._log.append("close")


class Core:
    async def event(self, event):
        pass

    async def radio(self, channel, status):
        pass


@pytest.fixture
async def log(monkeypatch, request):
    log = []
    monkeypatch.setattr("edge_agent.agent.devices.make_device", lambda config, site: Failing(log, request.param))
    return log


@pytest.fixture
def devices(tmp_path):
    return Devices(
        [DeviceConfig(DeviceId("modem1"), "/dev/none")],
        Site("site-1", load_profiles()),
        Core(),
        Inventory(busy=lambda channel: 0, changed=lambda: None),
        healing=HealingConfig(),
        on_fall=lambda fall: None,
        sys=tmp_path,
        dev=tmp_path,
        look_s=0.01,
    )


LOST = pytest.mark.parametrize("log", [DeviceLost("its port was closed"), ZeroDivisionError("a bug")], indirect=True)


async def until(condition):
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@LOST
async def test_a_device_that_is_lost_as_the_agent_stops_does_not_hold_it(devices, log):
    running = asyncio.create_task(devices.run())
    await until(lambda: "run" in log)
    running.cancel()
    async with asyncio.timeout(2):
        await asyncio.wait([running])
    assert running.cancelled()
    assert log == ["open", "run", "close"]


@LOST
async def test_one_that_is_lost_as_the_watch_falls_does_not_hold_it_and_is_opened_when_all_begin_anew(
    devices, log, monkeypatch
):
    falls = []

    def find_disks(profiles, sys):
        if "run" in log and not falls:
            falls.append("fell")
            raise OSError("sysfs")
        return frozenset()

    monkeypatch.setattr("edge_agent.agent.devices.find_disks", find_disks)
    async with asyncio.timeout(2):
        with pytest.raises(ExceptionGroup):
            await devices.run()
    assert log == ["open", "run", "close"]
    again = asyncio.create_task(devices.run())
    await until(lambda: log == ["open", "run", "close", "open", "run"])
    again.cancel()
    async with asyncio.timeout(2):
        await asyncio.wait([again])
    assert again.cancelled()
