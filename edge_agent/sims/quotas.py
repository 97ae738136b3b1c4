"""What a SIM may still carry in this hour, day and month, and to one destination. Pure; the site's own calendar."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from edge_agent.config import Quotas
from edge_agent.contracts import Permit
from telecore.sim_health import Usage

HOUR_S = 3600
CODE = 30022
"""Twilio's "rate limit exceeded"."""


@dataclass(frozen=True, slots=True)
class Spent:
    """``sms`` segments, ``calls`` begun and their ``seconds``."""

    sms: float = 0.0
    calls: float = 0.0
    seconds: float = 0.0

    @property
    def minutes(self) -> float:
        return self.seconds / 60


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` until before ``end``, seconds since 1970."""

    start: float
    end: float


class Book:
    """What one SIM has carried, by the hour and by destination, as long as nobody says ``forget``."""

    def __init__(self) -> None:
        self._hours: defaultdict[int, defaultdict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        self._sums: dict[tuple[int, int, str | None], Spent] = {}

    def add(self, kind: str, hour: int, tail: str, amount: float) -> None:
        """``kind``: ``sms``, ``calls`` or ``seconds``; ``hour``: whole hours since 1970."""
        kinds = self._hours[hour][tail]
        kinds[kind] = kinds.get(kind, 0.0) + amount
        self._sums.clear()

    def forget(self, before: float) -> None:
        """What is older counts for nothing any more."""
        for hour in [hour for hour in self._hours if hour < int(before) // HOUR_S]:
            del self._hours[hour]

    def within(self, span: Span, tail: str | None = None) -> Spent:
        """Carried in this time, to one destination or to all.

        Both ends count: what a clock that ran wrong wrote into another year is no use of today.
        """
        key = (int(span.start) // HOUR_S, math.ceil(span.end / HOUR_S), tail)
        found = self._sums.get(key)
        if found is None:
            if len(self._sums) >= _SUMS:
                self._sums.clear()
            found = self._sums[key] = self._sum(*key)
        return found

    def _sum(self, first: int, end: int, tail: str | None) -> Spent:
        found = [
            kinds
            for hour, tails in self._hours.items()
            if first <= hour < end
            for name, kinds in tails.items()
            if tail is None or name == tail
        ]
        return Spent(*(sum(kinds.get(kind, 0.0) for kinds in found) for kind in ("sms", "calls", "seconds")))


_SUMS = 16
"""So many sums are kept until something is added: looking again costs nothing."""


@dataclass(frozen=True, slots=True)
class Periods:
    """This hour, day and month."""

    hour: Span
    day: Span
    month: Span


def periods(now: float) -> Periods:
    """By the local calendar: a day that changes its offset is shorter or longer, and ends at midnight all the same."""
    return _periods(int(now) // 60)


@lru_cache(maxsize=8)
def _periods(minute: int) -> Periods:
    """Asked for by every SIM at every look; hours, days and offsets begin with a minute."""
    now = minute * 60
    moment = datetime.fromtimestamp(now).astimezone()
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    month = day.replace(day=1)
    after = (month + timedelta(days=32)).replace(day=1)
    hour = now // HOUR_S * HOUR_S
    return Periods(
        Span(hour, hour + HOUR_S),
        Span(_stamp(day), _stamp(day + timedelta(days=1))),
        Span(_stamp(month), _stamp(after)),
    )


def _stamp(local: datetime) -> float:
    return local.astimezone().timestamp()


@dataclass(frozen=True, slots=True)
class _Limit:
    most: int | None
    used: float
    ends: float
    words: str


def sms_permit(quotas: Quotas, book: Book, tail: str, now: float) -> Permit:
    """Whether one more SMS may go out."""
    when = periods(now)
    hour = book.within(when.hour).sms
    there = book.within(when.day, tail).sms
    return _judge(
        (
            _Limit(quotas.sms_per_hour, hour, when.hour.end, "hourly limit of {} SMS"),
            *_sms_limits(quotas, book, when),
            _Limit(quotas.sms_per_destination_per_day, there, when.day.end, "daily limit of {} SMS to one number"),
        ),
        now,
    )


def call_permit(quotas: Quotas, book: Book, tail: str, now: float) -> Permit:
    """Whether one more call may begin. A call that has begun is never cut for a quota."""
    when = periods(now)
    hour = book.within(when.hour).minutes
    there = book.within(when.day, tail).calls
    return _judge(
        (
            _Limit(quotas.minutes_per_hour, hour, when.hour.end, "hourly limit of {} minutes"),
            *_call_limits(quotas, book, when),
            _Limit(quotas.calls_per_destination_per_day, there, when.day.end, "daily limit of {} calls to one number"),
        ),
        now,
    )


def _sms_limits(quotas: Quotas, book: Book, when: Periods) -> tuple[_Limit, ...]:
    return (
        _Limit(quotas.sms_per_month, book.within(when.month).sms, when.month.end, "monthly limit of {} SMS"),
        _Limit(quotas.sms_per_day, book.within(when.day).sms, when.day.end, "daily limit of {} SMS"),
    )


def _call_limits(quotas: Quotas, book: Book, when: Periods) -> tuple[_Limit, ...]:
    day, month = book.within(when.day).minutes, book.within(when.month).minutes
    return (
        _Limit(quotas.minutes_per_month, month, when.month.end, "monthly limit of {} minutes"),
        _Limit(quotas.minutes_per_day, day, when.day.end, "daily limit of {} minutes"),
    )


def reached(quotas: Quotas, book: Book, now: float) -> str:
    """The limit of a day or a month that is used up, in words; the SIM then carries nothing more of its kind."""
    when = periods(now)
    limits = (*_sms_limits(quotas, book, when), *_call_limits(quotas, book, when))
    return next((_words(limit) for limit in _full(limits)), "")


def usage(book: Book, now: float, limit: str = "") -> Usage:
    """For whoever looks."""
    when = periods(now)
    hour, day, month = (book.within(span) for span in (when.hour, when.day, when.month))
    return Usage(
        int(hour.sms), int(day.sms), int(month.sms),
        round(hour.minutes, 1), round(day.minutes, 1), round(month.minutes, 1), limit,
    )  # fmt: skip


def _judge(limits: Iterable[_Limit], now: float) -> Permit:
    """The limit that lasts longest counts."""
    worst = max(_full(limits), key=lambda limit: limit.ends, default=None)
    if worst is None:
        return Permit()
    return Permit(_words(worst), max(1.0, worst.ends - now), CODE)


def _full(limits: Iterable[_Limit]) -> Iterator[_Limit]:
    return (limit for limit in limits if limit.most is not None and limit.used >= limit.most)


def _words(limit: _Limit) -> str:
    again = datetime.fromtimestamp(limit.ends).strftime("%Y-%m-%d %H:%M")
    return f"{limit.words.format(limit.most)} of this SIM reached; next at {again}"
