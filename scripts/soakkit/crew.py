"""Which test is next, where several run at a time, and how long all of them may still take. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

UNKNOWN_S = 600.0
"""A test of unknown length is taken for a long one when it is asked which is next."""


@dataclass(frozen=True, slots=True)
class Took:
    """How long a test took: seconds as time goes by, and of the processors."""

    seconds: float
    cpu_s: float = 0.0


def choose(
    waiting: Sequence[str], running: Collection[str], jobs: int, alone: Collection[str], expected: Mapping[str, Took]
) -> str | None:
    """The next one, or None: it must wait for one that runs.

    One at a time they keep their order. Several at a time the longest go first; those that must be alone go last.
    """
    if not waiting or len(running) >= jobs or any(test in alone for test in running):
        return None
    if jobs == 1:
        return waiting[0]
    beside = [test for test in waiting if test not in alone]
    if beside:
        return max(beside, key=lambda test: expected[test].seconds if test in expected else UNKNOWN_S)
    return None if running else waiting[0]


def rest_s(running_left: Sequence[Took], beside: Sequence[Took], alone: Sequence[Took], jobs: int, cpus: int) -> float:
    """How long it takes from now, when each takes as long as is said, in the order that ``choose`` takes them; no
    less than what the processors have to do."""
    ends = [one.seconds for one in running_left]
    heapq.heapify(ends)
    for length in sorted((one.seconds for one in beside), reverse=True):
        begins = heapq.heappop(ends) if len(ends) >= jobs else 0.0
        heapq.heappush(ends, begins + length)
    work = sum(one.cpu_s for one in (*running_left, *beside)) / cpus
    return max(work, *ends, 0.0) + sum(one.seconds for one in alone)
