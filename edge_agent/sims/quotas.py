"""What a SIM may still carry in this hour, day and month, and to one destination. Pure; the site's own calendar."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

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


class Book:
    """What one SIM has carried, by the hour and by destination; this month is kept."""

    def __init__(self) -> None:
        self._hours: defaultdict[int, defaultdict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))

    def add(self, kind: str, hour: int, tail: str, amount: float) -> None:
        """``kind``: ``sms``, ``calls`` or ``seconds``; ``hour``: whole hours since 1970."""
        kinds = self._hours[hour][tail]
        kinds[kind] = kinds.get(kind, 0.0) + amount

    def forget(self, before: float) -> None:
        for hour in [hour for hour in self._hours if hour < int(before) // HOUR_S]:
            del self._hours[hour]

    def since(self, at: float, tail: str | None = None) -> Spent:
        """Carried since then, to one destination or to all."""
        found = [
            kinds
            for hour, tails in self._hours.items()
            if hour >= int(at) // HOUR_S
            for name, kinds in tails.items()
            if tail is None or name == tail
        ]
        return Spent(*(sum(kinds.get(kind, 0.0) for kinds in found) for kind in ("sms", "calls", "seconds")))


@dataclass(frozen=True, slots=True)
class Periods:
    """When this hour, day and month began, and when each ends; seconds since 1970."""

    hour: float
    day: float
    month: float
    next_hour: float
    next_day: float
    next_month: float


def periods(now: float) -> Periods:
    """By the local calendar: a day that changes its offset is shorter or longer, and ends at midnight all the same."""
    moment = datetime.fromtimestamp(now).astimezone()
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    month = day.replace(day=1)
    after = (month + timedelta(days=32)).replace(day=1)
    hour = int(now) // HOUR_S * HOUR_S
    return Periods(hour, _stamp(day), _stamp(month), hour + HOUR_S, _stamp(day + timedelta(days=1)), _stamp(after))


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
    day = book.since(when.day)
    return _judge(
        (
            _Limit(quotas.sms_per_hour, book.since(when.hour).sms, when.next_hour, "hourly limit of {} SMS"),
            _Limit(quotas.sms_per_day, day.sms, when.next_day, "daily limit of {} SMS"),
            _Limit(quotas.sms_per_month, book.since(when.month).sms, when.next_month, "monthly limit of {} SMS"),
            _Limit(
                quotas.sms_per_destination_per_day,
                book.since(when.day, tail).sms,
                when.next_day,
                "daily limit of {} SMS to one number",
            ),
        ),
        now,
    )


def call_permit(quotas: Quotas, book: Book, tail: str, now: float) -> Permit:
    """Whether one more call may begin. A call that has begun is never cut for a quota."""
    when = periods(now)
    return _judge(
        (
            _Limit(
                quotas.minutes_per_hour, book.since(when.hour).minutes, when.next_hour, "hourly limit of {} minutes"
            ),
            _Limit(quotas.minutes_per_day, book.since(when.day).minutes, when.next_day, "daily limit of {} minutes"),
            _Limit(
                quotas.minutes_per_month, book.since(when.month).minutes, when.next_month, "monthly limit of {} minutes"
            ),
            _Limit(
                quotas.calls_per_destination_per_day,
                book.since(when.day, tail).calls,
                when.next_day,
                "daily limit of {} calls to one number",
            ),
        ),
        now,
    )


def reached(quotas: Quotas, book: Book, now: float) -> str:
    """The limit of a day or a month that is used up, in words; the SIM then carries nothing more of its kind."""
    when = periods(now)
    day, month = book.since(when.day), book.since(when.month)
    limits = (
        _Limit(quotas.sms_per_month, month.sms, when.next_month, "monthly limit of {} SMS"),
        _Limit(quotas.minutes_per_month, month.minutes, when.next_month, "monthly limit of {} minutes"),
        _Limit(quotas.sms_per_day, day.sms, when.next_day, "daily limit of {} SMS"),
        _Limit(quotas.minutes_per_day, day.minutes, when.next_day, "daily limit of {} minutes"),
    )
    return next((_words(limit) for limit in _full(limits)), "")


def usage(book: Book, now: float, limit: str = "") -> Usage:
    """For whoever looks."""
    when = periods(now)
    hour, day, month = book.since(when.hour), book.since(when.day), book.since(when.month)
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
