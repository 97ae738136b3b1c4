import asyncio

import pytest

from edge_agent.media.clock import GIVE_UP_S, TICK_S, MediaClock


class Counter:
    def __init__(self):
        self.count = 0

    def tick(self):
        self.count += 1


class HandTimer:
    """Time goes where the test puts it; what is due then is called, in order."""

    def __init__(self):
        self.now = 100.0
        self.due = []

    def time(self):
        return self.now

    def call_at(self, when, callback):
        timer = self
        entry = (when, callback)
        self.due.append(entry)

        class Handle:
            def cancel(self):
                timer.due.remove(entry)

        return Handle()

    def go_to(self, now):
        self.now = max(self.now, now)
        while self.due and min(self.due)[0] <= self.now:
            entry = min(self.due)
            self.due.remove(entry)
            entry[1]()


def test_it_runs_only_while_somebody_is_registered():
    timer = HandTimer()
    clock = MediaClock(timer)
    assert not timer.due
    one, two = Counter(), Counter()
    clock.add(one)
    clock.add(two)
    assert len(timer.due) == 1
    clock.remove(one)
    assert len(timer.due) == 1
    clock.remove(two)
    assert not timer.due


def test_fifty_ticks_a_second_without_drift():
    timer = HandTimer()
    clock = MediaClock(timer)
    leg = Counter()
    clock.add(leg)
    for step in range(1, 1001):
        timer.go_to(100.0 + step * TICK_S + 0.003)
    assert leg.count == 1000
    assert clock.lateness_p99() == pytest.approx(0.003, abs=1e-4)


def test_late_ticks_are_made_up_for():
    timer = HandTimer()
    clock = MediaClock(timer)
    leg = Counter()
    clock.add(leg)
    timer.go_to(100.0 + 10 * TICK_S + 0.001)
    assert leg.count == 10
    assert clock.resyncs == 0


def test_after_a_second_it_gives_up_and_counts_that():
    timer = HandTimer()
    clock = MediaClock(timer)
    leg = Counter()
    clock.add(leg)
    timer.go_to(100.0 + GIVE_UP_S + 5 * TICK_S)
    assert leg.count == 1
    assert clock.resyncs == 1
    timer.go_to(timer.now + TICK_S)
    assert leg.count == 2


def test_mixers_are_ticked_before_legs():
    order = []

    class Named:
        def __init__(self, name):
            self.name = name

        def tick(self):
            order.append(self.name)

    clock = MediaClock(HandTimer())
    clock.add(Named("leg"))
    clock.add(Named("mixer"), first=True)
    clock.tick()
    assert order == ["mixer", "leg"]


def test_a_leg_that_falls_does_not_silence_the_others():
    class Faulty:
        def tick(self):
            raise RuntimeError("a bug")

    clock = MediaClock(HandTimer())
    before, after = Counter(), Counter()
    for ticked in (before, Faulty(), after):
        clock.add(ticked)
    with pytest.raises(RuntimeError):
        clock.tick()
    clock.tick()
    assert (before.count, after.count) == (2, 2)


async def test_on_a_real_loop_whoever_is_woken_runs_between_two_late_ticks():
    clock = MediaClock()
    loop = asyncio.get_running_loop()
    seen = []

    class Waker:
        def __init__(self):
            self.future = loop.create_future()

        def tick(self):
            if not self.future.done():
                self.future.set_result(clock.count)

    waker = Waker()
    clock.add(waker)
    until = loop.time() + 5 * TICK_S
    while loop.time() < until:
        pass  # the loop is held up on purpose
    for _ in range(4):
        seen.append(await waker.future)
        waker.future = loop.create_future()
    clock.remove(waker)
    assert seen == [1, 2, 3, 4]
