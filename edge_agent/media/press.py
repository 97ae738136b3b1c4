"""Pressing keys on a line."""

from __future__ import annotations

import asyncio
import re

from edge_agent.contracts import VoiceCall
from edge_agent.media.clock import ticks
from edge_agent.media.leg import Leg
from edge_agent.media.source import Pause, Samples
from edge_agent.media.tones import dtmf
from telecore.errors import DeviceRefused, TimedOut

_PAUSES = {"w": 0.5, "W": 1.0}
_KEY_S = 2.0
"""A modem that takes longer than this per key has lost it."""


async def press(leg: Leg, voice: VoiceCall, digits: str) -> None:
    """Press these; ``w`` waits half a second, ``W`` a second. Tones in the sound where the line makes none."""
    able = True
    for run in re.findall("[wW]|[^wW]+", digits):
        if run in _PAUSES:
            await leg.play(Pause(ticks(_PAUSES[run])))
            continue
        able = able and await _by_line(voice, run)
        if not able:
            await leg.play(Samples(b"".join(map(dtmf, run))))


async def _by_line(voice: VoiceCall, digits: str) -> bool:
    """Whether the network makes the tones. After a timeout they may have been pressed: they are not pressed again."""
    try:
        async with asyncio.timeout(_KEY_S * (len(digits) + 2)):
            await voice.send_digits(digits)
    except DeviceRefused:
        return False
    except (TimeoutError, TimedOut):
        return True
    return True
