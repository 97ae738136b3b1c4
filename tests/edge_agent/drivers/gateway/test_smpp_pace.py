"""How fast an SMSC is given submits; and which of several deliveries with the same content is which."""

from __future__ import annotations

import pytest

from edge_agent.drivers.gateway.smpp_occurrences import Occurrences
from edge_agent.drivers.gateway.smpp_pace import Pace


@pytest.mark.parametrize("per_s", [1.0, 5.0, 20.0, 1000.0])
def test_no_more_than_the_contract_allows(per_s):
    pace, now, sent = Pace(per_s), 100.0, []
    while now < 110.0:
        if pace.wait_s(now) <= 0:
            pace.spent(now)
            sent.append(now)
        else:
            now += max(pace.wait_s(now), 1e-9)
    burst = max(1.0, per_s * 0.25)
    assert 9.9 * per_s <= len(sent) <= 10 * per_s + burst + 1


def test_without_a_limit_nothing_waits():
    pace = Pace(0.0)
    for _ in range(100):
        assert pace.wait_s(0.0) == 0.0
        pace.spent(0.0)
    assert pace.at_once is None


@pytest.mark.parametrize(("per_s", "at_once"), [(1.0, 1), (4.0, 1), (100.0, 25)])
def test_how_many_may_be_begun_at_once(per_s, at_once):
    assert Pace(per_s).at_once == at_once


def test_throttling_pauses_longer_each_time_and_is_over_when_one_is_taken():
    pace = Pace(0.0)
    pauses, now = [], 0.0
    for _ in range(7):
        pace.throttled(now)
        pace.throttled(now)  # the rest of the window
        pauses.append(pace.wait_s(now))
        now += pauses[-1]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert pace.wait_s(now) == 0.0
    pace.accepted()
    pace.throttled(now)
    assert pace.wait_s(now) == 1.0


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_the_same_words_are_counted():
    seen = Occurrences(Clock())
    numbers = []
    for key in ("a", "b", "a", "a"):
        with seen.arrival(key) as number:
            numbers.append(number)
    assert numbers == [0, 0, 1, 2]


def test_what_could_not_be_kept_comes_again_under_the_same_number():
    seen = Occurrences(Clock())
    with pytest.raises(OSError, match="full"), seen.arrival("a"):
        raise OSError("full")
    with seen.arrival("a") as number:
        assert number == 0


def test_an_smsc_that_loses_patience_repeats_and_a_sender_in_a_hurry_does_not():
    clock = Clock()
    seen = Occurrences(clock)
    with seen.arrival("a") as first:
        with seen.arrival("a") as hurried:
            pass
        clock.now = 10.0
        with seen.arrival("a") as repeated:
            pass
    assert (first, hurried, repeated) == (0, 1, 1)


def test_the_memory_is_bounded():
    seen = Occurrences(Clock())
    for number in range(25_000):
        with seen.arrival(str(number)):
            pass
    assert len(seen._contents) == 10_000
