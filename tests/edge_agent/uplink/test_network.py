"""Changes of the network, in a network namespace of our own where the kernel gives one."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_agent.uplink import LineTimes, UplinkTimes, network
from edge_agent.uplink.line import Line, open_line
from telecore.backoff import Policy
from telecore.errors import TunnelDown
from tests.fakes.tunnel import Rig, running, until

_ALONE = ["unshare", "--user", "--map-root-user", "--net"]


def _can_be_alone() -> bool:
    if not shutil.which("unshare") or not shutil.which("ip"):
        return False
    return subprocess.run([*_ALONE, "true"], capture_output=True, check=False).returncode == 0


_PROGRAM = """
import asyncio, subprocess
from edge_agent.uplink.network import is_ours, watch_network

def ip(*words):
    subprocess.run(["ip", *words], check=True)

async def main():
    ip("link", "set", "lo", "up")  # before that any address may be bound
    changes = asyncio.Queue()
    watching = asyncio.create_task(watch_network(lambda: changes.put_nowait(1)))
    await asyncio.sleep(0.2)
    assert not is_ours("10.9.0.1")
    ip("addr", "add", "10.9.0.1/24", "dev", "lo")
    await asyncio.wait_for(changes.get(), 3)
    assert is_ours("10.9.0.1")
    ip("addr", "del", "10.9.0.1/24", "dev", "lo")
    await asyncio.wait_for(changes.get(), 5)
    assert not is_ours("10.9.0.1")
    assert changes.empty()
    watching.cancel()

asyncio.run(main())
"""


@pytest.mark.skipif(not _can_be_alone(), reason="needs a network namespace of its own")
async def test_the_kernel_tells_of_addresses_that_come_and_go() -> None:
    program = [*_ALONE, sys.executable, "-c", _PROGRAM]
    root = Path(__file__).parents[3]
    done = await asyncio.to_thread(
        subprocess.run, program, capture_output=True, text=True, timeout=30, check=False, cwd=root
    )
    assert done.returncode == 0, done.stderr


async def test_without_netlink_it_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise PermissionError("RestrictAddressFamilies")

    seen = iter(["10.0.0.1", "10.0.0.1", "10.0.0.2", None, None])
    monkeypatch.setattr(network, "_open", refused)
    monkeypatch.setattr(network, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(network, "source_address", lambda: next(seen, None))
    changes: list[int] = []
    async with running(network.watch_network(lambda: changes.append(1))):
        await until(lambda: len(changes) == 2)
        await asyncio.sleep(0.1)
    assert len(changes) == 2


async def test_a_line_whose_address_is_gone_is_ended_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    async with rig.cloud():
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
            monkeypatch.setattr("edge_agent.uplink.session.is_ours", lambda address: False)
            uplink.network_changed()
            await until(lambda: rig.edge_links == [True, False, True])


async def test_a_change_during_an_attempt_that_fails_is_not_waited_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt was begun on the network that was."""
    rig = Rig()
    dialled, go_on = asyncio.Event(), asyncio.Event()

    async def first(*args: Any, **kwargs: Any) -> Line:
        monkeypatch.setattr("edge_agent.uplink.uplink.open_line", open_line)
        dialled.set()
        await go_on.wait()
        raise TunnelDown("no answer")

    monkeypatch.setattr("edge_agent.uplink.uplink.open_line", first)
    async with rig.cloud():
        slow = Policy(first=1000, factor=1, cap=1000)
        uplink = rig.uplink(times=replace(UplinkTimes(), line=LineTimes(close=0.2), retry=slow))
        async with running(uplink.run()):
            await asyncio.wait_for(dialled.wait(), 5)
            uplink.network_changed()
            go_on.set()
            await until(lambda: uplink.connected, within_s=5)


async def test_a_line_that_answers_after_a_change_is_kept_and_a_silent_one_ended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    async with rig.cloud():
        patient = LineTimes(open=2, ping=60, pong=60, close=0.3)
        uplink = rig.uplink(times=replace(UplinkTimes(), line=patient, network_changed=0.3))
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
            uplink.network_changed()
            await asyncio.sleep(0.5)
            assert uplink.connected
            rig.proxy.silent = True
            uplink.network_changed()
            await until(lambda: not uplink.connected, within_s=3)
            assert "nobody answers since the network changed" in caplog.text
