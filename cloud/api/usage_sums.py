"""Days that were counted → rows by category and period. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from cloud.api.usage_forms import UsageWanted
from cloud.store.usage import Counted

PERIODS = {
    "all_time": "AllTime",
    "daily": "Daily",
    "last_month": "LastMonth",
    "monthly": "Monthly",
    "this_month": "ThisMonth",
    "today": "Today",
    "yearly": "Yearly",
    "yesterday": "Yesterday",
}
"""Twilio's names of the lists below Usage/Records → their paths."""


@dataclass(frozen=True, slots=True)
class Category:
    """``of``: calls, messages, recordings, or nothing. ``way``: inbound, outbound, or both where it is empty."""

    name: str
    description: str
    of: str
    way: str
    count_unit: str
    usage_unit: str


CATEGORIES = (
    Category("calls", "Voice Minutes", "calls", "", "calls", "minutes"),
    Category("calls-inbound", "Inbound Voice Minutes", "calls", "inbound", "calls", "minutes"),
    Category("calls-outbound", "Outbound Voice Minutes", "calls", "outbound", "calls", "minutes"),
    Category("recordings", "Recordings", "recordings", "", "recordings", "minutes"),
    Category("sms", "SMS", "messages", "", "messages", "segments"),
    Category("sms-inbound", "Inbound SMS", "messages", "inbound", "messages", "segments"),
    Category("sms-outbound", "Outbound SMS", "messages", "outbound", "messages", "segments"),
    Category("totalprice", "Total Price", "", "", "", "usd"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """Days from ``first`` to ``last``, both counted."""

    category: Category
    first: date
    last: date
    count: int
    usage: int


def rows_of(
    wanted: UsageWanted, period: str, *, calls: list[Counted], messages: list[Counted], recordings: list[Counted]
) -> list[Row]:
    """The newest period first; of several, only those in which there was anything."""
    sources = {"calls": calls, "messages": messages, "recordings": recordings, "": []}
    categories = [one for one in CATEGORIES if wanted.category in ("", one.name)]
    cut = _CUTS.get(period)
    if cut is None:
        return [_row(one, wanted.first, wanted.last, sources[one.of]) for one in categories]
    spans = {cut(found.day) for days in sources.values() for found in days}
    return [
        _row(one, max(first, wanted.first), min(last, wanted.last), sources[one.of])
        for first, last in sorted(spans, reverse=True)
        for one in categories
    ]


def _row(category: Category, first: date, last: date, days: Iterable[Counted]) -> Row:
    within = [one for one in days if first <= one.day <= last and _fits(category, one)]
    return Row(category, first, last, sum(one.count for one in within), sum(one.usage for one in within))


def _fits(category: Category, counted: Counted) -> bool:
    return not category.way or (category.way == "inbound") is counted.inbound


def _month(day: date) -> tuple[date, date]:
    return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _year(day: date) -> tuple[date, date]:
    return day.replace(month=1, day=1), day.replace(month=12, day=31)


_CUTS: dict[str, Callable[[date], tuple[date, date]]] = {
    "daily": lambda day: (day, day),
    "monthly": _month,
    "yearly": _year,
}
