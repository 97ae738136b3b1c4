"""Heartbeats on every change, several changes in one."""

import asyncio

from edge_agent.agent import pulse
from edge_agent.agent.pulse import Pulse
from telecore.notices import Heartbeat

BEAT = Heartbeat("i", "1", 0.0, (), (), 0)


async def beats(monkeypatch, every_s, changes):
    monkeypatch.setattr(pulse, "_EVERY_S", every_s)
    monkeypatch.setattr(pulse, "_GATHER_S", 0.01)
    told = []
    heart = Pulse(lambda: BEAT, told.append)
    task = asyncio.create_task(heart.run())
    for pause in changes:
        heart.changed()
        await asyncio.sleep(pause)
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.wait([task])
    return len(told)


async def test_a_flock_of_changes_is_one_heartbeat(monkeypatch):
    assert await beats(monkeypatch, 60.0, [0.0] * 20) == 1


async def test_changes_apart_are_told_apart(monkeypatch):
    assert await beats(monkeypatch, 60.0, [0.05, 0.05, 0.05]) == 3


async def test_without_a_change_it_beats_all_the_same(monkeypatch):
    assert await beats(monkeypatch, 0.02, []) >= 3
