"""Steps of the system's clock, at the start and in between, against a reference that runs on."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from telecore.steady import STEP_S, SteadyClock, plausible

T0 = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
YEAR = 365 * 24 * 3600.0


class World:
    """True time, and a system clock that is ``error`` wrong."""

    def __init__(self, error: float = 0.0) -> None:
        self.true, self.error, self.boot = T0, error, T0 - 50.0

    def wall(self) -> float:
        return self.true + self.error

    def monotonic(self) -> float:
        return self.true - self.boot

    def clock(self, hold_s: float | None = None) -> SteadyClock:
        return SteadyClock(self.wall, self.monotonic, hold_s=hold_s)


def test_it_follows_what_a_time_server_does_in_small_steps() -> None:
    world = World()
    clock = world.clock()
    for _ in range(100):
        world.true += 60
        world.error += 20.0
        assert clock.now() == world.wall()


@pytest.mark.parametrize("step", [10 * YEAR, -10 * YEAR, 3600.0, -3600.0])
def test_a_step_in_traffic_is_not_followed(step: float) -> None:
    world = World()
    clock = world.clock()
    clock.now()
    world.error = step
    for _ in range(1000):
        world.true += 10
        assert abs(clock.now() - world.true) < 1
    assert clock.off_s == pytest.approx(step)
    world.error = 0.0
    assert clock.now() == world.true


def test_a_step_that_lasts_is_followed_where_nobody_else_knows_the_time() -> None:
    world = World()
    clock = world.clock(hold_s=900.0)
    clock.now()
    world.error = 2 * 3600.0
    clock.now()
    world.true += 800
    assert abs(clock.now() - world.true) < 1
    world.true += 101
    assert clock.now() == world.wall()


def test_a_board_that_wakes_in_1970_goes_on_from_when_it_was_last_alive() -> None:
    world = World(error=-T0)
    clock = world.clock()
    assert clock.guessed
    clock.last_known(T0 - 3600)
    assert clock.now() == pytest.approx(T0 - 3600)
    world.true += 30
    assert clock.told(world.true) == pytest.approx(3600.0)
    assert clock.now() == pytest.approx(world.true)
    assert not clock.guessed


def test_a_board_that_wakes_in_1970_believes_a_time_server() -> None:
    world = World(error=-T0)
    clock = world.clock()
    clock.last_known(T0 - 3600)
    world.true += 10
    world.error = 0.0
    assert clock.now() == world.true


def test_a_start_ten_years_ahead_expires_nothing() -> None:
    world = World(error=10 * YEAR)
    clock = world.clock()
    clock.last_known(T0 - 60)
    assert clock.now() < T0 + 1
    assert clock.told(T0) == 0.0 or abs(clock.now() - T0) < STEP_S


def test_the_peers_word_counts_more_than_the_system() -> None:
    world = World(error=5 * 3600.0)
    clock = world.clock()
    assert clock.told(world.true) == pytest.approx(-5 * 3600.0)
    assert clock.now() == pytest.approx(world.true)
    world.error = 0.0
    assert clock.now() == world.true


def test_it_never_goes_back_by_more_than_drift_and_durations_hold() -> None:
    rng, world = random.Random(5), World()
    clock = world.clock()
    before = clock.now()
    for _ in range(20_000):
        world.true += rng.expovariate(1.0)
        if rng.random() < 0.01:
            world.error = rng.choice([0.0, 10 * YEAR, -10 * YEAR, -world.true, 3600.0, 1.0])
        now = clock.now()
        assert now >= before - STEP_S
        assert abs(now - world.true) < STEP_S
        before = now


def test_what_is_plausible() -> None:
    assert not plausible(0.0, None)
    assert plausible(T0, None)
    assert plausible(T0, T0 - 3600)
    assert not plausible(T0 + 10 * YEAR, T0)
    assert not plausible(T0 - 10 * YEAR, T0)
