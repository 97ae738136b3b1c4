"""An edge that comes with all others is let in, or told when to come again."""

from __future__ import annotations

import math
import random

import pytest

from cloud.tunnel.crowd import ENTER_S, MOST_WAIT_S, RATE_AT_FIRST, Crowd


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_so_many_at_a_time_and_no_more() -> None:
    crowd = Crowd(Clock(), most=3)
    assert [crowd.enters(f"e{n}") for n in range(3)] == [0, 0, 0]
    assert crowd.enters("e4") > 0
    assert crowd.enters("e1") == 0  # it comes again, its first connection having broken
    crowd.greeted("e0")
    assert crowd.enters("e4") == 0
    crowd.gone("e2")
    assert crowd.enters("e5") == 0
    assert crowd.turned_away == 1


def test_who_never_arrives_takes_nobody_s_place_for_ever() -> None:
    clock = Clock()
    crowd = Crowd(clock, most=1)
    assert crowd.enters("e0") == 0
    clock.now += ENTER_S - 1
    assert crowd.enters("e1") > 0
    clock.now += 2
    assert crowd.enters("e1") == 0


def test_one_that_tries_again_and_again_keeps_nobody_s_place_taken() -> None:
    clock = Clock()
    crowd = Crowd(clock, most=2)
    assert [crowd.enters("restless"), crowd.enters("gone")] == [0, 0]
    for _ in range(6):
        clock.now += 5
        assert crowd.enters("restless") == 0
    assert crowd.enters("another") == 0


def test_a_storm_is_forgotten_when_it_is_over() -> None:
    clock = Clock()
    crowd = Crowd(clock, most=1, chance=lambda: 1.0)
    assert crowd.enters("e0") == 0
    waits = [crowd.enters(f"e{n}") for n in range(1, 30_000)]
    assert waits == sorted(waits)
    assert waits[0] == 2
    assert waits[-1] == MOST_WAIT_S
    crowd.greeted("e0")
    clock.now += 3600
    assert crowd.enters("e1") == 0
    assert crowd.enters("e2") == waits[0]


def test_nobody_is_asked_who_he_is_while_it_is_full_but_those_on_their_way() -> None:
    crowd = Crowd(Clock(), most=1)
    assert crowd.full("e0") == 0
    assert crowd.enters("e0") == 0
    assert crowd.full("e1") > 0
    assert crowd.full("") > 0
    assert crowd.full("e0") == 0
    crowd.greeted("e0")
    assert crowd.full("e1") == 0


def test_appointments_follow_how_fast_edges_get_in() -> None:
    clock = Clock()
    crowd = Crowd(clock, most=1)
    assert crowd.enters("e0") == 0
    assert crowd.enters("e1") == math.ceil(1 + 1 / RATE_AT_FIRST)
    for _ in range(300):  # 100 a second, for three seconds
        clock.now += 0.01
        crowd.greeted("e0")
        crowd.enters("e0")
    assert [crowd.enters("e2") for _ in range(500)][-1] == 6
    for _ in range(10_000):  # a queue of more than a minute is not stood in
        assert 1 <= crowd.enters("e2") <= MOST_WAIT_S


@pytest.mark.parametrize("rate", [100, 300, 500])
def test_those_turned_away_come_back_as_fast_as_they_can_be_let_in(rate: int) -> None:
    """A whole storm on paper: of 10,000 edges so many a second get in. All are in about as soon as that allows."""
    clock, chance = Clock(), random.Random(1)
    crowd = Crowd(clock, most=400, chance=chance.random)
    due = [(clock.now + chance.random() * 2, f"e{n}") for n in range(10_000)]
    inside: set[str] = set()
    queue: list[str] = []
    while len(inside) < 10_000:
        clock.now += 0.1
        later = []
        for at, edge in due:
            if at > clock.now:
                later.append((at, edge))
            elif (wait := crowd.enters(edge)) == 0:
                queue.append(edge)
            else:
                assert 1 <= wait <= MOST_WAIT_S
                later.append((clock.now + wait + chance.random() * 0.4, edge))
        due = later
        for edge in queue[: rate // 10]:
            crowd.greeted(edge)
            inside.add(edge)
        del queue[: rate // 10]
        assert len(queue) <= 400
        assert clock.now < 300
    assert clock.now - 100 < 10_000 / rate * 1.35
    assert crowd.turned_away < 20_000
