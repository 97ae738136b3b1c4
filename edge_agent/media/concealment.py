"""Sound in place of sound that did not come: the last pitch period again and again, fading (the idea of G.711 App. I).

Pure. Costs next to nothing until something is missing, and some 0.1 ms when it is.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from collections.abc import Callable, Sequence

from telecore.audio.frames import FRAME_BYTES

_FRAMES = 3
_SHORTEST, _LONGEST = 40, 120
"""Pitch periods searched: 200 to 67 Hz."""
_TEMPLATE = 160
_FULL, _FADED = 80, 480
"""10 ms at full strength, nothing left after 60 ms: longer, and a held tone sounds like a fault."""
_JOIN = 40
"""5 ms in which what comes back is faded in."""
_FAINT = 32
"""Below this peak there is nothing worth repeating."""

Decode = Callable[[bytes], bytes]


class Concealment:
    """``heard`` each frame that came, ``fill`` for what did not, ``join`` for what comes after a fill.

    A frame may be given as codes of half its length, which ``decode`` makes samples of when they are needed, and that
    is seldom.
    """

    __slots__ = ("_at", "_decode", "_frames", "_made", "active", "heard")

    def __init__(self, decode: Decode = bytes) -> None:
        self._decode = decode
        self.active = False
        """Something was filled in since the last ``join``."""
        self._frames = deque([bytes(FRAME_BYTES)] * _FRAMES, _FRAMES)
        self.heard = self._frames.append
        """20 ms came as they should."""
        self._made = b""
        self._at = 0

    def fill(self, samples: int) -> bytes:
        """The next samples of what is missing; silence when it has been missing for long."""
        if not self.active:
            self.active, self._at = True, 0
            self._made = _continue(b"".join(self._samples()))
        begin = self._at
        self._at = min(begin + 2 * samples, len(self._made))
        return self._made[begin : begin + 2 * samples].ljust(2 * samples, b"\0")

    def decode_by(self, decode: Decode) -> None:
        """Of which kind codes are from now on."""
        self._frames.extend(self._samples())
        self._decode = decode

    def join(self, frame: bytes) -> bytes:
        """What came again, faded in over what would have gone on. At most 20 ms."""
        self.active = False
        if self._at >= len(self._made):
            return frame  # after silence it comes as it is
        size = min(_JOIN, len(frame) // 2)
        old = _unpack(self._made[self._at : self._at + 2 * size].ljust(2 * size, b"\0"))
        new = _unpack(frame[: 2 * size])
        mixed = [
            round(was + (now - was) * (step + 1) / (size + 1))
            for step, (was, now) in enumerate(zip(old, new, strict=True))
        ]
        return struct.pack(f"<{size}h", *mixed) + frame[2 * size :]

    def forget(self) -> None:
        """Another stream begins, or a key was pressed, which is not to be made longer: nothing is repeated."""
        self._frames.extend([bytes(FRAME_BYTES)] * _FRAMES)
        self._made, self._at = b"", 0

    def _samples(self) -> list[bytes]:
        return [frame if len(frame) == FRAME_BYTES else self._decode(frame) for frame in self._frames]


def _continue(known: bytes) -> bytes:
    """60 ms of how it might go on."""
    samples = _unpack(known)
    if max(samples[-_TEMPLATE:]) < _FAINT and min(samples[-_TEMPLATE:]) > -_FAINT:
        return b""
    period = _period(samples)
    cycle = _cycle(samples, period)
    made = (cycle * (_FADED // period + 1))[:_FADED]
    fading = [round(value * _strength(at)) for at, value in enumerate(made)]
    return struct.pack(f"<{_FADED}h", *fading)


def _period(samples: Sequence[int]) -> int:
    """By the lag at which the last 20 ms resemble what was before them: every second sample first, then exactly."""
    end = len(samples)
    template = samples[end - _TEMPLATE :: 2]

    def unlike(lag: int) -> float:
        return math.dist(template, samples[end - _TEMPLATE - lag : end - lag : 2])

    coarse = min(range(_SHORTEST, _LONGEST + 1, 2), key=unlike)
    whole = samples[end - _TEMPLATE :]
    near = range(max(_SHORTEST, coarse - 1), min(_LONGEST, coarse + 1) + 1)
    return min(near, key=lambda lag: math.dist(whole, samples[end - _TEMPLATE - lag : end - lag]))


def _cycle(samples: Sequence[int], period: int) -> list[int]:
    """The last period, its end bent so that its beginning follows."""
    cycle = list(samples[-period:])
    bend = period // 4
    for step in range(bend):
        share = (step + 1) / (bend + 1)
        at = period - bend + step
        cycle[at] = round(cycle[at] * (1 - share) + samples[-period - bend + step] * share)
    return cycle


def _strength(at: int) -> float:
    return 1.0 if at < _FULL else (_FADED - at) / (_FADED - _FULL)


def _unpack(samples: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(samples) // 2}h", samples)
