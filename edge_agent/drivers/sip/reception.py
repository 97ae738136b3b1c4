"""What is counted of a stream that comes in: losses and jitter (RFC 3550 §6.4.1, A.1, A.3, A.8). Pure."""

from __future__ import annotations

from typing import NamedTuple

from edge_agent.drivers.sip.rtp_packet import SEQUENCES, TIMESTAMPS
from telecore.audio.frames import RATE

MOST_AHEAD, MOST_BEHIND = 3000, 100
"""Further ahead or behind (A.1: MAX_DROPOUT, MAX_MISORDER), a number begins a new count if the next follows."""
_WINDOW_BITS = 128
_WINDOW = (1 << _WINDOW_BITS) - 1
_HALF = TIMESTAMPS // 2


class LossFigures(NamedTuple):
    """The numbers of a report block; ``fraction`` of 256, since the last report."""

    fraction: int
    lost: int
    highest: int
    jitter: int


class Reception:
    """One stream after the other: another SSRC, or a jump of the sequence, goes on with the sums."""

    __slots__ = (
        "_arrived",
        "_candidate",
        "_expected_before",
        "_first",
        "_highest",
        "_missing",
        "_reported",
        "_seen",
        "_seen_at",
        "_stamp",
        "jitter",
        "ssrc",
    )

    def __init__(self) -> None:
        self.ssrc: int | None = None
        self.jitter = 0.0
        """In samples."""
        self._expected_before = 0
        self._first = self._highest = self._missing = 0
        self._seen, self._seen_at = 1, 0
        self._candidate: tuple[int, int] | None = None
        self._arrived: float | None = None
        self._stamp = 0
        self._reported = (0, 0)

    @property
    def expected(self) -> int:
        """How many packets there would be if none had been lost."""
        return self._expected_before + (self._highest - self._first + 1 if self.ssrc is not None else 0)

    @property
    def received(self) -> int:
        """How many packets counted."""
        return self.expected - self._missing

    @property
    def lost(self) -> int:
        """Never negative: what came twice is not counted."""
        return max(0, self._missing)

    def sound(self, ssrc: int, sequence: int, timestamp: int, now: float) -> bool:
        """Whether this packet of sound counts, which came at ``now``, in seconds."""
        if ssrc == self.ssrc and (sequence - self._highest) % SEQUENCES == 1:
            self._highest += 1
            self._candidate = None
        elif not self.accept(ssrc, sequence):
            return False
        before = self._arrived
        if before is None:
            self._arrived, self._stamp = now, timestamp
            return True
        moved = (now - before) * RATE - (timestamp - self._stamp)
        self._arrived, self._stamp = now, timestamp
        if not -RATE < moved < RATE:
            moved = (moved + _HALF) % TIMESTAMPS - _HALF
            if not -RATE < moved < RATE:  # the far end's timestamps jumped
                return True
        jitter = self.jitter
        self.jitter = jitter + ((moved if moved > 0 else -moved) - jitter) / 16
        return True

    def accept(self, ssrc: int, sequence: int) -> bool:
        """Whether this packet counts: no copy of one that did, and no stray."""
        ahead = (sequence - self._highest) % SEQUENCES
        if ssrc != self.ssrc or MOST_AHEAD < ahead < SEQUENCES - MOST_BEHIND:
            return self._begin(ssrc, sequence)
        self._remember()
        if ahead <= MOST_AHEAD and ahead:
            self._highest += ahead
            self._missing += ahead - 1
            self._seen, self._seen_at = (self._seen << ahead | 1) & _WINDOW, self._highest
            self._candidate = None
        else:
            behind = 1 << (-ahead % SEQUENCES)
            if self._seen & behind:
                return False
            self._seen |= behind
            self._missing -= 1
        return True

    def figures(self) -> LossFigures:
        """For a report, which is sent now."""
        expected, received = self.expected, self.received
        due, came = expected - self._reported[0], received - self._reported[1]
        self._reported = expected, received
        fraction = min(255, max(0, due - came) * 256 // due) if due > 0 else 0
        return LossFigures(fraction, min(self.lost, 0x7FFFFF), self._highest % TIMESTAMPS, int(self.jitter))

    def _remember(self) -> None:
        """What came in order meanwhile goes into the window."""
        if fresh := self._highest - self._seen_at:
            fresh = min(fresh, _WINDOW_BITS)
            self._seen = (self._seen << fresh | (1 << fresh) - 1) & _WINDOW
            self._seen_at = self._highest

    def _begin(self, ssrc: int, sequence: int) -> bool:
        """The first packet ever counts at once; later, a new count needs two in a row, and none of the old between."""
        if self.ssrc is not None and self._candidate != (ssrc, sequence):
            self._candidate = ssrc, (sequence + 1) % SEQUENCES
            return False
        self._expected_before = self.expected
        self.ssrc, self._first, self._highest = ssrc, sequence, sequence
        self._seen, self._seen_at = 1, sequence
        self._candidate = self._arrived = None
        return True
