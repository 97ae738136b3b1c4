"""A playout buffer: evens out the jitter of a sender that runs on another process's clock."""

from __future__ import annotations

from simulator.speech import FRAME_BYTES, SILENCE

PREFILL_TICKS = 4
FULL_BYTES = 16_000  # one second; what is more stays with the sender
DEEP_BYTES = 12 * FRAME_BYTES


class PlayoutBuffer:
    """Plays every sample in order; silence only when nothing came.

    After silence the first sample waits `prefill` ticks (80 ms), which is the lateness of a sender that passes
    unheard; less when a late sender has already caught up with a burst. When the buffer got deep, frames of
    digital silence are skipped until it is shallow again.
    """

    def __init__(self, prefill: int = PREFILL_TICKS) -> None:
        self._prefill = prefill
        self._data = bytearray()
        self._waited = 0
        self._playing = False
        self.underruns = 0

    def room(self) -> int:
        """Bytes it will still take."""
        return max(0, FULL_BYTES - len(self._data))

    def depth(self) -> int:
        """Bytes that wait to be played."""
        return len(self._data)

    def put(self, data: bytes) -> None:
        """Append samples; the caller respects `room()`."""
        self._data += data

    def clear(self) -> None:
        """Forget everything, as at the start of a call."""
        self._data.clear()
        self._waited, self._playing = 0, False

    def take(self) -> bytes:
        """The next 320 bytes."""
        if not self._playing and not self._may_start():
            return SILENCE
        frame = self._next()
        while len(self._data) >= DEEP_BYTES and frame == SILENCE:
            frame = self._next()
        if len(frame) == FRAME_BYTES:
            return frame
        if not frame:
            self.underruns += 1
        self._waited, self._playing = 0, False
        return frame + bytes(FRAME_BYTES - len(frame))

    def _may_start(self) -> bool:
        if not self._data:
            return False
        depth = len(self._data) // FRAME_BYTES
        self._playing = self._waited >= self._prefill or self._waited + depth >= 2 * self._prefill
        self._waited += 1
        return self._playing

    def _next(self) -> bytes:
        frame = bytes(self._data[:FRAME_BYTES])
        del self._data[:FRAME_BYTES]
        return frame
