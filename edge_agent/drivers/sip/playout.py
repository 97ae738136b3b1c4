"""From packets as they come to one frame per tick, by their timestamps. Pure.

What waits is addressed in samples, so that a packet may hold any length of sound. Packets out of order are put right,
what is missing is concealed. Nothing there at all means late or lost, which only the next packet tells: until then the
gap is filled without going on in time. If it was late, everything is heard that much later from then on; if it was
lost, its time has passed already. A clock that differs from ours costs or gains a frame where it is quiet.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from functools import cache

from edge_agent.drivers.sip.codec import PCMU, WIDTH, Codec, level
from edge_agent.drivers.sip.rtp_packet import TIMESTAMPS
from edge_agent.media.concealment import Concealment
from edge_agent.media.source import SILENCE
from telecore.audio.elastic import LEAST, MOST, QUIET, REVIEW
from telecore.audio.frames import FRAME_SAMPLES
from telecore.audio.mixing import gain

JUMP = 4000
"""Half a second further ahead or behind than it can be is no delay: the far end counts anew."""
MOST_FRAMES = 10
"""200 ms may wait; more, and the oldest goes."""
KEEP = 480
"""What is left of it then."""
START_TICKS = 1
"""One tick is waited at the start, so that packets may be unsteady by as much."""
STUBBORN = 5
"""So many packets too late in a row, and nothing in time: the far end counts anew."""
_HALF = TIMESTAMPS // 2
_NOISES = 8
_SILENT = (SILENCE,) * _NOISES


@cache
def _noises() -> tuple[bytes, ...]:
    """At -12 dBm0 or so, always the same."""
    rng = random.Random(1)
    frames = (
        [max(-32767, min(32767, round(rng.gauss(0, 8192)))) for _ in range(FRAME_SAMPLES)] for _ in range(_NOISES)
    )
    return tuple(struct.pack(f"<{FRAME_SAMPLES}h", *frame) for frame in frames)


def _decode_by(codec: Codec) -> Callable[[bytes], bytes]:
    return lambda codes: codec.decode(codes, WIDTH)


class Playout:
    """``push`` what came, ``pull`` once per tick. ``late``: packets too late to be heard; ``concealed``: frames."""

    __slots__ = (
        "_codec",
        "_concealment",
        "_filled",
        "_heard",
        "_held",
        "_in_row",
        "_low",
        "_next",
        "_noise",
        "_owed",
        "_steady",
        "_stretch",
        "_takes",
        "_turn",
        "_wait",
        "_waiting",
        "_wish",
        "begun",
        "late",
    )

    def __init__(self) -> None:
        self.begun = False
        """Whether anything came yet."""
        self.late = 0
        self._codec = PCMU
        self._concealment = Concealment(_decode_by(PCMU))
        self._heard = self._concealment.heard
        self._waiting: list[tuple[int, bytes]] = []
        self._held: bytes | None = None
        self._next = 0
        self._owed = 0
        self._wait: int | None = None
        self._in_row = 0
        self._stretch = False
        self._steady = False
        self._wish = 0
        self._low, self._takes = MOST_FRAMES, 0
        self._filled = 0
        self._noise: tuple[bytes, ...] = ()
        self._turn = 0

    @property
    def concealed(self) -> int:
        """Frames' worth of sound that was made up, rounded up."""
        return -(-self._filled // FRAME_SAMPLES)

    def plan(self, codec: Codec) -> None:
        """What waits still is of the codec before: it goes, if that was another."""
        if codec is not self._codec:
            self._codec = codec
            self._concealment.decode_by(_decode_by(codec))
            self._waiting.clear()
            self._steady = False

    def restart(self) -> None:
        """Another stream begins with the next packet."""
        self._wait, self._steady = None, False

    def comfort(self, level: int) -> None:
        """The far end is silent, with noise of ``level`` dB below overload (RFC 3389), until a packet of sound."""
        factor = 4.0 * 10 ** (-min(level, 127) / 20)
        self._concealment.forget()
        self._steady = False
        self._noise = tuple(gain(noise, factor) for noise in _noises())

    def key(self) -> None:
        """A key is being pressed: the sound pauses, and nothing of it is repeated."""
        self._concealment.forget()
        self._steady = False
        self._noise = _SILENT

    def push(self, timestamp: int, codes: bytes) -> None:
        """G.711 codes of the codec planned, any number."""
        waiting = self._waiting
        if self._steady and len(codes) == FRAME_SAMPLES and len(waiting) < MOST_FRAMES:
            begin = waiting[-1][0] + FRAME_SAMPLES if waiting else self._next
            if begin % TIMESTAMPS == timestamp:
                waiting.append((begin, codes))
                return
        self._noise = ()
        ahead = (timestamp - self._next + _HALF) % TIMESTAMPS - _HALF
        if self._wait is None or not -JUMP <= ahead <= self._owed + JUMP:
            self._begin(timestamp, codes)
        elif ahead + len(codes) <= 0:
            self._too_late(timestamp, codes)
        else:
            self._in_row = 0
            self._insert(self._next + ahead, codes)

    def pull(self) -> bytes:
        """The frame that is due: 160 samples."""
        waiting = self._waiting
        if not self._steady or not waiting:
            return self._pull_with_care()
        begin, codes = waiting[0]
        if begin != self._next or len(codes) != FRAME_SAMPLES:
            return self._pull_with_care()
        del waiting[0]
        self._next = begin + FRAME_SAMPLES
        frame = self._codec.decode(codes, WIDTH)
        self._heard(codes)
        if len(waiting) < self._low:  # noqa: PLR1730 (a call less per frame)
            self._low = len(waiting)
        self._takes += 1
        if self._takes >= REVIEW:
            self._review()
        return frame

    def _pull_with_care(self) -> bytes:
        if self._wait is None:
            return SILENCE
        frame = self._unsteady()
        self._steady = not (
            self._wait != 0
            or self._noise
            or self._in_row
            or self._held
            or self._stretch
            or self._wish
            or self._owed
            or self._concealment.active
        )
        return frame

    def _unsteady(self) -> bytes:
        if self._wait:
            self._wait -= 1
            return self._gap()
        if self._held is not None:
            frame, self._held = self._held, None
            return frame
        if self._stretch:
            self._stretch = False
            self._filled += FRAME_SAMPLES
            return self._gap()
        return self._eased(self._take())

    def _eased(self, frame: bytes) -> bytes:
        """Lose or gain a frame where that is due and nobody hears it."""
        if self._owed:
            self._low = -1
            return frame
        if self._wish and level(frame) < QUIET:
            wish, self._wish = self._wish, 0
            self._low, self._takes = MOST_FRAMES, 0
            if wish > 0:
                self._held = frame
                return SILENCE
            return self._take() if self._waiting else frame
        self._low = min(self._low, self._left() // FRAME_SAMPLES)
        self._takes += 1
        if self._takes >= REVIEW:
            self._review()
        return frame

    def _review(self) -> None:
        """What was left at least of all that could have been waited for."""
        self._wish = 1 if self._low < LEAST else -1 if self._low > MOST else 0
        self._low, self._takes = MOST_FRAMES, 0
        self._steady = self._steady and not self._wish

    def _left(self) -> int:
        if not self._waiting:
            return 0
        begin, codes = self._waiting[-1]
        return begin + len(codes) - self._next

    def _take(self) -> bytes:
        waiting = self._waiting
        if not waiting:
            return self._nothing(FRAME_SAMPLES)
        begin, codes = waiting[0]
        if begin != self._next or len(codes) != FRAME_SAMPLES or self._concealment.active:
            return self._assemble()
        del waiting[0]
        self._next = begin + FRAME_SAMPLES
        self._owed = 0
        frame = self._codec.decode(codes, WIDTH)
        self._heard(codes)
        return frame

    def _assemble(self) -> bytes:
        """A frame from packets of other lengths, and with gaps."""
        out, whole = b"", True
        while (need := FRAME_SAMPLES - len(out) // 2) > 0:
            if not self._waiting:
                return out + self._nothing(need)
            begin, codes = self._waiting[0]
            if (gap := begin - self._next) > 0:
                passed = min(self._owed, gap)
                self._owed = 0
                self._next += passed
                missing = min(gap - passed, need)
                if missing:
                    out += self._concealment.fill(missing)
                    self._filled += missing
                    self._next += missing
                    whole = False
                continue
            out += self._piece(codes, -gap, need)
        if whole:
            self._heard(out)
        return out

    def _piece(self, codes: bytes, skip: int, need: int) -> bytes:
        """From the first packet that waits, whose first ``skip`` samples are over."""
        piece = codes[skip : skip + need]
        if skip + need >= len(codes):
            del self._waiting[0]
        self._next += len(piece)
        self._owed = 0
        sound = self._codec.decode(piece, WIDTH)
        return self._concealment.join(sound) if sound and self._concealment.active else sound

    def _nothing(self, samples: int) -> bytes:
        """Nothing came in time; whether it is late or lost is not known yet."""
        self._owed += samples
        if self._noise:
            return self._gap()[: 2 * samples]
        if self._owed <= KEEP:
            self._filled += samples
        return self._concealment.fill(samples)

    def _gap(self) -> bytes:
        if not self._noise:
            return self._concealment.fill(FRAME_SAMPLES)
        self._turn = (self._turn + 1) % _NOISES
        return self._noise[self._turn]

    def _begin(self, timestamp: int, codes: bytes) -> None:
        self._waiting[:] = [(timestamp, codes)]
        self._next, self._owed, self._in_row = timestamp, 0, 0
        self._wait, self._held, self._stretch = START_TICKS, None, False
        self._wish, self._low, self._takes = 0, MOST_FRAMES, 0
        self.begun, self._steady = True, False

    def _too_late(self, timestamp: int, codes: bytes) -> None:
        self.late += 1
        self._in_row += 1
        self._steady = False
        if self._in_row >= STUBBORN and not self._waiting:
            self._begin(timestamp, codes)
        elif self._in_row > 1:
            self._stretch = True
        else:
            self._wish = 1

    def _insert(self, begin: int, codes: bytes) -> None:
        waiting = self._waiting
        if not waiting or begin > waiting[-1][0]:
            waiting.append((begin, codes))
        elif all(begin != other for other, _ in waiting):
            waiting.append((begin, codes))
            waiting.sort()
        if begin - self._next - self._owed > MOST_FRAMES * FRAME_SAMPLES:
            self._shorten(begin + len(codes) - KEEP)

    def _shorten(self, begin: int) -> None:
        while len(self._waiting) > 1 and self._waiting[1][0] <= begin:
            del self._waiting[0]
        self._next = max(self._next, self._waiting[0][0])
        self._owed = 0
