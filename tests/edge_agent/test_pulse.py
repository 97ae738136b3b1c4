"""Heartbeats on every change, several changes in one."""

import asyncio
from dataclasses import replace

import pytest

from edge_agent.agent import pulse
from edge_agent.agent.pulse import Pulse, difference, is_worth_telling
from telecore.ids import CallSid, ChannelId
from telecore.model import ChannelState, ChannelStatus
from telecore.notices import DataUsed, Detail, Heartbeat, LiveCall
from telecore.tunnel.meter import Traffic
from tests.fakes.tunnel import until

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


CHANNEL = ChannelStatus(channel=ChannelId("site/m"), state=ChannelState.REGISTERED, since=0)
CALL = LiveCall(CallSid("CA" + "0" * 32), "site/m", False, 1)


@pytest.mark.parametrize(
    ("detail", "change", "since_s", "told"),
    [
        (None, {}, 0, True),
        (Detail.FULL, {}, 0, True),
        (Detail.LESS, {}, 59, False),
        (Detail.LESS, {}, 60, True),
        (Detail.LESS, {"spooled": 9}, 10, False),
        (Detail.LESS, {"calls": (CALL,)}, 0, True),
        (Detail.ESSENTIAL, {}, 299, False),
        (Detail.ESSENTIAL, {}, 300, True),
        (Detail.ESSENTIAL, {"calls": (CALL,)}, 0, True),
        (Detail.ESSENTIAL, {"channels": (replace(CHANNEL, signal=None, sent_today=4),)}, 0, False),
        (Detail.ESSENTIAL, {"channels": (replace(CHANNEL, state=ChannelState.ABSENT),)}, 0, True),
    ],
)
def test_what_is_worth_a_heartbeat(detail, change, since_s, told):
    data = DataUsed("2026-11-01", Traffic(), detail=detail) if detail else None
    before = replace(BEAT, channels=(CHANNEL,), data=data)
    assert is_worth_telling(before, replace(before, **change), since_s) is told


OTHER = ChannelStatus(channel=ChannelId("site/n"), state=ChannelState.REGISTERED, since=0)
DATA = DataUsed("2026-11-01", Traffic())


def test_channels_that_are_as_they_were_are_not_told_again():
    before = replace(BEAT, channels=(CHANNEL, OTHER), data=DATA)
    changed = replace(OTHER, busy_legs=1)
    said = difference(before, replace(before, channels=(CHANNEL, changed), spooled=3), data=False)
    assert (said.channels, said.spooled, said.data) == ((changed,), 3, None)
    assert difference(before, before, data=True).data == DATA
    waiting = replace(before, data=replace(DATA, waits="for the cheap hours"))
    assert difference(before, waiting, data=False).data == waiting.data


@pytest.mark.parametrize(("heard", "whole"), [(True, [1, 0, 0, 1]), (False, [1, 1, 1, 1])])
async def test_a_new_tunnel_and_one_that_did_not_hear_are_told_everything(monkeypatch, heard, whole):
    monkeypatch.setattr(pulse, "_EVERY_S", 60)
    monkeypatch.setattr(pulse, "_GATHER_S", 0.0)
    monkeypatch.setattr(pulse, "_SETTLE_S", 0.0)
    told = []

    def tell(heartbeat):
        told.append(len(heartbeat.channels))
        return heard

    heart = Pulse(lambda: replace(BEAT, channels=(CHANNEL,)), tell)
    task = asyncio.create_task(heart.run())
    for number in range(4):
        if number == 3:
            heart.forget()
        heart.changed()
        await until(lambda number=number: len(told) > number)
    task.cancel()
    await asyncio.wait([task])
    assert told == whole
