"""runner.py: a device is brought back whatever happens to it, and holds nobody else meanwhile."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from edge_agent.contracts import Channel
from edge_agent.devices.runner import DeviceRunner, RunnerState
from telecore.backoff import Policy
from telecore.errors import DeviceLost, DeviceRefused, InvalidRequest, RemoteProtocolError, TimedOut
from telecore.model import ChannelState, DeviceIdentity

QUICK = Policy(first=0.01, factor=1.0, cap=0.01)


class Device:
    """Does what its script says: ``opens`` and ``runs`` may be an exception to raise, or None."""

    def __init__(self, log, opens=None, runs=None):
        self.id = "modem1"
        self.identity = DeviceIdentity("Acme", "M1", "1")
        self.channels = (Channel("site-1/modem1"),)
        self._log, self._opens, self._runs = log, opens, runs

    async def open(self):
        self._log.append("open")
        await self._do(self._opens)

    async def run(self, core):
        self._log.append("run")
        if self._runs is None:
            await asyncio.Event().wait()
        await self._do(self._runs)

    async def close(self):
        self._log.append("close")

    async def _do(self, what):
        if what is not None:
            raise what
        await asyncio.sleep(0)


class Core:
    def __init__(self):
        self.radios = []

    async def radio(self, channel, status):
        self.radios.append((channel, status.state, status.reason))


async def until(condition):
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


@pytest.fixture
async def start():
    tasks = []

    def begin(devices, core=None, **more):
        queue, stopping = iter(devices), asyncio.Event()
        runner = DeviceRunner(
            "modem1",
            lambda: next(queue),
            ["site-1/modem1"],
            core or Core(),
            stopping=stopping,
            retry=QUICK,
            absent_retry=QUICK,
            chance=lambda: 1.0,
            **more,
        )
        runner.stopping = stopping
        runner.task = asyncio.ensure_future(runner.run())
        tasks.append(runner.task)
        return runner

    yield begin
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_in_service(start):
    log, opened = [], []

    async def on_open(device):
        opened.append(device)

    runner = start([Device(log)], on_open=on_open)
    await until(lambda: "run" in log)
    assert (runner.status.state, [channel.id for channel in runner.channels]) == (
        RunnerState.SERVING,
        ["site-1/modem1"],
    )
    assert opened == [runner.device]
    runner.task.cancel()
    await asyncio.gather(runner.task, return_exceptions=True)
    assert log == ["open", "run", "close"]
    assert runner.channels == ()


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (DeviceLost("/dev/ttyUSB2: no such port"), ChannelState.ABSENT),
        (DeviceLost("/dev/ttyUSB2: the device is gone"), ChannelState.ABSENT),
        (DeviceLost("hung: no answer to AT"), ChannelState.FAULTY),
        (DeviceRefused("cme", 100), ChannelState.FAULTY),
        (TimedOut("no answer to AT+CMGF"), ChannelState.FAULTY),
        (RemoteProtocolError("nonsense"), ChannelState.FAULTY),
        (InvalidRequest("two profiles match"), ChannelState.FAULTY),
    ],
)
async def test_brought_back_after(start, error, state):
    log, core, closed = [], Core(), []
    runner = start([Device(log, opens=error), Device(log, runs=error), Device(log)], core, on_close=closed.append)
    await until(lambda: log.count("run") == 2)
    assert log == ["open", "close", "open", "run", "close", "open", "run"]
    assert core.radios == [("site-1/modem1", state, str(error))] * 2
    assert len(closed) == 1  # the first was never in service
    assert runner.status.state is RunnerState.SERVING


async def test_a_device_that_does_not_open_is_given_up(start):
    log, core = [], Core()

    class Slow(Device):
        async def open(self):
            await asyncio.Event().wait()

    start([Slow(log), Device(log)], core, open_limit_s=0.02)
    await until(lambda: "run" in log)
    assert core.radios[0][1] is ChannelState.FAULTY


async def test_a_bug_is_not_hidden(start):
    runner = start([Device([], runs=ZeroDivisionError())])
    with pytest.raises(ZeroDivisionError):
        await runner.task


async def test_one_that_hangs_holds_no_other(start):
    class Hung(Device):
        async def open(self):
            await asyncio.Event().wait()

    log = []
    start([Hung([])])
    other = start([Device(log)])
    await until(lambda: other.status.state is RunnerState.SERVING)


async def test_failures_are_counted_and_forgotten(start):
    log = []
    lost = [Device(log, opens=DeviceLost("no such port")) for _ in range(3)]
    runner = start([*lost, Device(log)])
    await until(lambda: runner.status.failures == 3 or "run" in log)
    await until(lambda: "run" in log)
    assert runner.status.failures == 0


async def test_the_same_reason_is_logged_once(start, caplog):
    log = []
    caplog.set_level("WARNING")
    start([*[Device(log, opens=DeviceLost("no such port")) for _ in range(5)], Device(log)])
    await until(lambda: "run" in log)
    assert caplog.text.count("no such port") == 1


class Failing(Device):
    """It is lost in the moment in which it is cancelled, as a TaskGroup of its parts may be."""

    async def run(self, core):
        self._log.append("run")
        try:
            await asyncio.Event().wait()
        finally:
            raise DeviceLost("modem1", "its port was closed")


async def stopped(runner):
    runner.stopping.set()
    runner.task.cancel()
    async with asyncio.timeout(2):
        await asyncio.wait([runner.task])


async def test_one_that_is_lost_while_it_is_stopped_is_not_opened_again(start):
    log, core = [], Core()
    runner = start([Failing(log), Device(log)], core)
    await until(lambda: "run" in log)
    await stopped(runner)
    assert log == ["open", "run", "close"]
    assert core.radios == []


async def test_a_reset_that_fails_while_it_is_stopped_is_not_waited_for(start):
    class Healing:
        async def serves(self):
            pass

        async def fails(self, device, reason, served_s):
            log.append("reset")
            with contextlib.suppress(asyncio.CancelledError):  # the device was lost, which ends the step
                await asyncio.Event().wait()
            return 600.0

    log = []
    runner = start([Device(log, runs=TimedOut("hung")), Device(log)], healing=Healing())
    await until(lambda: "reset" in log)
    await stopped(runner)
    assert log == ["open", "run", "close", "reset"]
