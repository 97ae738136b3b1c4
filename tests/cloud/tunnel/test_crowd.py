"""An edge that comes with all others is let in, or told when to come again."""

from __future__ import annotations

import random

from cloud.tunnel.crowd import ENTER_S, MOST_WAIT_S, Crowd


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
    waits = [crowd.enters(f"e{n}") for n in range(1, 3000)]
    assert max(waits) > 50
    crowd.greeted("e0")
    clock.now += 3600
    assert crowd.enters("e1") == 0
    assert crowd.enters("e2") == waits[0]


def test_those_turned_away_come_back_as_fast_as_they_can_be_let_in() -> None:
    """A whole storm on paper: 10,000 edges, 500 a second get in. All are in, and few are turned away often."""
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
                later.append((clock.now + wait, edge))
        due = later
        for edge in queue[:50]:
            crowd.greeted(edge)
            inside.add(edge)
        del queue[:50]
        assert len(queue) <= 400
        assert clock.now < 200
    assert clock.now - 100 < 60
    assert crowd.turned_away < 60_000
