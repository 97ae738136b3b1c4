"""An edge that has hardly any data left: its line is proved less often while nobody speaks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from edge_agent.uplink import LineTimes
from telecore.ids import CallSid, ChannelId
from telecore.notices import DataUsed, Detail, Heartbeat, LiveCall
from telecore.tunnel.meter import Traffic
from tests.fakes.tunnel import EDGE, QUICK, QUICK_HUB, Rig, running, until

PING_S, QUIET_S = 0.15, 60.0
TIMES = replace(QUICK, line=LineTimes(open=2, ping=PING_S, pong=2.0, close=0.3, quiet=QUIET_S))
CALL = LiveCall(CallSid("CA" + "1" * 32), ChannelId(f"{EDGE}/m1"), True, 0)


def heartbeat(detail: Detail, *calls: LiveCall) -> Heartbeat:
    data = DataUsed("2026-11-01", Traffic(), 1_000_000, detail)
    return Heartbeat("i", "1.0", 1.0, (), calls, 0, data)


def a_rig(detail: Detail, *calls: LiveCall) -> Rig:
    """An edge that says so when it is greeted."""
    rig = Rig()
    rig.hub._times = replace(QUICK_HUB, line=replace(QUICK_HUB.line, pong=2.0))
    rig.saves, rig.urgent = detail is Detail.ESSENTIAL, bool(calls)
    rig.greeting = [heartbeat(detail, *calls)]
    return rig


async def test_an_idle_line_is_left_alone_by_both_sides() -> None:
    rig = a_rig(Detail.ESSENTIAL)
    async with rig.cloud():
        uplink = rig.uplink(times=TIMES)
        async with running(uplink.run()):
            await until(lambda: len(rig.cloud_notices) == 1)
            await asyncio.sleep(3 * PING_S)  # what was said with the greeting is proved to be heard
            before = sum(rig.proxy.passed)
            await asyncio.sleep(6 * PING_S)
            assert sum(rig.proxy.passed) == before
            assert uplink.connected
            assert rig.hub.connected(EDGE)


@pytest.mark.parametrize("side", ["cloud", "edge"])
@pytest.mark.parametrize(("detail", "calls"), [(Detail.LESS, ()), (Detail.ESSENTIAL, (CALL,))])
async def test_with_data_left_or_a_call_both_look_as_ever(
    detail: Detail, calls: tuple[LiveCall, ...], side: str
) -> None:
    rig = a_rig(detail, *calls)
    if side == "edge":  # the other one is not to be heard
        rig.hub._times = replace(rig.hub._times, line=replace(rig.hub._times.line, ping=60.0))
    async with rig.cloud():
        times = TIMES if side == "edge" else replace(TIMES, line=replace(TIMES.line, ping=60.0))
        uplink = rig.uplink(times=times)
        async with running(uplink.run()):
            await until(lambda: len(rig.cloud_notices) == 1)
            before = rig.proxy.passed[side == "cloud"]
            await until(lambda: rig.proxy.passed[side == "cloud"] > before)


async def test_a_dead_line_is_noticed_all_the_same() -> None:
    rig = a_rig(Detail.ESSENTIAL)
    async with rig.cloud():
        uplink = rig.uplink(times=replace(TIMES, line=replace(TIMES.line, quiet=2.0)))
        async with running(uplink.run()):
            await until(lambda: len(rig.cloud_notices) == 1)
            await asyncio.sleep(3 * PING_S)
            rig.proxy.silent = True
            began = time.monotonic()
            await until(lambda: not uplink.connected)
            assert time.monotonic() - began > 1.0
            rig.proxy.silent = False
            await until(lambda: len(rig.cloud_notices) == 2)


@pytest.mark.parametrize("side", ["cloud", "edge"])
async def test_once_there_is_something_to_say_it_is_noticed_soon(side: str) -> None:
    rig = a_rig(Detail.ESSENTIAL)
    async with rig.cloud():
        uplink = rig.uplink(times=replace(TIMES, line=replace(TIMES.line, quiet=60.0)))
        async with running(uplink.run()):
            await until(lambda: len(rig.cloud_notices) == 1)
            await asyncio.sleep(3 * PING_S)
            rig.proxy.silent = True
            if side == "cloud":
                rig.down.add("a warning")
                rig.hub.wake(EDGE)
                await until(lambda: not rig.hub.connected(EDGE))
            else:
                rig.up.add("an SMS")
                uplink.wake()
                await until(lambda: not uplink.connected)
