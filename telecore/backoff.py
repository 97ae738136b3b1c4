"""How long to wait before trying again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """Seconds: the longest first delay, by how much each failure lengthens it, and the longest of all."""

    first: float
    factor: float
    cap: float

    def __post_init__(self) -> None:
        if not (0 < self.first <= self.cap and self.factor >= 1 and math.isfinite(self.cap)):
            raise ValueError(f"{self} must have 0 < first <= cap and factor >= 1")


def ceiling(policy: Policy, failures: int) -> float:
    """The longest delay after so many failures in a row, the first failure being 1."""
    if failures <= 1 or policy.factor == 1:
        return policy.first
    if failures - 1 >= math.log(policy.cap / policy.first) / math.log(policy.factor):
        return policy.cap
    return min(policy.cap, policy.first * math.pow(policy.factor, failures - 1))


def next_delay(policy: Policy, failures: int, random: Callable[[], float]) -> float:
    """Full jitter: anything from nothing to the ceiling, so that a crowd that fell together does not return together.

    ``random`` gives values from 0 up to 1, as ``random.random`` does.
    """
    return random() * ceiling(policy, failures)
