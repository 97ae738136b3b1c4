"""What an account may spend, and where it may call and write. Pure: values in, an answer out.

A hand with a stolen token calls premium numbers and satellites, and writes to ranges that pay it a share. Caps bound
what that costs. docs/decisions/0016 says why each is as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Self

from telecore.errors import InvalidRequest

HOUR_S, DAY_S = 3600, 86400
NEAR = 0.8
"""Early warning: this share of a cap is used."""
MOST = 1_000_000_000
MOST_PREFIXES = 1000

BURSTS = ("off", "alert", "foreign", "block")
"""What is done about a run of numbers: nothing; told; told, and blocked where it is abroad; told and blocked."""
WARNINGS = ("home", "capped")
"""Whether urgent messages and calls to the countries of the account's own numbers go above what is counted."""

_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")


@dataclass(frozen=True, slots=True)
class Caps:
    """0 and empty: no cap. Hours and days are whole ones, in UTC.

    ``messages_…``: segments, as networks bill them. ``minutes_…``: of outbound calls, each minute begun counts.
    ``…_per_number``: in an hour, to one number. ``prefixes``: messages, and as many calls, in an hour, to numbers that
    begin so. ``allow``, ``deny``: prefixes; the longest that fits decides, and with ``allow`` all else is denied.
    ``special``: premium, shared-cost, satellite and international numbers may be reached. ``bursts``, ``warnings``:
    see above.
    """

    messages_per_hour: int = 0
    messages_per_day: int = 0
    minutes_per_hour: int = 0
    minutes_per_day: int = 0
    calls_at_once: int = 0
    messages_per_number: int = 0
    calls_per_number: int = 0
    prefixes: dict[str, int] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    special: bool = False
    bursts: str = "foreign"
    warnings: str = "home"

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """With these fields instead, as JSON has them."""
        known: dict[str, Any] = {}
        for name in NAMES & changes.keys():
            value = changes[name]
            known[name] = tuple(value) if isinstance(value, list) else value
        return replace(self, **known)


NAMES = frozenset(item.name for item in fields(Caps))
NUMBERS = tuple(item.name for item in fields(Caps) if item.type == "int")


def check(changes: Mapping[str, Any]) -> None:
    """Raises InvalidRequest that names the field."""
    for name in NUMBERS:
        _check_number(name, changes.get(name, 0))
    for name in ("allow", "deny", "prefixes"):
        listed = changes.get(name, ())
        if len(listed) > MOST_PREFIXES:
            raise InvalidRequest(f"{name} may hold {MOST_PREFIXES} prefixes at most", field=name)
        for prefix in listed:
            if not _PREFIX.fullmatch(prefix):
                raise InvalidRequest(f"{name}: {prefix[:20]!r} must be + and 1 to 15 digits, as +855", field=name)
    for prefix, most in changes.get("prefixes", {}).items():
        _check_number(f"prefixes.{prefix}", most)
    for name, words in (("bursts", BURSTS), ("warnings", WARNINGS)):
        if changes.get(name, words[0]) not in words:
            raise InvalidRequest(f"{name} must be one of {', '.join(words)}", field=name)


def _check_number(name: str, value: int) -> None:
    if not 0 <= value <= MOST:
        raise InvalidRequest(f"{name} must be from 0, which is no cap, to {MOST}", field=name)


def parse_list(text: str) -> list[str]:
    """``+855,+84``."""
    return [prefix for item in text.split(",") if (prefix := item.strip())]


def parse_prefixes(text: str) -> dict[str, int]:
    """``+84=100,+855=5000``. Raises InvalidRequest."""
    found: dict[str, int] = {}
    for item in parse_list(text):
        prefix, _, most = item.partition("=")
        if not (most.isascii() and most.isdecimal() and len(most) < 12):
            raise InvalidRequest(f"prefixes: {item[:40]!r} must be a prefix and a number, as +84=100", field="prefixes")
        found[prefix] = int(most)
    return found


def objection(caps: Caps, to: str, special: str) -> str:
    """Why nobody of the account may reach this number; empty when he may. ``special``: what kind of one it is."""
    if special and not caps.special:
        return f"is a {special} number"
    allowed, denied = longest(caps.allow, to), longest(caps.deny, to)
    if denied is not None and len(denied) > len(allowed or ""):
        return f"begins with {denied}, which is denied"
    if caps.allow and allowed is None and to.startswith("+"):
        return "does not begin as one of the numbers that are allowed"
    return ""


def longest(prefixes: Iterable[str], to: str) -> str | None:
    """The longest of those that the number begins with."""
    return max((prefix for prefix in prefixes if to.startswith(prefix)), key=len, default=None)


# ------------------------------------------------------------------ counting


@dataclass(frozen=True, slots=True)
class Use:
    """What was used in an hour and in a day; these are counted from 1970."""

    hour: int = 0
    in_hour: int = 0
    day: int = 0
    in_day: int = 0

    def at(self, moment: datetime) -> Use:
        """What of it counts in the hour and the day of this moment."""
        hour, day = hour_of(moment), day_of(moment)
        return Use(hour, self.in_hour if hour == self.hour else 0, day, self.in_day if day == self.day else 0)

    def plus(self, amount: int) -> Use:
        return replace(self, in_hour=self.in_hour + amount, in_day=self.in_day + amount)


def hour_of(moment: datetime) -> int:
    return int(moment.timestamp() // HOUR_S)


def day_of(moment: datetime) -> int:
    return int(moment.timestamp() // DAY_S)


def total(uses: Iterable[Use], moment: datetime) -> Use:
    """What several have used together by now."""
    current = [use.at(moment) for use in uses]
    return Use(hour_of(moment), sum(u.in_hour for u in current), day_of(moment), sum(u.in_day for u in current))


def seconds_left(moment: datetime, window_s: int) -> float:
    """Until the hour or the day is over."""
    return window_s - moment.timestamp() % window_s


@dataclass(frozen=True, slots=True)
class Step:
    """What one more does to a cap. ``window_s``: of what it is counted in, 0 for what there is at a time."""

    cap: str
    most: int
    used: int
    after: int
    window_s: int

    @property
    def refused(self) -> bool:
        """It is used up. What is begun below it may end above: a message is sent whole or not at all."""
        return 0 < self.most <= self.used

    @property
    def reached(self) -> bool:
        """With this one it is used up."""
        return self.used < self.most <= self.after

    @property
    def near(self) -> bool:
        """With this one most of it is used, but not all."""
        return self.used < self.most * NEAR <= self.after < self.most


def steps(caps: Caps, what: str, use: Use, amount: int) -> tuple[Step, ...]:
    """For ``messages`` or ``minutes``, those of hour and day that are set."""
    hourly, daily = getattr(caps, f"{what}_per_hour"), getattr(caps, f"{what}_per_day")
    both = (
        Step(f"{what}_per_hour", hourly, use.in_hour, use.in_hour + amount, HOUR_S),
        Step(f"{what}_per_day", daily, use.in_day, use.in_day + amount, DAY_S),
    )
    return tuple(step for step in both if step.most)
