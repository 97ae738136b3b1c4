"""Runs of numbers and calls that ring once are told from what customers do."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.bursts import CALLS, ENOUGH, MESSAGES, REMEMBERED, WITHIN_S, Bursts

ACCOUNT = "AC1"


def told(numbers, what=MESSAGES, every_s=0.1):
    bursts = Bursts()
    return [found for n, to in enumerate(numbers) if (found := bursts.reached(ACCOUNT, what, to, n * every_s))]


@pytest.mark.parametrize("step", [1, 3, 16, -1])
@pytest.mark.parametrize("what", [MESSAGES, CALLS])
def test_a_run_is_told_once_and_soon(what, step):
    numbers = [f"+2526123{(5000 + n * step) % 10000:04}" for n in range(100)]
    assert told(numbers, what) == ["+2526123"]
    assert told(numbers[: ENOUGH[what]], what) == ["+2526123"]
    assert told(numbers[: ENOUGH[what] - 1], what) == []


def test_a_shuffled_run_is_one_too():
    numbers = [f"+2526123{n:04}" for n in range(60)]
    random.Random(1).shuffle(numbers)
    assert told(numbers) == ["+2526123"]


@given(st.integers(0, 2**32))
def test_villagers_are_none(seed):
    chance = random.Random(seed)
    assert told([f"+85512{chance.randrange(10**6):06}" for _ in range(2000)]) == []


def test_one_number_again_and_again_and_what_is_slow_are_none():
    assert told(["+85512000001"] * 500) == []
    assert told([f"+2526123{n:04}" for n in range(500)], every_s=WITHIN_S / (ENOUGH[MESSAGES] - 2)) == []


def test_short_codes_and_names_are_none():
    assert told(["1899", "12345", "Clinic", "", "+", "+1"] * 100) == []


def test_calls_that_ring_once_are_told_and_calls_that_are_taken_are_none():
    bursts = Bursts()
    rung = [bursts.over(ACCOUNT, f"+2526{n * 7919 % 10**7:07}", float(n), short=True) for n in range(60)]
    assert [found for found in rung if found] == ["+25260"]
    bursts = Bursts()
    mixed = [bursts.over(ACCOUNT, f"+25260{n:06}", float(n), short=n % 3 == 0) for n in range(300)]
    assert not any(mixed)


def test_memory_is_bounded():
    bursts = Bursts()
    for n in range(REMEMBERED + 100):
        bursts.reached(f"AC{n}", MESSAGES, "+85512000001", 0.0)
    assert len(bursts._seen) == REMEMBERED
