"""Keys pressed on a leg: two witnesses, each key counted once."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from telecore.audio.dtmf import DtmfDetector

SAME_KEY_FRAMES = 25
"""Two reports of one key from different witnesses lie closer together than this (half a second)."""
LINGER_FRAMES = 150
"""A key that ended one <Gather> may still be down when the next begins: the detector listens on for 3 s."""


class Witness(StrEnum):
    MODEM = "modem"
    SOUND = "sound"


class KeyCount:
    """Pairs the reports of two witnesses: a report that the other one made already is dropped, once per report."""

    def __init__(self) -> None:
        self._unpaired: dict[Witness, deque[tuple[str, int]]] = {witness: deque() for witness in Witness}

    def is_new(self, witness: Witness, key: str, frame: int) -> bool:
        """Whether this key has not been counted yet. ``frame``: the time, in frames."""
        for reports in self._unpaired.values():
            while reports and reports[0][1] < frame - SAME_KEY_FRAMES:
                reports.popleft()
        other = self._unpaired[Witness.SOUND if witness is Witness.MODEM else Witness.MODEM]
        for report in other:
            if report[0] == key:
                other.remove(report)
                return False
        self._unpaired[witness].append((key, frame))
        return True


class KeyEar:
    """Finds keys in the sound of a leg, and looks for them only while somebody wants them and shortly after."""

    __slots__ = ("_detector", "_until")

    def __init__(self) -> None:
        self._detector: DtmfDetector | None = None
        self._until = 0

    @property
    def listens(self) -> bool:
        """Whether frames are still looked into though nobody wants keys any more."""
        return self._detector is not None

    def feed(self, frame: bytes, now: int, *, wanted: bool) -> str:
        """The keys recognised by this frame; ``now`` counts frames."""
        if wanted:
            self._until = now + LINGER_FRAMES
            self._detector = self._detector or DtmfDetector()
        elif self._detector is not None and now > self._until:
            self._detector = None
        return "" if self._detector is None else self._detector.feed(frame)
