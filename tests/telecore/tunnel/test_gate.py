"""The gate on a line in the head: a bottleneck of some rate with a queue before it, and a way back for the acks."""

from __future__ import annotations

import random
from collections import deque

import pytest

from telecore.tunnel.gate import LOWEST, PATIENCE_S, SOUND_S, STEP, TARGET_S, Gate

POLL_S = 0.003


def drive(rate: float, rtt: float, seconds: float, jitter: float = 0.0) -> tuple[float, float, Gate]:
    """Bulk without end over the line. Share of the rate used, and the 95th percentile of queueing delay, later half."""
    rng = random.Random(4)
    gate = Gate()
    flying: deque[tuple[float, int]] = deque()
    busy_until = now = 0.0
    unacked = sent = 0
    waits: list[float] = []
    while now < seconds:
        while flying and flying[0][0] <= now:
            unacked -= flying.popleft()[1]
        while gate.seen(unacked, now):
            begin = max(now, busy_until)
            busy_until = begin + STEP / rate
            acked_at = busy_until + rtt + rng.random() * jitter
            flying.append((max(acked_at, flying[-1][0] if flying else 0.0), STEP))
            unacked += STEP
            gate.wrote(STEP, now)
            if now > seconds / 2:
                sent += STEP
                waits.append(begin - now)
        now += POLL_S
    waits.sort()
    return sent / (seconds / 2) / rate, waits[int(len(waits) * 0.95)], gate


@pytest.mark.parametrize("mbit", [2, 8, 50])
@pytest.mark.parametrize("rtt_ms", [2, 50, 300])
def test_the_line_is_filled_and_its_queue_is_not(mbit: float, rtt_ms: float) -> None:
    rate, rtt = mbit * 1e6 / 8, rtt_ms / 1e3
    share, wait, _ = drive(rate, rtt, 30)
    assert share > 0.7
    assert wait < max(TARGET_S, rtt / 2) * 1.5 + LOWEST / rate + POLL_S


def test_a_line_of_64_kbit_holds_four_kilobytes_and_no_more() -> None:
    _, wait, gate = drive(8000.0, 0.05, 60)
    assert wait < (LOWEST + STEP) / 8000.0
    assert gate.limit <= 2 * LOWEST


def test_a_line_whose_delay_wavers_still_carries_bulk() -> None:
    share, _, _ = drive(1e6, 0.05, 30, jitter=0.02)
    assert share > 0.4


def acknowledge(gate: Gate, now: float, delay: float) -> float:
    """One piece that takes ``delay`` to be acknowledged, watched all the while. The moment after it."""
    gate.seen(0, now)
    gate.wrote(STEP, now)
    end = now + delay
    while now < end:
        gate.seen(STEP, now)
        now = min(now + 0.05, end)
    gate.seen(0, now)
    return now


def test_a_line_that_became_slow_is_noticed() -> None:
    _, _, gate = drive(50e6 / 8, 0.05, 10)
    fast = gate.limit
    now = 10.0
    for _ in range(12):
        now = acknowledge(gate, now, 0.3)
    assert gate.limit < fast / 4


def test_a_line_that_became_longer_is_believed_after_a_while() -> None:
    gate = Gate()
    now = 0.0
    for delay in [0.01] * 20 + [0.2] * 700:
        now = acknowledge(gate, now, delay)
    assert gate.limit > 20 * LOWEST


def test_what_was_acknowledged_while_nobody_looked_says_nothing() -> None:
    gate = Gate()
    now = 0.0
    for _ in range(5):
        now = acknowledge(gate, now, 0.01)
    limit = gate.limit
    gate.wrote(STEP, now)
    gate.seen(0, now + 600)
    assert gate.limit == limit
    assert acknowledge(gate, now + 600, 0.01)
    assert gate.limit > limit


def talk(rate: float, rtt: float, sound: float, item_every_s: float, seconds: float) -> tuple[list[float], list[float]]:
    """Sound of so many bytes a second, and items, over the line. How long each frame and each item took to arrive."""
    gate = Gate()
    flying: deque[tuple[float, int]] = deque()
    busy_until = now = item_at = 0.0
    unacked = 0
    wanted: list[float] = []
    frames: list[float] = []
    items: list[float] = []

    def write(size: int, since: float, arrivals: list[float]) -> None:
        nonlocal busy_until, unacked
        busy_until = max(now, busy_until) + size / rate
        flying.append((busy_until + rtt, size))
        unacked += size
        gate.wrote(size, now)
        if now > 10:  # what is written before the first answer came lies there for a while
            arrivals.append(busy_until + rtt / 2 - since)

    for tick in range(int(seconds / 0.005)):
        now = tick * 0.005
        while flying and flying[0][0] <= now:
            unacked -= flying.popleft()[1]
        if now >= item_at:
            wanted.append(item_at)
            item_at += item_every_s
        if tick % 4 == 0 and gate.may_speak(0, unacked, now):
            write(round(sound * 0.02), now, frames)
        if wanted and gate.seen(unacked, now, items=True):
            write(400, wanted.pop(0), items)
    assert len(wanted) <= 1
    return sorted(frames), sorted(items)


@pytest.mark.parametrize("kbit", [16, 32, 48])
@pytest.mark.parametrize("rtt", [0.05, 1.4])
def test_sound_that_the_line_cannot_carry_builds_no_queue_and_starves_no_item(kbit: int, rtt: float) -> None:
    rate = kbit * 125.0
    frames, items = talk(rate, rtt, sound=8500.0, item_every_s=2.0, seconds=60)
    assert frames[int(len(frames) * 0.95)] < rtt * 1.5 + SOUND_S + 400 / rate + 1.0
    assert items[-1] < rtt * 2 + SOUND_S + 2 * PATIENCE_S + 800 / rate
    assert len(frames) * 170 > 0.5 * rate * 50


@pytest.mark.parametrize("rtt", [0.05, 1.4])
def test_sound_that_the_line_carries_is_never_held(rtt: float) -> None:
    frames, _ = talk(16_000.0, rtt, sound=8500.0, item_every_s=2.0, seconds=60)
    assert len(frames) >= 2499
    assert frames[-1] < rtt / 2 + 0.1
