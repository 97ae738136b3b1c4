"""What may be asked of usage: categories, and days in words or numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from cloud.api.forms import Form
from telecore.errors import InvalidRequest

_OFFSET = re.compile(r"([+-])(\d{1,5})days?")
FIRST = date(2010, 4, 1)
"""Before this there was no such API, so that all time begins here."""
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class UsageWanted:
    """Days from ``first`` to ``last``, both counted. ``category`` empty: all."""

    category: str
    first: date
    last: date
    subaccounts: bool

    @property
    def since(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def before(self) -> datetime:
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)


def read_usage(form: Form, period: str, today: date) -> UsageWanted:
    """The span that the path names, or the parameters. Raises InvalidRequest."""
    first, last = spans(today).get(period, (FIRST, today))
    if period in ("", "daily", "monthly", "yearly", "all_time"):
        first, last = _day(form, "StartDate", first, today), _day(form, "EndDate", last, today)
    else:  # read all the same: what is no date is told
        _day(form, "StartDate", first, today)
        _day(form, "EndDate", last, today)
    if first > last:
        raise InvalidRequest("'StartDate' is after 'EndDate'", field="StartDate")
    category = form.text("Category")
    if len(category) > _LONGEST:
        raise InvalidRequest(f"'Category' may have up to {_LONGEST} characters", field="Category")
    return UsageWanted(category, first, last, form.boolean("IncludeSubaccounts", default=True))


def spans(today: date) -> dict[str, tuple[date, date]]:
    """The days that these words mean."""
    yesterday, month = today - timedelta(days=1), today.replace(day=1)
    before = month - timedelta(days=1)
    return {
        "today": (today, today),
        "yesterday": (yesterday, yesterday),
        "this_month": (month, today),
        "last_month": (before.replace(day=1), before),
    }


def _day(form: Form, name: str, default: date, today: date) -> date:
    """``2026-05-01``, or ``-30days`` from today. Raises InvalidRequest."""
    text = form.text(name)
    if not text:
        return default
    offset = _OFFSET.fullmatch(text.replace(" ", "+", 1) if text.startswith(" ") else text)
    try:
        found = today + timedelta(days=int(offset[1] + offset[2])) if offset else date.fromisoformat(text)
        found + timedelta(days=1)  # the day must have an end
    except (ValueError, OverflowError) as error:
        message = f"'{name}' must be YYYY-MM-DD, or an offset such as -30days"
        raise InvalidRequest(message, field=name) from error
    return max(found, FIRST)
