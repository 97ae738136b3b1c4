"""Tones a leg plays by itself, made once."""

from __future__ import annotations

from functools import cache

from telecore.audio.tone import beep, dtmf_tone, silence, tone

BEEP = beep()
ENTERED = tone((660,), 120, -18) + tone((880,), 160, -18)
"""What a room hears when somebody comes: a step up."""
LEFT = tone((880,), 120, -18) + tone((660,), 160, -18)
"""And a step down when somebody goes."""

_Cadence = tuple[tuple[int, ...], tuple[tuple[int, int], ...]]
_UK: _Cadence = ((400, 450), ((400, 200), (400, 2000)))
_CADENCES: dict[str, _Cadence] = {
    "auto": ((425,), ((1000, 4000),)),
    "us": ((440, 480), ((2000, 4000),)),
    "us-old": ((440, 480), ((2000, 4000),)),
    "tw": ((440, 480), ((1000, 2000),)),
    "ph": ((425, 480), ((1000, 4000),)),
    **dict.fromkeys(("uk", "au", "nz", "my", "sg", "in", "za"), _UK),
    "fr": ((440,), ((1500, 3500),)),
    "es": ((425,), ((1500, 3000),)),
    "se": ((425,), ((1000, 5000),)),
    "be": ((425,), ((1000, 3000),)),
    "cn": ((450,), ((1000, 4000),)),
    "jp": ((400,), ((1000, 2000),)),
}
"""Frequencies, then milliseconds on and off (E.180, supplement 2); ``auto`` is what most networks outside North America
play, and stands for all that are not here."""


@cache
def ringback(name: str) -> bytes:
    """What a caller hears while the called party is alerted, to be repeated. Unknown names sound like ``auto``."""
    freqs, cadence = _CADENCES.get(name, _CADENCES["auto"])
    return b"".join(tone(freqs, on_ms, -16) + silence(off_ms) for on_ms, off_ms in cadence)


@cache
def dtmf(key: str) -> bytes:
    """One key press and the pause after it."""
    return dtmf_tone(key)


ringback("auto")
