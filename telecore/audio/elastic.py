"""Two clocks that are not quite equal: when a queue of frames should lose or gain one, so that nobody hears it."""

from __future__ import annotations

from telecore.audio.mixing import rms

REVIEW = 250
"""Frames after which it is looked at what was never needed: 5 s."""
LEAST, MOST = 1, 2
"""What should always be left over: less, and the next late frame is heard as a gap; more, and it is only delay."""
QUIET = 90.0
"""About -48 dBm0: a frame below it can go, or be doubled, unheard."""


def quiet(frame: bytes) -> bool:
    """Whether it is a place to lose or gain a frame."""
    return rms(frame) < QUIET


class Slack:
    """Watches what is left in a queue after each take. ``wish``: -1 lose a frame, +1 gain one, 0 neither."""

    def __init__(self) -> None:
        self.wish = 0
        self._low: int | None = None
        self._takes = 0

    def took(self, left: int) -> None:
        """A frame was taken, and so many are left; negative: there was none."""
        self._low = left if self._low is None else min(self._low, left)
        self._takes += 1
        if self._takes == REVIEW:
            self.wish = 1 if self._low < LEAST else -1 if self._low > MOST else 0
            self._low, self._takes = None, 0

    def may_lose(self, frame: bytes) -> bool:
        """Whether this frame should go; then it is done."""
        return self._granted(-1, frame)

    def may_gain(self, frame: bytes) -> bool:
        """Whether silence should be put before this frame; then it is done."""
        return self._granted(1, frame)

    def _granted(self, wish: int, frame: bytes) -> bool:
        if self.wish != wish or not quiet(frame):
            return False
        self.wish, self._low, self._takes = 0, None, 0
        return True
