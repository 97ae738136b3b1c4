"""Tones a leg plays by itself, made once."""

from __future__ import annotations

from functools import cache

from telecore.audio.tone import beep, dtmf_tone, silence, tone

BEEP = beep()

_CADENCES = {
    "us": ((440, 480), 2000, 4000),
    "gb": ((400, 450), 400, 200),
    "auto": ((425,), 1000, 4000),
}
"""Frequencies, milliseconds on and off; ``auto`` is what most networks outside North America play (E.180)."""


@cache
def ringback(name: str) -> bytes:
    """What a caller hears while the called party is alerted, to be repeated. Unknown names sound like ``auto``."""
    freqs, on_ms, off_ms = _CADENCES.get(name, _CADENCES["auto"])
    return tone(freqs, on_ms, -16) + silence(off_ms)


@cache
def dtmf(key: str) -> bytes:
    """One key press and the pause after it."""
    return dtmf_tone(key)


ringback("auto")
