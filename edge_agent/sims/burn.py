"""How fast an account is used up. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

DAY_S = 86400.0
LEAST_SPAN_S = DAY_S
"""Less than a day of observation says nothing: nobody calls at night."""
KEPT_S = 30 * DAY_S
KEPT = 240


@dataclass(frozen=True, slots=True)
class Point:
    """An amount that was read; ``at`` in seconds since 1970."""

    at: float
    amount: Decimal


def keep(points: Sequence[Point], new: Point) -> tuple[Point, ...]:
    """The history with one more; bounded, and without what lies after it (a clock set back)."""
    since = new.at - KEPT_S
    return (*(point for point in points if since <= point.at < new.at), new)[-KEPT:]


def burn_per_day(points: Sequence[Point]) -> Decimal | None:
    """What is spent in a day. Spans in which the amount rose, by a top-up, are left out, with their time. None: too
    little was seen."""
    spent, seen = Decimal(0), 0.0
    for before, after in zip(points, points[1:], strict=False):
        if after.amount <= before.amount:
            spent += before.amount - after.amount
            seen += after.at - before.at
    if seen < LEAST_SPAN_S:
        return None
    return (spent / Decimal(seen / DAY_S)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def days_left(amount: Decimal, per_day: Decimal | None) -> float | None:
    """How long it lasts at that rate. None: not known, or nothing is being spent."""
    if per_day is None or per_day <= 0:
        return None
    return round(float(max(Decimal(0), amount) / per_day), 1)
