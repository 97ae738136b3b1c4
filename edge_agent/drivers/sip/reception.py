"""What is counted of a stream that comes in: losses and jitter (RFC 3550 §6.4.1, A.1, A.3, A.8). Pure."""

from __future__ import annotations

from typing import NamedTuple

from edge_agent.drivers.sip.rtp_packet import SEQUENCES, TIMESTAMPS
from telecore.audio.frames import RATE

MOST_AHEAD, MOST_BEHIND = 3000, 100
"""Further ahead or behind (A.1: MAX_DROPOUT, MAX_MISORDER), a number begins a new count if the next follows."""
_WINDOW = (1 << 128) - 1
_HALF = TIMESTAMPS // 2


class LossFigures(NamedTuple):
    """The numbers of a report block; ``fraction`` of 256, since the last report."""

    fraction: int
    lost: int
    highest: int
    jitter: int


class Reception:
    """One stream after the other: another SSRC, or a jump of the sequence, goes on with the sums."""

    def __init__(self) -> None:
        self.ssrc: int | None = None
        self.received = 0
        self.jitter = 0.0
        """In samples."""
        self._expected_before = 0
        self._first = self._highest = 0
        self._seen = 1
        self._candidate: tuple[int, int] | None = None
        self._transit: float | None = None
        self._reported = (0, 0)

    @property
    def expected(self) -> int:
        """How many packets there would be if none had been lost."""
        return self._expected_before + (self._highest - self._first + 1 if self.ssrc is not None else 0)

    @property
    def lost(self) -> int:
        """Never negative: what came twice is not counted."""
        return max(0, self.expected - self.received)

    def sound(self, ssrc: int, sequence: int, timestamp: int, now: float) -> bool:
        """Whether this packet of sound counts, which came at ``now``, in seconds."""
        if ssrc == self.ssrc and (sequence - self._highest) % SEQUENCES == 1:
            self._highest += 1
            self._seen = (self._seen << 1 | 1) & _WINDOW
            self._candidate = None
            self.received += 1
        elif not self.accept(ssrc, sequence):
            return False
        transit = now * RATE - timestamp
        if self._transit is not None:
            moved = abs((transit - self._transit + _HALF) % TIMESTAMPS - _HALF)
            if moved < RATE:  # else the far end's timestamps jumped
                self.jitter += (moved - self.jitter) / 16
        self._transit = transit
        return True

    def accept(self, ssrc: int, sequence: int) -> bool:
        """Whether this packet counts: no copy of one that did, and no stray."""
        ahead = (sequence - self._highest) % SEQUENCES
        if ssrc != self.ssrc or MOST_AHEAD < ahead < SEQUENCES - MOST_BEHIND:
            return self._begin(ssrc, sequence)
        if ahead <= MOST_AHEAD and ahead:
            self._highest += ahead
            self._seen = (self._seen << ahead | 1) & _WINDOW
            self._candidate = None
        else:
            behind = 1 << (-ahead % SEQUENCES)
            if self._seen & behind:
                return False
            self._seen |= behind
        self.received += 1
        return True

    def figures(self) -> LossFigures:
        """For a report, which is sent now."""
        expected, received = self.expected, self.received
        due, came = expected - self._reported[0], received - self._reported[1]
        self._reported = expected, received
        fraction = min(255, max(0, due - came) * 256 // due) if due > 0 else 0
        return LossFigures(fraction, min(self.lost, 0x7FFFFF), self._highest % TIMESTAMPS, int(self.jitter))

    def _begin(self, ssrc: int, sequence: int) -> bool:
        """The first packet ever counts at once; later, a new count needs two in a row, and none of the old between."""
        if self.ssrc is not None and self._candidate != (ssrc, sequence):
            self._candidate = ssrc, (sequence + 1) % SEQUENCES
            return False
        self._expected_before = self.expected
        self.ssrc, self._first, self._highest, self._seen = ssrc, sequence, sequence, 1
        self._candidate = self._transit = None
        self.received += 1
        return True
