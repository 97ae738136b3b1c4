"""What a SIM has done lately: which rates follow from it, how far back it counts, and that it stays small."""

from __future__ import annotations

import pytest

from edge_agent.sims.signs import Doing, Kind, Sign
from edge_agent.sims.windows import DAY_S, MOST, Rates, Window, distinct, rates

LEAST = {"least_calls": 4.0, "least_sms": 4.0, "least_reports": 4.0}


def sms(doing: Doing, at: float = 0.0, to: str = "1") -> Sign:
    return Sign(at, Kind.SMS, doing, to, "")


def report(doing: Doing) -> Sign:
    return Sign(0.0, Kind.REPORT, doing, "1", "")


def call(doing: Doing, *, talk_s: float | None = None, ring_s: float | None = None) -> Sign:
    return Sign(0.0, Kind.CALL, doing, "1", "", talk_s is not None, talk_s, ring_s)


def test_too_little_says_nothing() -> None:
    few = [sms(Doing.SIM)] * 3 + [report(Doing.DESTINATION)] * 3 + [call(Doing.GOOD, talk_s=5.0, ring_s=1.0)] * 3
    assert rates(few, **LEAST) == Rates()


def test_the_share_of_sms_that_the_network_took() -> None:
    assert rates([sms(Doing.GOOD)] * 3 + [sms(Doing.SIM)], **LEAST).taken == 0.75
    assert rates([sms(Doing.GOOD)] * 3 + [sms(Doing.DOUBTFUL)], **LEAST).taken == 0.75


@pytest.mark.parametrize("doing", [Doing.DESTINATION, Doing.MODEM, Doing.NETWORK])
def test_what_is_not_about_the_sim_changes_no_rate_of_it(doing: Doing) -> None:
    assert rates([sms(Doing.GOOD)] * 4 + [sms(doing)] * 50, **LEAST).taken == 1.0


def test_reports() -> None:
    assert rates([report(Doing.GOOD)] * 3 + [report(Doing.DESTINATION)], **LEAST).delivered == 0.75


def test_calls_answered_their_length_and_how_long_they_take_to_ring() -> None:
    calls = [call(Doing.GOOD, talk_s=60.0, ring_s=4.0), call(Doing.GOOD, talk_s=20.0, ring_s=6.0)]
    calls += [call(Doing.GOOD, ring_s=20.0), call(Doing.DESTINATION, ring_s=5.0)]
    found = rates(calls, **LEAST)
    assert (found.answered, found.talk_s, found.ring_p95_s) == (0.5, 40.0, 20.0)
    assert rates([*calls, call(Doing.MODEM)], **LEAST) == found


def test_one_slow_call_in_a_hundred_is_not_the_p95() -> None:
    calls = [call(Doing.GOOD, ring_s=4.0)] * 99 + [call(Doing.GOOD, ring_s=60.0)]
    assert rates(calls, **LEAST).ring_p95_s == 4.0


def test_a_row_is_broken_by_a_success_only() -> None:
    window = Window()
    told = (Doing.SIM, Doing.GOOD, Doing.SIM, Doing.DESTINATION, Doing.NETWORK, Doing.MODEM, Doing.DOUBTFUL, Doing.SIM)
    for n, doing in enumerate(told):
        window.add(sms(doing, float(n), str(n)))
    assert [sign.to for sign in window.last(Doing.SIM)] == ["2", "7"]
    assert [sign.to for sign in window.last(Doing.SIM, Doing.DOUBTFUL)] == ["2", "6", "7"]
    assert [sign.to for sign in window.last(Doing.SIM, after=3.0)] == ["7"]
    window.add(sms(Doing.GOOD, 8.0))
    assert window.last(Doing.SIM, Doing.DOUBTFUL) == []


def test_destinations_count_once() -> None:
    assert distinct([sms(Doing.DOUBTFUL, to="1"), sms(Doing.DOUBTFUL, to="1"), sms(Doing.DOUBTFUL, to="2")]) == 2


def test_success_lately() -> None:
    window = Window()
    window.add(sms(Doing.GOOD, 100.0))
    window.add(sms(Doing.SIM, 200.0))
    assert window.good_since(100.0)
    assert not window.good_since(101.0)


def test_a_day_and_no_longer() -> None:
    window = Window()
    window.add(sms(Doing.SIM, 0.0))
    window.add(sms(Doing.GOOD, 100.0))
    assert len(window.since(DAY_S - DAY_S)) == 2
    assert len(window.since(50.0)) == 1
    window.since(DAY_S + 1.0)
    assert len(window.since(0.0)) == 1


def test_however_much_happens_it_stays_small_and_says_that_it_changed() -> None:
    window = Window()
    versions = set()
    for n in range(MOST + 500):
        window.add(sms(Doing.GOOD, float(n)))
        versions.add(window.version)
    assert len(versions) == MOST + 500
    assert len(window.since(0.0)) == MOST
    window.clear()
    assert window.version not in versions
    assert window.since(0.0) == []
