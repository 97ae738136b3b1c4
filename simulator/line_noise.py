"""What a bad line does to a byte stream, as TCP shows it: loss becomes waiting, noise becomes wrong bytes. Pure."""

from __future__ import annotations

import math
from random import Random

SEGMENT = 1448
"""Bytes of data in a full TCP segment on Ethernet, with timestamps."""
LEAST_RTO_S = 0.2  # Linux's TCP_RTO_MIN; RFC 6298 would have it a second
MOST_RTO_S = 60.0  # RFC 6298 (2.5)
FAST_AFTER = 3
"""Segments behind the lost one that make the receiver ask for it at once (RFC 5681 §3.2)."""


class Loss:
    """How long a receiver waits for segments that were lost, in one direction.

    A lost segment with three behind it is sent again after a round trip. One with fewer behind it, or one that is lost
    again, waits for the retransmission timer, which doubles each time. All that follows waits as well.
    """

    def __init__(self, random: Random) -> None:
        self._random = random

    def delay_s(self, octets: int, percent: float, rtt_s: float) -> float:
        """Seconds by which a write of so many bytes is late."""
        segments = max(1, math.ceil(octets / SEGMENT))
        behind = range(segments - 1, -1, -1)
        return sum(self._again_s(left, percent, rtt_s) for left in behind if self._lost(percent))

    def _again_s(self, behind: int, percent: float, rtt_s: float) -> float:
        rto = max(LEAST_RTO_S, rtt_s * 1.5) + rtt_s
        waited = rtt_s if behind >= FAST_AFTER else rto
        while self._lost(percent):
            waited += rto
            rto = min(MOST_RTO_S, rto * 2)
        return waited

    def _lost(self, percent: float) -> bool:
        return self._random.random() * 100 < percent


class Corruption:
    """Turns one bit round now and then, in one direction."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._left: int | None = None

    def spoil(self, data: bytes, every_bytes: float) -> bytes:
        """The bytes with, on average, one bit wrong in so many of them."""
        spoilt = bytearray(data)
        at = self._next(every_bytes) if self._left is None else self._left
        while at < len(spoilt):
            spoilt[at] ^= 1 << self._random.randrange(8)
            at += self._next(every_bytes)
        self._left = at - len(spoilt)
        return bytes(spoilt)

    def _next(self, every_bytes: float) -> int:
        return 1 + int(self._random.expovariate(1 / every_bytes))
