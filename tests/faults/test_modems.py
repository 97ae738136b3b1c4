"""A modem is pulled, hangs, loses its power or speaks noise in mid-SMS and in mid-call; the one beside it goes on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.devices.ladder import QUARANTINE_S
from telecore.commands import HangUp, PlaceCall
from telecore.ids import CallSid, ChannelId
from tests.fakes.tunnel import until
from tests.faults.conftest import LONG, Report, times
from tests.faults.edge_site import Site, site
from tests.simulator.rig import Rig

FAULTS = {
    "pulled": ({"kind": "modem_unplugged", "for_s": 1.5}, ("is gone", "no such port")),
    "restarts": ({"kind": "modem_reboots", "for_s": 0.1}, ("restarted by itself", "is gone", "forgotten its settings")),
    "hung": ({"kind": "modem_hang", "for_s": 25}, ("hung: no answer to AT", "does not answer AT", "no answer to")),
    "noisy": ({"kind": "modem_garbage", "for_s": 4, "every_ms": 20}, ("no answer to", "nonsense", "hung", "answer")),
}
"""What is done, and the words of which one must be in what is told of it."""
NOTICED = frozenset(FAULTS) - {"noisy"}
"""Noise may pass without hurting anything, and then nothing is told."""
ROUNDS = times(1, 5)
A_ROUND = 6
FLOWED = 10.0
RUNGS = 3
"""A modem that hangs once more than this is left alone for a while before it is tried again (docs/operations.md)."""
OUT_OF_ORDER = 38
"""Q.850: network out of order."""

pytestmark = pytest.mark.timeout(120 + ROUNDS * 150)
MODEM1, MODEM2 = ChannelId("site-1/modem1"), ChannelId("site-1/modem2")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    lab = tmp_path / "lab"
    lab.mkdir()
    rig = Rig(lab, "--modems", "2")
    rig.registered()
    yield rig
    assert rig.stop() == 0


def reasons(edge: Site, channel: ChannelId) -> list[str]:
    """What was told of the line: why it was not in service, and what brought it back."""
    changed = [event["status"] for event in edge.cloud.told.of("channel.changed")]
    told = [status.get("reason", "") for status in changed if status["channel"] == channel]
    for event in edge.cloud.told.of("channel.healed"):
        if event["channel"] == channel:
            told += event["evidence"]
    return told


def states(edge: Site, channel: ChannelId) -> list[str]:
    changed = [event["status"] for event in edge.cloud.told.of("channel.changed")]
    return [status["state"] for status in changed if status["channel"] == channel]


async def registered(edge: Site, channel: ChannelId, within_s: float) -> None:
    await until(lambda: states(edge, channel)[-1:] == ["registered"], within_s)


async def begin(edge: Site, fault: dict[str, Any]) -> None:
    await edge.api("POST", "/faults", {**fault, "target": "modem1"})


def first_told(edge: Site, words: tuple[str, ...]) -> bool:
    return any(word in told for told in reasons(edge, MODEM1) for word in words)


@pytest.mark.parametrize("kind", FAULTS if LONG else ["pulled"])
async def test_in_mid_sms(tmp_path: Path, rig: Rig, kind: str, chance: random.Random, report: Report) -> None:
    fault, words = FAULTS[kind]
    slowest = 0.0
    async with site(tmp_path, rig, modems=2) as edge:
        await edge.start()
        await registered(edge, MODEM1, 20)
        await registered(edge, MODEM2, 20)
        clock = asyncio.get_running_loop().time
        for _ in range(ROUNDS):
            for n in range(A_ROUND):
                edge.send(f"out {len(edge.bodies)}", 1 + n % 2)
            before = edge.settled()
            await until(lambda before=before: edge.settled() > before, 60)
            await asyncio.sleep(chance.uniform(0.0, 0.15))
            await begin(edge, fault)
            began = clock()
            sids = [edge.send(f"beside {len(edge.bodies)}", 2) for _ in range(3)]
            await until(lambda sids=sids: all(sid in edge.told("message.submitted") for sid in sids), 30)
            slowest = max(slowest, clock() - began)
            await until(lambda: edge.settled() == len(edge.bodies), 140)
            # All may have gone before it, and then nobody has noticed yet.
            await asyncio.sleep(began + fault["for_s"] - clock())
            await registered(edge, MODEM1, 60)
        await edge.at_rest()
        books = await edge.books()
        told = first_told(edge, words)
        beside = set(states(edge, MODEM2)[1:]) - {"registered", "searching"}
        await edge.stop()
        left = await edge.left_in_modem()
    report(f"modem {kind} in mid-SMS", rounds=ROUNDS, **books, left_in_modem=left, beside_s=round(slowest, 1))
    assert (books["lost"], books["doubled"], books["failed"], left, beside) == (0, 0, 0, 0, set())
    assert books["unknown"] <= ROUNDS, "at most the one that was under way"
    assert slowest < FLOWED
    assert told or kind not in NOTICED, reasons(edge, MODEM1)


@pytest.mark.parametrize("kind", FAULTS if LONG else ["pulled"])
async def test_in_mid_call(tmp_path: Path, rig: Rig, kind: str, chance: random.Random, report: Report) -> None:
    fault, words = FAULTS[kind]
    causes: list[int] = []
    quarantines = iter(QUARANTINE_S)
    async with site(tmp_path, rig, modems=2) as edge:
        await edge.start()
        await registered(edge, MODEM1, 20)
        await registered(edge, MODEM2, 20)
        to = rig.line["handsets"]["answers"]
        for n in range(ROUNDS):
            call = CallSid(f"CA{n:032x}")
            edge.cloud.wish(PlaceCall(call=call, channel=MODEM1, to=to))
            await until(lambda call=call: event_of(edge, "call.answered", call) is not None, 30)
            await asyncio.sleep(chance.uniform(0.0, 0.5))
            await begin(edge, fault)
            sid = edge.send(f"beside {n}", 2)
            await until(lambda sid=sid: sid in edge.told("message.submitted"), 30)
            if kind == "noisy":
                await asyncio.sleep(fault["for_s"] + 1)
                edge.cloud.wish(HangUp(call=call))
            await until(lambda call=call: event_of(edge, "call.ended", call) is not None, 60)
            ended = event_of(edge, "call.ended", call)
            assert ended is not None
            causes.append(ended["cause"])
            alone_s = next(quarantines) if n >= RUNGS and kind == "hung" else 0.0
            await registered(edge, MODEM1, 90 + alone_s)
            await asyncio.sleep(0.3)
        told = first_told(edge, words)
        beside = set(states(edge, MODEM2)[1:]) - {"registered", "searching"}
        live = [call for call in await edge.api("GET", "/calls") if call["state"] != "ended"]
        await edge.stop()
    report(f"modem {kind} in mid-call", calls=ROUNDS, ended=len(causes), left_up=len(live))
    assert (live, beside) == ([], set())
    assert kind == "noisy" or set(causes) == {OUT_OF_ORDER}
    if kind == "hung" and ROUNDS > RUNGS:
        assert "quarantine" in {event["step"] for event in edge.cloud.told.of("channel.healed")}
    assert told or kind not in NOTICED, reasons(edge, MODEM1)


def event_of(edge: Site, kind: str, call: CallSid) -> dict[str, Any] | None:
    return next((event for event in edge.cloud.told.of(kind) if event["call"] == call), None)
