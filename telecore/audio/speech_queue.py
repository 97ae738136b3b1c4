"""What an application says into a call, faster than real time or not: given out at real-time pace, with marks in it."""

from __future__ import annotations

from collections import deque

from telecore.audio.frames import FRAME_SAMPLES

LEAD = 3
"""Frames that may be ahead of what is heard: what keeps sound whole on a line that is unsteady by 40 ms."""
_QUIET = b"\xff"


class SpeechQueue:
    """µ-law in pieces of any size in, frames out. ``most`` bytes may wait, and ``most_marks`` marks.

    Whoever owns it calls ``tick`` every 20 ms and sends what ``take`` gives then, and after each ``add``.
    """

    def __init__(self, most: int, most_marks: int) -> None:
        self._most = most
        self._most_marks = most_marks
        self._waiting = bytearray()
        self._added = 0
        self._taken = 0
        self._ahead = 0
        self._held = False
        self._marks: deque[tuple[int, str]] = deque()
        self._now = 0
        self._due: deque[tuple[int, str]] = deque()

    def add(self, sound: bytes) -> bool:
        """Put this after what waits. False: there was no room for all of it, and the rest is lost."""
        room = self._most - len(self._waiting)
        self._waiting += sound[:room]
        self._added += min(len(sound), room)
        return len(sound) <= room

    def mark(self, name: str) -> bool:
        """To be told by ``tick`` when all before it was heard. False: too many wait, and this one is lost."""
        if len(self._marks) + len(self._due) >= self._most_marks:
            return False
        if self._waiting:
            self._marks.append((self._added, name))
        else:
            self._due.append((self._now + self._ahead, name))
        return True

    def clear(self) -> list[str]:
        """Forget everything; the marks that waited, in order."""
        names = [name for _, name in (*self._due, *self._marks)]
        self._waiting.clear()
        self._marks.clear()
        self._due.clear()
        self._taken = self._added
        self._ahead = 0
        return names

    def tick(self) -> None:
        """20 ms have passed."""
        self._now += 1
        self._ahead = max(0, self._ahead - 1)
        # Less than a frame waits one tick for the rest of it, then silence fills it up.
        if 0 < len(self._waiting) < FRAME_SAMPLES:
            if self._held:
                self._waiting += _QUIET * (FRAME_SAMPLES - len(self._waiting))
                self._added = self._taken + FRAME_SAMPLES
            self._held = not self._held
        else:
            self._held = False

    def take(self) -> list[bytes]:
        """The frames that are to be sent now."""
        frames: list[bytes] = []
        while self._ahead < LEAD and len(self._waiting) >= FRAME_SAMPLES:
            frames.append(bytes(self._waiting[:FRAME_SAMPLES]))
            del self._waiting[:FRAME_SAMPLES]
            self._taken += FRAME_SAMPLES
            self._ahead += 1
        while self._marks and self._marks[0][0] <= self._taken:
            self._due.append((self._now + self._ahead, self._marks.popleft()[1]))
        return frames

    def heard(self) -> list[str]:
        """The marks whose time has come, in order."""
        names: list[str] = []
        while self._due and self._due[0][0] <= self._now:
            names.append(self._due.popleft()[1])
        return names
