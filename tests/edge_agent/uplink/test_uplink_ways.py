"""Several uplinks: one fails and the next is taken, the preferred one is gone back to, budgets are kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from edge_agent.config import CloudConfig, UplinkConfig
from edge_agent.uplink.choice import Choice
from edge_agent.uplink.uplink import UplinkTimes
from edge_agent.uplink.ways import WayTimes
from telecore.backoff import Policy
from tests.fakes.tunnel import QUICK, Rig, running, until

FIRST, SECOND = UplinkConfig(address="127.0.0.2"), UplinkConfig(address="127.0.0.3", monthly_mb=10)
CLOUD = CloudConfig(uplinks=(FIRST, SECOND), proxy="none")
TIMES = replace(QUICK, ways=WayTimes(probe=0.1, well=0.2, patience=60.0))


def by(rig: Rig) -> str:
    return rig.proxy.sources[-1]


async def test_the_next_is_taken_when_the_preferred_fails_and_left_when_it_is_well_again() -> None:
    rig = Rig()
    async with rig.cloud():
        rig.proxy.refused = {"127.0.0.2"}
        uplink = rig.uplink(cloud=CLOUD, times=TIMES)
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
            assert uplink.line is not None
            assert uplink.line.uplink == SECOND
            for n in range(20):
                rig.up.add(f"by the second {n}")
            uplink.wake()
            await until(lambda: len(rig.at_cloud.values) == 20)
            rig.proxy.refused = set()
            await until(lambda: uplink.connected and uplink.line is not None and uplink.line.uplink == FIRST)
            rig.up.add("by the first")
            uplink.wake()
            await until(lambda: len(rig.at_cloud.values) == 21)
    assert rig.at_cloud.values == [*(f"by the second {n}" for n in range(20)), "by the first"]
    assert rig.edge_links == [True, False, True, False]


async def test_the_way_back_is_open_before_the_old_one_ends() -> None:
    """What is said to the cloud is interrupted for some milliseconds, not for a backoff."""
    rig = Rig()
    async with rig.cloud():
        rig.proxy.refused = {"127.0.0.2"}
        slow = replace(TIMES, retry=Policy(first=50, factor=1, cap=50), other_way=0.0)
        uplink = rig.uplink(cloud=CLOUD, times=slow)
        loop = asyncio.get_running_loop()
        moments: list[float] = []
        uplink._on_link = lambda up: moments.append(loop.time())
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
            rig.proxy.refused = set()
            await until(lambda: len(moments) == 3)
            assert moments[2] - moments[1] < 0.5


async def test_a_live_call_is_not_moved_before_patience_ends() -> None:
    rig = Rig()
    async with rig.cloud():
        rig.proxy.refused = {"127.0.0.2"}
        uplink = rig.uplink(cloud=CLOUD, times=TIMES)
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
            rig.urgent = True
            rig.proxy.refused = set()
            await asyncio.sleep(1.0)
            assert by(rig) in ("127.0.0.2", "127.0.0.3")  # it was looked at
            assert uplink.line is not None
            assert uplink.line.uplink == SECOND
            rig.urgent = False
            await until(lambda: uplink.connected and uplink.line is not None and uplink.line.uplink == FIRST)


async def test_an_uplink_whose_budget_is_used_up_is_left_and_used_again_only_without_another() -> None:
    rig = Rig()
    spent: set[str] = set()
    async with rig.cloud():
        uplink = rig.uplink(cloud=CLOUD, times=TIMES, spent=lambda: spent)
        async with running(uplink.run()):
            await until(lambda: uplink.connected and uplink.line is not None and uplink.line.uplink == FIRST)
            spent.add("127.0.0.2")
            await until(lambda: uplink.connected and uplink.line is not None and uplink.line.uplink == SECOND)
            spent.add("127.0.0.3")
            rig.proxy.cut()
            await until(lambda: uplink.connected and uplink.line is not None and uplink.line.uplink == FIRST)


async def test_an_address_that_is_not_ours_is_told(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    cloud = CloudConfig(uplinks=(UplinkConfig(address="192.0.2.77"),), proxy="none")
    async with rig.cloud(), running(rig.uplink(cloud=cloud).run()):
        await until(lambda: "it by 192.0.2.77 cannot be reached" in caplog.text)


async def test_an_interface_is_bound_by_name() -> None:
    rig = Rig()
    cloud = CloudConfig(uplinks=(UplinkConfig(interface="nothere0"), UplinkConfig(interface="lo")), proxy="none")
    async with rig.cloud():
        uplink = rig.uplink(cloud=cloud, times=replace(UplinkTimes(), other_way=0.0))
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
            assert uplink.line is not None
            assert uplink.line.uplink.name == "lo"


A, B, C = UplinkConfig(interface="a"), UplinkConfig(interface="b"), UplinkConfig(interface="c")


@pytest.mark.parametrize(
    ("failed", "now", "spent", "chosen"),
    [
        ((), 0, (), A),
        ((A,), 0, (), B),
        ((A,), 15, (), A),
        ((A, A), 15, (), B),
        ((A, A), 30, (), A),
        ((A, B), 0, (), C),
        ((A, B, C), 0, (), A),
        ((A, A, B, C), 1, (), B),
        ((), 0, ("a",), B),
        ((B,), 0, ("a",), C),
        ((), 0, ("a", "b", "c"), A),
        ((A,) * 50, 299, (), B),
        ((A,) * 50, 300, (), A),
    ],
)
def test_which_is_tried_next(
    failed: tuple[UplinkConfig, ...], now: float, spent: tuple[str, ...], chosen: UplinkConfig
) -> None:
    choice = Choice((A, B, C))
    for uplink in failed:
        choice.failed(uplink, 0)
    assert choice.next(now, spent) == chosen


def test_what_worked_or_a_network_that_changed_ends_all_rests() -> None:
    choice = Choice((A, B))
    choice.failed(A, 0)
    choice.worked(A)
    assert choice.next(0) == A
    choice.failed(A, 0)
    choice.forget()
    assert choice.next(0) == A


def test_without_a_list_the_machine_decides() -> None:
    choice = Choice(())
    choice.failed(choice.next(0), 0)
    assert choice.next(0) == UplinkConfig()
    assert not choice.alternative(1000)


def test_better_ones_stand_before_it_and_have_something_left() -> None:
    choice = Choice((A, B, C))
    assert choice.better(C) == (A, B)
    assert choice.better(C, ("a",)) == (B,)
    assert choice.better(A) == ()
    assert choice.better(A, ("a",)) == (B, C)
