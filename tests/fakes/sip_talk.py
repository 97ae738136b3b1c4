"""A party at our end of a SIP call, on the agent's own clock: plays a tone and measures what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edge_agent.contracts import VoiceCall
from edge_agent.media.clock import MediaClock
from edge_agent.media.leg import Ear, Leg
from edge_agent.media.source import Samples
from telecore.audio.tone import tone
from telecore.audio.tone_level import ToneLevel


class Hearing(Ear):
    """``levels`` of the frequencies asked for, in dBm0; ``keys`` as they were pressed; ``frames`` heard."""

    wants_keys = True

    def __init__(self, *frequencies: int) -> None:
        self._meters = {frequency: ToneLevel(frequency) for frequency in frequencies}
        self.keys = ""
        self.frames = 0

    def hear(self, frame: bytes) -> None:
        self.frames += 1
        for meter in self._meters.values():
            meter.feed(frame)

    def press(self, key: str) -> None:
        self.keys += key

    def level(self, frequency: int) -> float:
        return self._meters[frequency].level

    async def until(self, frequency: int, above: float = -20.0, within_s: float = 6.0) -> None:
        async with asyncio.timeout(within_s):
            while self.level(frequency) < above:  # noqa: ASYNC110  (sound tells nobody)
                await asyncio.sleep(0.02)


@asynccontextmanager
async def talking(voice: VoiceCall, *frequencies: int, play: int | None = None) -> AsyncIterator[tuple[Leg, Hearing]]:
    """A leg on this call; ``play``: a tone of this frequency, for ever."""
    leg, hearing = Leg(MediaClock(), voice), Hearing(*frequencies)
    if play is not None:
        leg.background = Samples(tone((play,), 1000), loop=0)
    leg.start()
    leg.attach(hearing)
    try:
        yield leg, hearing
    finally:
        leg.close()
