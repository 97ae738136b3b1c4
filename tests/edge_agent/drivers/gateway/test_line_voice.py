"""Why nobody answered: the box's own tongue before its vague SIP."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.contracts import VoiceEvent, VoiceEventKind
from edge_agent.drivers.gateway import voice as line_voice
from edge_agent.drivers.gateway.voice import LineVoice

ENDED, ANSWERED, RINGING = VoiceEventKind.ENDED, VoiceEventKind.ANSWERED, VoiceEventKind.RINGING


class Sip:
    """A VoiceService whose call does as told."""

    def __init__(self):
        self.on_event = None

    async def dial(self, to, on_event, caller=None, *, hidden=False):
        self.on_event = on_event
        return f"call to {to}"


class Bench:
    def __init__(self, monkeypatch):
        monkeypatch.setattr(line_voice, "_LOOK_S", 0.005)
        monkeypatch.setattr(line_voice, "PATIENCE_S", 0.05)
        self.cause = None
        self.asked = []
        self.heard = []
        self.sip = Sip()
        self.knows = True
        self.line = LineVoice(self.sip, self.ask, lambda: self.knows)

    def ask(self, since):
        self.asked.append(since)
        return self.cause

    async def dial(self):
        assert await self.line.dial("+85512000001", self.heard.append) == "call to +85512000001"

    async def ended(self):
        async with asyncio.timeout(2):
            while not self.heard or self.heard[-1].kind is not ENDED:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        return self.heard[-1].cause


@pytest.fixture
def bench(monkeypatch):
    return Bench(monkeypatch)


async def test_the_tongue_knows_it_was_busy(bench):
    await bench.dial()
    bench.sip.on_event(VoiceEvent(RINGING))
    bench.sip.on_event(VoiceEvent(ENDED, 18))
    assert bench.heard == [VoiceEvent(RINGING)]
    bench.cause = 17
    assert await bench.ended() == 17
    assert bench.asked[0] <= asyncio.get_running_loop().time()


async def test_it_says_nothing_in_time_and_sip_counts(bench):
    await bench.dial()
    bench.sip.on_event(VoiceEvent(ENDED, 18))
    assert await bench.ended() == 18
    assert len(bench.asked) > 1


async def test_a_tongue_that_tells_no_causes_is_not_waited_for(bench):
    bench.knows = False
    await bench.dial()
    bench.sip.on_event(VoiceEvent(ENDED, 18))
    assert (bench.heard, bench.asked) == ([VoiceEvent(ENDED, 18)], [])


async def test_what_sip_says_plainly_is_not_asked_for(bench):
    bench.cause = 1
    await bench.dial()
    bench.sip.on_event(VoiceEvent(ENDED, 17))
    assert (await bench.ended(), bench.asked) == (17, [])


async def test_an_answered_call_ends_at_once(bench):
    await bench.dial()
    bench.sip.on_event(VoiceEvent(ANSWERED))
    bench.sip.on_event(VoiceEvent(ENDED, 41))
    assert (bench.heard[-1].cause, bench.asked) == (41, [])
