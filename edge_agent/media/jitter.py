"""From frames as they come to one frame per tick."""

from __future__ import annotations

from collections import deque

from edge_agent.media.source import SILENCE

MAX_FRAMES = 6
"""Beyond 120 ms the oldest goes: the sender's clock runs faster than ours, or the loop was held up."""
_REVIEW = 250
"""Every 5 s, what never was needed in that time is dropped, one frame at a time."""


class JitterBuffer:
    """A frame that comes in time waits for the next tick only.

    A frame that comes too late is heard as a frame of silence and then waits one tick longer, as do all after it: the
    buffer grows as far as the line is unsteady, and shrinks when the line has been steady.
    """

    def __init__(self, most: int = MAX_FRAMES) -> None:
        self._frames: deque[bytes] = deque(maxlen=most)
        self._spare = most
        self._pulls = 0

    def push(self, frame: bytes) -> None:
        """One frame came."""
        self._frames.append(frame)

    def pull(self) -> bytes:
        """The frame that is due, or silence."""
        frames = self._frames
        self._spare = min(self._spare, len(frames) - 1)
        self._pulls += 1
        if self._pulls == _REVIEW:
            if self._spare > 0:
                frames.popleft()
            self._spare, self._pulls = len(frames), 0
        return frames.popleft() if frames else SILENCE
