"""Which test is next, where several run at a time, and how long all of them may still take. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence


def choose(
    waiting: Sequence[str], running: Collection[str], jobs: int, alone: Collection[str], expected: Mapping[str, float]
) -> str | None:
    """The next one, or None: it must wait for one that runs.

    One at a time they keep their order. Several at a time the longest go first, of which those of unknown length are
    taken to be; those that must be alone go last.
    """
    if not waiting or len(running) >= jobs or any(test in alone for test in running):
        return None
    if jobs == 1:
        return waiting[0]
    beside = [test for test in waiting if test not in alone]
    if beside:
        return max(beside, key=lambda test: expected.get(test, float("inf")))
    return None if running else waiting[0]


def rest_s(running_left: Sequence[float], beside: Sequence[float], alone: Sequence[float], jobs: int) -> float:
    """How long it takes from now, when each takes as long as is said, in the order that ``choose`` takes them."""
    ends = [*running_left]
    heapq.heapify(ends)
    for length in sorted(beside, reverse=True):
        begins = heapq.heappop(ends) if len(ends) >= jobs else 0.0
        heapq.heappush(ends, begins + length)
    return max(ends, default=0.0) + sum(alone)
