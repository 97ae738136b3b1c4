"""From frames as they come to one frame per tick."""

from __future__ import annotations

from collections import deque

from edge_agent.media.source import SILENCE
from telecore.audio.elastic import Slack

MAX_FRAMES = 6
"""Beyond 120 ms the oldest goes: the sender's clock runs faster than ours, or the loop was held up."""


class JitterBuffer:
    """A frame that comes too late is heard as a frame of silence and then waits one tick longer, as do all after it.

    So the buffer grows as far as the line is unsteady. What it holds for nothing goes, and what it lacks comes, one
    frame at a time and only while the line is silent: a clock that is fast or slow is not heard.
    """

    def __init__(self, most: int = MAX_FRAMES) -> None:
        self._frames: deque[bytes] = deque(maxlen=most)
        self._slack = Slack()
        self._flows = False

    def push(self, frame: bytes) -> None:
        """One frame came."""
        self._frames.append(frame)
        self._flows = True

    def pull(self) -> bytes:
        """The frame that is due, or silence."""
        frames = self._frames
        if not frames:
            self._slack.took(-1 if self._flows else 1)  # a line that does not speak at all lacks nothing
            self._flows = False
            return SILENCE
        if len(frames) > 1 and self._slack.may_lose(frames[0]):
            frames.popleft()
        elif self._slack.may_gain(frames[0]):
            return SILENCE
        self._slack.took(len(frames) - 1)
        return frames.popleft()
