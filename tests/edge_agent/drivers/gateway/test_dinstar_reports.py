"""When a Dinstar box is asked for reports on what an earlier life submitted."""

from __future__ import annotations

from datetime import datetime

from edge_agent.drivers.gateway.dinstar_reports import KEPT_S, Backlog

NOON = datetime(2026, 11, 26, 12, 0, 0)  # noqa: DTZ001


def test_it_is_asked_at_once_then_ever_more_rarely_and_in_the_end_no_more() -> None:
    backlog, now, times = Backlog(0.0, NOON), 0.0, []
    while now < KEPT_S + 3600:
        if backlog.due(now):
            times.append(now)
            backlog.asked(now)
        now += 15.0
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert times[0] == 0
    assert gaps[0] == 15
    assert gaps == sorted(gaps)
    assert gaps[-1] == 600
    assert times[-1] < KEPT_S


def test_what_was_told_is_not_asked_for_again() -> None:
    backlog = Backlog(0.0, NOON)
    assert backlog.after == "2026-11-23 12:00:00"
    for time in ("2026-11-26 12:10:00", "2026-11-26 12:01:00", "yesterday", "", "0001-01-01 00:00:00"):
        backlog.heard(time)
    assert backlog.after == "2026-11-26 12:05:00"
