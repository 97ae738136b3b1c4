from __future__ import annotations

import random

import pytest

from edge_agent.drivers.sip.reception import Reception


def test_losses_copies_and_order() -> None:
    seen = Reception()
    sequence = [65533, 65534, 65535, 1, 0, 0, 2, 2, 5, 65535]
    assert [seen.accept(9, number) for number in sequence] == [True] * 5 + [False, True, False, True, False]
    assert (seen.expected, seen.received, seen.lost) == (9, 7, 2)


def test_what_a_report_says() -> None:
    seen = Reception()
    for number in range(100):
        if number % 4:
            seen.accept(9, number)
    first = seen.figures()
    assert (first.fraction, first.lost, first.highest) == (24 * 256 // 99, 24, 99)
    for number in range(100, 200):
        seen.accept(9, number)
    assert seen.figures()[:3] == (0, 24, 199)
    for number in range(200, 300, 2):
        seen.accept(9, number)
    assert seen.figures().fraction == pytest.approx(128, abs=2)


def test_another_stream_goes_on_with_the_sums() -> None:
    seen = Reception()
    for number in range(10):
        seen.accept(1, number)
    assert not seen.accept(2, 500)  # a stray, perhaps
    assert seen.accept(1, 10)
    assert not seen.accept(2, 501)
    assert seen.accept(2, 502)
    assert seen.ssrc == 2
    assert seen.accept(2, 504)
    assert (seen.expected, seen.received, seen.lost) == (14, 13, 1)


def test_a_jump_of_the_sequence_is_no_loss() -> None:
    seen = Reception()
    for number in (*range(10), *range(30_000, 30_010)):
        seen.accept(1, number)
    assert seen.received == 19
    assert seen.lost == 0


def test_jitter_is_that_of_the_rfc() -> None:
    steady, shaken, rng = Reception(), Reception(), random.Random(4)
    for number in range(2000):
        steady.sound(9, number, 160 * number % 2**32, 50.0 + 0.02 * number)
        shaken.sound(9, number, (2**32 - 1600 + 160 * number) % 2**32, 50.0 + 0.02 * number + rng.choice((0.0, 0.01)))
    assert steady.jitter == pytest.approx(0, abs=1e-6)
    # Of two packets in a row every second differs by 10 ms, that is 80 samples: 40 on average.
    assert shaken.jitter == pytest.approx(40, abs=20)


def test_a_jump_of_timestamps_is_no_jitter() -> None:
    seen = Reception()
    seen.sound(9, 0, 0, 1.0)
    seen.sound(9, 1, 9_000_000, 1.02)
    seen.sound(9, 2, 9_000_160, 1.04)
    assert seen.jitter == pytest.approx(0, abs=1e-6)
