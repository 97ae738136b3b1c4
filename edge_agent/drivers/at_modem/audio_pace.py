"""Keeping step with a modem's clock, which is not ours: a hundredth of a percent is a frame in three minutes."""

from __future__ import annotations

from collections import deque

from telecore.audio.elastic import REVIEW, Slack, quiet
from telecore.audio.frames import FRAME_BYTES

QUEUED_FRAMES = 6
"""120 ms: what may wait for a modem whose clock runs slower than ours; then the oldest is dropped."""
PRIMED_FRAMES = 2
"""40 ms: what must wait before a read-paced modem is given sound, so that its clock and ours may jitter unheard."""
_SILENCE = bytes(FRAME_BYTES)


class PacedQueue:
    """Frames on their way to a modem that takes one for each it gives (Huawei)."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._slack = Slack()
        self._taken = False
        self._flowing = False
        self._waited = 0

    def put(self, frame: bytes) -> int:
        """Append; the number of frames that had to go for it."""
        self._frames.append(frame)
        # Until the modem reads, only the newest count: what piled up before would delay the whole call.
        if len(self._frames) <= (QUEUED_FRAMES if self._taken else PRIMED_FRAMES):
            return 0
        self._frames.popleft()
        return int(self._taken)

    def take(self) -> bytes:
        """The next frame, or silence: when there is none, and until enough wait to go on without a gap."""
        self._taken = True
        frames = self._frames
        if not frames:
            self._flowing, self._waited = False, 0
            return _SILENCE
        if not self._flowing and len(frames) < PRIMED_FRAMES and self._waited < PRIMED_FRAMES:
            self._waited += 1
            return _SILENCE
        self._flowing = True
        if len(frames) > 1 and self._slack.may_lose(frames[0]):
            frames.popleft()
        elif self._slack.may_gain(frames[0]):
            return _SILENCE
        self._slack.took(len(frames) - 1)
        return frames.popleft()


class Balance:
    """For a line that takes sound without saying how fast: it gives and takes by one clock.

    So what it has given tells what it has taken, and ``put`` leaves out or adds a silent frame when the difference
    has grown by more than one since the call began.
    """

    def __init__(self) -> None:
        self._ahead = 0
        self._begun: float | None = None
        self._least = self._most = 0
        self._puts = self._gets = 0
        self._wish = 0

    def got(self) -> None:
        """The line gave a frame."""
        self._ahead -= 1
        self._gets += 1
        self._least = min(self._least, self._ahead)

    def put(self, frame: bytes) -> int:
        """How often the line should be given this frame's 20 ms: once, not at all, or twice."""
        count = 1
        if self._wish and quiet(frame):
            count += self._wish
            self._wish = 0
        self._ahead += count
        self._puts += 1
        self._most = max(self._most, self._ahead)
        if self._puts == REVIEW:
            self._review()
        return count

    def _review(self) -> None:
        middle = (self._least + self._most) / 2
        if self._gets < self._puts / 2:
            self._begun, self._wish = None, 0  # it gives nothing that could be counted
        elif self._begun is None:
            self._begun = middle
        else:
            drift = middle - self._begun
            self._wish = -1 if drift > 1 else 1 if drift < -1 else 0
        self._least = self._most = self._ahead
        self._puts = self._gets = 0
