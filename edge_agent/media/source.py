"""What a leg can send: a clip, silence, a tone for ever. One frame at a time."""

from __future__ import annotations

from typing import Protocol

from telecore.audio.frames import FRAME_BYTES

SILENCE = bytes(FRAME_BYTES)


class Source(Protocol):
    """Sound to be sent. ``finished`` is true as soon as the last frame was pulled, not one pull later."""

    @property
    def finished(self) -> bool: ...
    def pull(self) -> bytes:
        """The next 20 ms."""


class Samples:
    """Samples held in memory, played ``loop`` times (0: for ever), the last frame filled up with silence."""

    __slots__ = ("_at", "_left", "_pcm", "finished")

    def __init__(self, pcm: bytes, loop: int = 1) -> None:
        self._pcm = pcm
        self._left = loop
        self._at = 0
        self.finished = not pcm

    def pull(self) -> bytes:
        at = self._at
        frame = self._pcm[at : at + FRAME_BYTES]
        self._at = at + FRAME_BYTES
        if self._at < len(self._pcm):
            return frame
        self._at = 0
        self._left -= 1
        self.finished = self._left == 0
        return frame.ljust(FRAME_BYTES, b"\0")


class Pause:
    """So many frames of silence."""

    def __init__(self, frames: int) -> None:
        self._left = frames

    @property
    def finished(self) -> bool:
        return self._left <= 0

    def pull(self) -> bytes:
        self._left -= 1
        return SILENCE
