"""How much of a month's data is used up, and what follows from it. Pure.

| used, of the budget | in step with the month | ahead of it |
|---|---|---|
| below 50 % | full | full |
| from 50 % | full | less |
| from 80 % | less | essential |
| from 95 % | essential | essential |

*Ahead*: more of the budget is gone than of the month. SMS, calls and what is needed to carry them are never held back.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from edge_agent.config.cloud import BudgetConfig, hours_of
from telecore.notices import Detail

_STEPS: tuple[tuple[float, Detail, Detail], ...] = (
    (0.95, Detail.ESSENTIAL, Detail.ESSENTIAL),
    (0.80, Detail.LESS, Detail.ESSENTIAL),
    (0.50, Detail.FULL, Detail.LESS),
    (0.0, Detail.FULL, Detail.FULL),
)
"""From this share on: in step with the month, ahead of it."""
MEGABYTE = 1_000_000
_BUILT = date(2024, 1, 1)
"""A clock that says it is earlier was never set."""
_MOST_AHEAD = timedelta(days=40)

HEARTBEAT_S: Mapping[Detail, float] = {Detail.FULL: 10.0, Detail.LESS: 60.0, Detail.ESSENTIAL: 300.0}
"""How often the edge tells how it stands when nothing important has changed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``share``: of the budget, None without one. ``bulk``: whether recordings may go up now; else ``waits`` says why
    not."""

    detail: Detail = Detail.FULL
    share: float | None = None
    waits: str = ""

    @property
    def bulk(self) -> bool:
        return not self.waits


def judge(config: BudgetConfig, budget_mb: float | None, used: int, now: datetime) -> Verdict:
    """``used`` in bytes, since the month began; ``now`` by this machine's clock and zone."""
    share = None if budget_mb is None else used / (budget_mb * MEGABYTE)
    return Verdict(detail_of(share or 0.0, elapsed(config, now)), share, _waits(config, share, now))


def detail_of(share: float, elapsed: float) -> Detail:
    """Both are parts of one: of the budget, of the month."""
    in_step, ahead = next((in_step, ahead) for least, in_step, ahead in _STEPS if share >= least)
    return ahead if share > elapsed else in_step


def _waits(config: BudgetConfig, share: float | None, now: datetime) -> str:
    hours = hours_of(config.cheap_hours) if config.cheap_hours else None
    if hours is not None:
        return "" if _within(hours, now.hour * 60 + now.minute) else f"for the cheap hours, {config.cheap_hours}"
    if share is not None and share >= 1.0:
        return "for the next month: this one's data is used up"
    return ""


def release_waits(config: BudgetConfig, used: int, needs: int, now: datetime) -> str:
    """Why a release of which ``needs`` bytes are yet to come is not fetched now; empty: it is.

    It waits for cheap hours where there are any, else for a month of whose budget so much is left.
    """
    if config.cheap_hours or config.monthly_mb is None:
        return _waits(config, None, now)
    left = max(0, round(config.monthly_mb * MEGABYTE) - used)
    if needs <= left:
        return ""
    return f"for data: {needs / MEGABYTE:.1f} MB are to come, {left / MEGABYTE:.1f} MB of this month's are left"


def _within(hours: tuple[int, int], minute: int) -> bool:
    begin, end = hours
    return begin <= minute < end if begin < end else minute >= begin or minute < end


def month_of(config: BudgetConfig, day: date) -> date:
    """When the month that this day belongs to began."""
    begun = day.replace(day=config.month_begins)
    if begun <= day:
        return begun
    return (begun.replace(day=1) - timedelta(days=1)).replace(day=config.month_begins)


def month_after(config: BudgetConfig, kept: date | None, day: date) -> date:
    """The month to count for, when ``kept`` is the one counted for so far.

    A clock that was never set, or was set back, begins no new one; one that had been far ahead does not keep us there.
    """
    now = month_of(config, day)
    if kept is None or now > kept:
        return now
    return now if day >= _BUILT and kept - day > _MOST_AHEAD else kept


def elapsed(config: BudgetConfig, now: datetime) -> float:
    """How much of the month is over, as a part of one."""
    begun = month_of(config, now.date())
    days = calendar.monthrange(begun.year, begun.month)[1]
    since = now.replace(tzinfo=None) - datetime(begun.year, begun.month, begun.day)
    return min(1.0, max(0.0, since / timedelta(days=days)))
