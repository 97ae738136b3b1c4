"""Digits as a handset's keypad sounds: 100 ms on, 80 ms off."""

from __future__ import annotations

from functools import cache

from telecore.audio.tone import dtmf_tone

DIGITS = frozenset("0123456789*#ABCD")
PAUSE = bytes(8000)  # half a second


@cache
def tone(digit: str, on_ms: int = 100, off_ms: int = 80) -> bytes:
    """Samples of one digit and the pause after it, signed 16 bit little endian at 8 kHz."""
    return dtmf_tone(digit, on_ms, off_ms)


def check_digits(digits: str) -> str:
    """The digits in capitals; `W` waits half a second. ValueError names what is no digit."""
    for char in digits.upper():
        if char not in DIGITS and char != "W":
            raise ValueError(f"{char!r} is no DTMF digit")
    return digits.upper()


def pressed(digits: str) -> bytes:
    """Samples of a series of digits; ValueError names what is no digit."""
    return b"".join(PAUSE if char == "W" else tone(char) for char in check_digits(digits))
