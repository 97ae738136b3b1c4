"""What is usual at an operator, and whether the operator itself is down. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields

from edge_agent.sims.thresholds import Thresholds
from edge_agent.sims.windows import Rates

LEAST_SIBLINGS = 2
SLOW = 0.05
"""How fast a SIM's own long-term rates follow what it does now."""


def usual(siblings: Sequence[Rates], own: Rates) -> Rates:
    """The median of the siblings where enough of them know; else what this SIM itself used to do."""
    values = {}
    for entry in fields(Rates):
        known = [value for rates in siblings if (value := getattr(rates, entry.name)) is not None]
        values[entry.name] = _median(known) if len(known) >= LEAST_SIBLINGS else getattr(own, entry.name)
    return Rates(**values)


def drift(own: Rates, now: Rates) -> Rates:
    """The long-term rates after one more look."""
    return Rates(**{entry.name: _mixed(getattr(own, entry.name), getattr(now, entry.name)) for entry in fields(Rates)})


def outage(affected: int, sims: int, numbers: Thresholds) -> bool:
    """So many SIMs of one operator went wrong together that it is the operator."""
    if sims < numbers.outage_least_sims:
        return False
    return affected >= max(2, math.ceil(numbers.outage_share * sims))


def _mixed(old: float | None, new: float | None) -> float | None:
    if old is None or new is None:
        return old if new is None else new
    return old + SLOW * (new - old)


def _median(values: Sequence[float]) -> float:
    """Without ``statistics``, which brings fractions and more into memory."""
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
