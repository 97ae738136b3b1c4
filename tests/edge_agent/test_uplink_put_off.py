"""An edge that is told to come back later stays away for that long, and not for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from cloud.tunnel.line import Admission, Rejection
from edge_agent.uplink import uplink as uplink_module
from telecore.backoff import Policy
from telecore.ids import EdgeId
from tests.fakes.tunnel import EDGE, QUICK, QUICK_HUB, Rig, running, until

AWAY_S = 0.8


async def test_a_cloud_that_stops_says_when_to_come_back() -> None:
    rig = Rig()
    async with rig.cloud():
        uplink = rig.uplink()
        rig.hub._times = replace(QUICK_HUB, back=AWAY_S)
        async with running(uplink.run()) as tasks:
            await until(lambda: rig.hub.connected(EDGE))
            port = rig.hub.port
            # The hub stops, and a new one is there at once, behind the same address.
            rig.hub._send_home()
            began = time.monotonic()
            await until(lambda: not rig.hub.connected(EDGE) and not uplink.connected)
            await until(lambda: uplink.connected)
            assert AWAY_S <= time.monotonic() - began < AWAY_S + 2
            assert rig.hub.port == port
            assert not tasks[0].done()


@pytest.mark.parametrize(
    ("header", "least_s"), [("1", 1.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("-5", 0.0), ("", 0.0)]
)
async def test_one_that_is_too_busy_says_it_before_the_tunnel(
    header: str, least_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig()
    asked: list[float] = []
    door = rig.hub._ask

    async def busy_once(headers: Mapping[str, str], address: str) -> Admission | Rejection:
        asked.append(time.monotonic())
        after = (("Retry-After", header),) if header else ()
        return Rejection(503, "busy", after) if len(asked) == 1 else await door(headers, address)

    monkeypatch.setattr(rig.hub, "_ask", busy_once)
    async with rig.cloud():
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
    assert least_s <= asked[1] - asked[0] < least_s + 1
    assert rig.refusals == []


@pytest.mark.parametrize(("header", "failures"), [("1", [1, 1, 1]), ("", [1, 2, 3])])
async def test_delays_grow_only_while_nobody_names_a_moment(
    header: str, failures: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig()
    counted: list[int] = []

    def no_delay(policy: Policy, failures: int, chance: Callable[[], float]) -> float:
        counted.append(failures)
        return 0.0

    async def busy(headers: Mapping[str, str], address: str) -> Rejection:
        return Rejection(503, "busy", (("Retry-After", header),) if header else ())

    monkeypatch.setattr(uplink_module, "next_delay", no_delay)
    monkeypatch.setattr(rig.hub, "_ask", busy)
    async with rig.cloud():
        uplink = rig.uplink(times=replace(QUICK, steady=5.0))
        async with running(uplink.run()):
            await until(lambda: len(counted) >= 3)
    assert counted[:3] == failures


async def test_who_returns_is_spread() -> None:
    rig = Rig()
    rig.hub._times = replace(QUICK_HUB, back=1.0, returns=10.0)
    told: list[float] = []

    class Away:
        class link:  # noqa: N801
            @staticmethod
            def leave(code: str, reason: str, after: float) -> None:
                told.append(after)

    rig.hub._guests = {EdgeId(f"e{n}"): Away() for n in range(200)}  # type: ignore[misc]
    rig.hub._send_home()
    assert min(told) >= 1.0
    assert max(told) <= 21.0
    assert max(told) - min(told) > 15.0
    assert len(set(told)) > 150
    await asyncio.sleep(0)
