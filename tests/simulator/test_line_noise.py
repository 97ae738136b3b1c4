"""Loss and noise, by their figures."""

from random import Random

import pytest

from simulator.line_noise import Corruption, Loss


@pytest.mark.parametrize(("percent", "least", "most"), [(0, 0.0, 0.0), (1, 2.0, 5.0), (10, 25.0, 50.0)])
def test_small_writes_wait_for_the_timer(percent: float, least: float, most: float) -> None:
    """1,000 writes of one segment: each lost one waits some 0.3 s, and some wait again, for twice as long."""
    loss = Loss(Random(1))
    assert least <= sum(loss.delay_s(200, percent, 0.1) for _ in range(1000)) <= most


def test_in_a_long_flight_a_round_trip_repairs_most() -> None:
    loss = Loss(Random(1))
    flights = [loss.delay_s(100 * 1448, 1, 0.1) for _ in range(1000)]
    assert 80 < sum(flights) < 180  # 1,000 losses: a tenth of a second each, a few of them three


def test_the_timer_doubles() -> None:
    class Always(Random):
        left = 4

        def random(self) -> float:
            self.left -= 1
            return 0.0 if self.left >= 0 else 1.0

    assert Loss(Always()).delay_s(100, 10, 0.1) == pytest.approx(0.3 + 0.3 + 0.6 + 1.2)


def test_bits_are_spoilt_as_often_in_pieces_as_in_one() -> None:
    whole = Corruption(Random(3)).spoil(bytes(1_000_000), 1000)
    pieces = Corruption(Random(3))
    in_pieces = b"".join(pieces.spoil(bytes(100), 1000) for _ in range(10_000))
    assert in_pieces == whole
    assert 900 < sum(byte.bit_count() for byte in whole) < 1100
