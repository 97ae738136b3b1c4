"""What a SIM may carry: at the limits, over midnight, over a change of the clock, and when the clock was wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from edge_agent.config import Quotas
from edge_agent.contracts import Permit
from edge_agent.sims import quotas
from edge_agent.sims.quotas import Book, periods

HOUR = 3600
ONE, OTHER = "5512000001", "5512000002"


@pytest.fixture(autouse=True)
def zone() -> Iterator[None]:
    """Somewhere with summer time: +01:00, and +02:00 from the last Sunday of March to the last of October."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"  # needs no time zone files
    time.tzset()
    quotas._periods.cache_clear()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()
    quotas._periods.cache_clear()


def at(text: str) -> float:
    return datetime.fromisoformat(text).astimezone().timestamp()


def book(*entries: tuple[str, str, str, float]) -> Book:
    """Of ``(moment, kind, tail, amount)``."""
    made = Book()
    for moment, kind, tail, amount in entries:
        made.add(kind, int(at(moment)) // HOUR, tail, amount)
    return made


def sms(limits: Quotas, carried: Book, moment: str, tail: str = ONE) -> Permit:
    return quotas.sms_permit(limits, carried, tail, at(moment))


def call(limits: Quotas, carried: Book, moment: str, tail: str = ONE) -> Permit:
    return quotas.call_permit(limits, carried, tail, at(moment))


def test_no_limit_no_refusal() -> None:
    carried = book(("2026-06-10 10:00", "sms", ONE, 1e6), ("2026-06-10 10:00", "seconds", ONE, 1e6))
    assert sms(Quotas(), carried, "2026-06-10 10:30").granted
    assert call(Quotas(), carried, "2026-06-10 10:30").granted


@pytest.mark.parametrize(
    ("limits", "words", "wait_s"),
    [
        (Quotas(sms_per_hour=5), "hourly limit of 5 SMS of this SIM reached; next at 2026-06-10 11:00", 1800),
        (Quotas(sms_per_day=5), "daily limit of 5 SMS of this SIM reached; next at 2026-06-11 00:00", 13.5 * HOUR),
        (Quotas(sms_per_month=5), "monthly limit of 5 SMS of this SIM reached; next at 2026-07-01 00:00", None),
        (Quotas(sms_per_destination_per_day=5), "daily limit of 5 SMS to one number of this SIM reached", 13.5 * HOUR),
    ],
)
def test_each_limit_of_sms_at_its_edge(limits: Quotas, words: str, wait_s: float | None) -> None:
    assert sms(limits, book(("2026-06-10 10:01", "sms", ONE, 4)), "2026-06-10 10:30").granted
    refused = sms(limits, book(("2026-06-10 10:01", "sms", ONE, 5)), "2026-06-10 10:30")
    assert refused.reason.startswith(words)
    assert refused.code == 30022
    if wait_s is not None:
        assert refused.wait_s == wait_s
    assert call(limits, book(("2026-06-10 10:01", "sms", ONE, 5)), "2026-06-10 10:30").granted


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Quotas(minutes_per_hour=2), "hourly limit of 2 minutes"),
        (Quotas(minutes_per_day=2), "daily limit of 2 minutes"),
        (Quotas(minutes_per_month=2), "monthly limit of 2 minutes"),
    ],
)
def test_each_limit_of_minutes_at_its_edge(limits: Quotas, words: str) -> None:
    assert call(limits, book(("2026-06-10 10:01", "seconds", ONE, 119)), "2026-06-10 10:30").granted
    refused = call(limits, book(("2026-06-10 10:01", "seconds", ONE, 120)), "2026-06-10 10:30")
    assert refused.reason.startswith(words)
    assert sms(limits, book(("2026-06-10 10:01", "seconds", ONE, 120)), "2026-06-10 10:30").granted


def test_a_destination_has_its_own_limit() -> None:
    limits = Quotas(calls_per_destination_per_day=2)
    carried = book(("2026-06-10 10:01", "calls", ONE, 2))
    assert not call(limits, carried, "2026-06-10 10:30").granted
    assert call(limits, carried, "2026-06-10 10:30", OTHER).granted
    assert call(limits, carried, "2026-06-11 00:00").granted


def test_the_limit_that_lasts_longest_is_told() -> None:
    limits = Quotas(sms_per_hour=1, sms_per_day=1, sms_per_month=1)
    assert "monthly" in sms(limits, book(("2026-06-10 10:01", "sms", ONE, 1)), "2026-06-10 10:30").reason


def test_it_is_free_again_to_the_second() -> None:
    carried = book(("2026-06-10 10:01", "sms", ONE, 5))
    for limits, last, free in (
        (Quotas(sms_per_hour=5), "2026-06-10 10:59:59", "2026-06-10 11:00:00"),
        (Quotas(sms_per_day=5), "2026-06-10 23:59:59", "2026-06-11 00:00:00"),
        (Quotas(sms_per_month=5), "2026-06-30 23:59:59", "2026-07-01 00:00:00"),
    ):
        assert not sms(limits, carried, last).granted
        assert sms(limits, carried, free).granted


@pytest.mark.parametrize(
    ("moment", "hours"), [("2026-03-29 12:00", 23), ("2026-06-10 12:00", 24), ("2026-10-25 12:00", 25)]
)
def test_a_day_ends_at_midnight_whatever_its_length(moment: str, hours: int) -> None:
    day = periods(at(moment)).day
    assert day.end - day.start == hours * HOUR
    assert datetime.fromtimestamp(day.start).time() == datetime.fromtimestamp(day.end).time()


@pytest.mark.parametrize(
    ("moment", "ends"),
    [("2026-01-31 23:59", "2026-02-01"), ("2026-12-31 12:00", "2027-01-01"), ("2028-02-29 00:00", "2028-03-01")],
)
def test_a_month_ends_where_the_next_begins(moment: str, ends: str) -> None:
    assert periods(at(moment)).month.end == at(ends)


def test_a_clock_that_was_wrong_leaves_nothing_behind() -> None:
    limits = Quotas(sms_per_day=5, sms_per_month=50)
    carried = book(("2037-01-01 00:00", "sms", ONE, 1000), ("1970-01-02 00:00", "sms", ONE, 1000))
    assert sms(limits, carried, "2026-06-10 10:30").granted


def test_a_clock_that_is_set_back_within_the_day_gives_nothing_back() -> None:
    carried = book(("2026-06-10 20:00", "sms", ONE, 5))
    assert not sms(Quotas(sms_per_day=5), carried, "2026-06-10 08:00").granted


def test_what_is_forgotten_and_what_is_added_shows_at_once() -> None:
    carried = book(("2026-05-31 23:00", "sms", ONE, 3), ("2026-06-10 10:00", "sms", ONE, 2))
    june = periods(at("2026-06-10 10:30")).month
    assert carried.within(june).sms == 2
    carried.add("sms", int(at("2026-06-10 10:00")) // HOUR, OTHER, 1)
    assert (carried.within(june).sms, carried.within(june, ONE).sms) == (3, 2)
    carried.forget(june.start)
    may = periods(at("2026-05-10")).month
    assert carried.within(may).sms == 0
    assert carried.within(june).sms == 3


def test_reached_is_told_of_days_and_months_only() -> None:
    carried = book(("2026-06-10 10:00", "sms", ONE, 5), ("2026-06-10 10:00", "seconds", ONE, 120))
    now = at("2026-06-10 10:30")
    assert quotas.reached(Quotas(sms_per_hour=1), carried, now) == ""
    assert quotas.reached(Quotas(sms_per_day=5), carried, now).startswith("daily limit of 5 SMS")
    assert quotas.reached(Quotas(minutes_per_month=2), carried, now).startswith("monthly limit of 2 minutes")


def test_usage_for_whoever_looks() -> None:
    carried = book(
        ("2026-06-10 10:00", "sms", ONE, 5),
        ("2026-06-10 08:00", "sms", OTHER, 2),
        ("2026-06-02 08:00", "seconds", ONE, 90),
    )
    found = quotas.usage(carried, at("2026-06-10 10:30"), "a limit")
    assert (found.sms_hour, found.sms_day, found.sms_month) == (5, 7, 7)
    assert (found.minutes_day, found.minutes_month, found.limit) == (0.0, 1.5, "a limit")
