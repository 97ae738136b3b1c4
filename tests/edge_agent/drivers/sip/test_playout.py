"""Packets of a simulated network, tick by tick, without a clock."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.sip.codec import PCMA, PCMU
from edge_agent.drivers.sip.playout import MOST_FRAMES, Playout
from edge_agent.media.source import SILENCE
from telecore.audio import g711
from telecore.audio.mixing import rms

BEGIN = 2**32 - 1000
"""Timestamps wrap soon."""


def codes(number: int) -> bytes:
    """A loud frame that is like no other."""
    pcm = struct.pack("<160h", *(round(9000 * math.sin((number * 160 + at) * 0.2)) + number for at in range(160)))
    return g711.l16_to_ulaw(pcm)


def pcm(number: int) -> bytes:
    return g711.ulaw_to_l16(codes(number))


def stamp(number: int) -> int:
    return (BEGIN + 160 * number) % 2**32


def play(playout: Playout, arrivals: Iterable[Iterable[int]]) -> list[bytes]:
    """What is heard when in each tick these packets arrive."""
    heard = []
    for numbers in arrivals:
        for number in numbers:
            playout.push(stamp(number), codes(number))
        heard.append(playout.pull())
    return heard


def numbers(heard: list[bytes], most: int = 600) -> list[int | None]:
    """Which frames these are; None: none that was sent. Silence at the beginning and the end is left out."""
    known = {pcm(number): number for number in range(most)}
    found = [known.get(frame) for frame in heard if frame != SILENCE]
    while found and found[-1] is None:
        found.pop()
    return found


def test_nothing_came_yet() -> None:
    playout = Playout()
    assert not playout.begun
    assert playout.pull() == SILENCE


def test_in_order_sample_for_sample() -> None:
    playout = Playout()
    assert numbers(play(playout, [[number] for number in range(100)])) == list(range(99))
    assert (playout.late, playout.concealed) == (0, 0)


def test_packets_that_overtook_one_another_are_put_right() -> None:
    order = [0, 2, 1, 4, 3, 5, 6, 8, 7, 9, 10, 11]
    playout = Playout()
    assert numbers(play(playout, [*[[number] for number in order], []])) == list(range(12))
    assert playout.concealed == 0


def test_one_in_ten_lost_is_concealed_and_nothing_shifts() -> None:
    lost = set(range(5, 500, 10))
    playout = Playout()
    heard = play(playout, [[number] * (number not in lost) for number in range(500)])
    at = heard.index(pcm(0))
    assert playout.concealed == len(lost) - (499 in lost)
    for number in range(400):
        frame = heard[at + number]
        if number in lost:
            assert rms(frame) > 3000  # something like the sound around it
        elif number - 1 not in lost:
            assert frame == pcm(number)
        else:
            assert frame[80:] == pcm(number)[80:]


def test_late_is_heard_later_and_lost_is_not_waited_for() -> None:
    late = Playout()
    # Two ticks without anything, then all of it: what was to be heard is heard.
    found = numbers(play(late, [[0], [1], [2], [], [], [], [3, 4, 5], *[[number] for number in range(6, 20)]]))
    assert [number for number in found if number is not None] == [0, 1, 2, *range(4, 18)]
    lost = Playout()
    arrivals = [[0], [1], [2], [], [], [], [6], *[[number] for number in range(7, 20)]]
    heard = play(lost, arrivals)
    assert heard[19] == pcm(18)  # as late as before the gap
    assert heard[9] == pcm(8)


def test_a_packet_behind_its_time_is_left_out_and_counted() -> None:
    playout = Playout()
    arrivals = [[0], [1], [3], [4], [5, 2], [6], [7]]
    play(playout, arrivals)
    assert playout.late == 1


def test_copies_are_heard_once() -> None:
    playout = Playout()
    assert numbers(play(playout, [[number, number] for number in range(50)])) == list(range(49))


def drifting(ppm: float, seconds: int) -> Iterator[list[int]]:
    """How many packets come per tick from a clock that is so much faster than ours."""
    sent = 0
    for tick in range(50 * seconds):
        due = int(tick * (1 + ppm / 1e6) + 0.5)
        yield list(range(sent, due))
        sent = due


@pytest.mark.parametrize("ppm", [-500, -100, 100, 500])
def test_another_clock_is_not_heard(ppm: float) -> None:
    """Speech with a pause each two seconds, ten minutes: nothing but frames of the pauses is lost or made."""
    loud = {number % 600: codes(number) for number in range(600)}
    playout = Playout()
    found = 0
    quiet = bytes([0xFF]) * 160
    for arrivals in drifting(ppm, 600):
        for number in arrivals:
            playout.push(stamp(number), quiet if number % 100 < 20 else loud[number % 600])
        found += playout.pull() != SILENCE
    sent = sum(1 for number in range(int(30_000 * (1 + ppm / 1e6))) if number % 100 >= 20)
    assert found == pytest.approx(sent, abs=MOST_FRAMES)
    assert playout.concealed <= 1
    assert playout.late == 0
    assert playout._left() <= 5 * 160


def test_without_pauses_a_fast_clock_does_not_fill_the_buffer() -> None:
    playout = Playout()
    for arrivals in drifting(5000, 120):
        for number in arrivals:
            playout.push(stamp(number), codes(number % 600))
        playout.pull()
        assert playout._left() <= (MOST_FRAMES + 1) * 160


def test_a_network_that_becomes_unsteady_costs_delay_and_then_nothing() -> None:
    """Each packet takes 0 to 60 ms longer than the fastest."""
    rng = random.Random(3)
    ticks: list[list[int]] = [[] for _ in range(3010)]
    for number in range(3000):
        ticks[number + rng.choice((0, 0, 0, 1, 1, 2, 3))].append(number)
    playout = Playout()
    play(playout, ticks[:1000])
    before = playout.late + playout.concealed
    heard = play(playout, ticks[1000:])
    assert playout.late + playout.concealed - before <= 6
    assert len(heard) == 2010


@pytest.mark.parametrize("jump", [4800, 10_000_000, 2**31 - 1, -4800, -10_000_000])
def test_timestamps_that_begin_anew(jump: int) -> None:
    playout = Playout()
    play(playout, [[number] for number in range(20)])
    heard = []
    for number in range(20, 60):
        playout.push((stamp(number) + jump) % 2**32, codes(number))
        heard.append(playout.pull())
    assert [number for number in numbers(heard) if number is not None][-30:] == list(range(29, 59))


def test_a_far_end_that_says_nothing_in_its_pauses() -> None:
    """Voice activity detection: after ten seconds it goes on with as much delay as before."""
    playout = Playout()
    play(playout, [[number] for number in range(50)])
    playout.comfort(60)
    noise = play(playout, [[]] * 499)[10:]
    assert all(20 < rms(frame) < 60 for frame in noise)
    heard = play(playout, [[number] for number in range(549, 700)])
    assert numbers(heard, 700)[-100:] == list(range(599, 699))
    assert playout.concealed <= 1


def test_a_key_is_not_made_longer() -> None:
    playout = Playout()
    play(playout, [[number] for number in range(20)])
    playout.key()
    assert play(playout, [[], [], []])[1:] == [SILENCE, SILENCE]


def test_the_loop_was_held_up() -> None:
    """A second of packets at once, and no tick in between: the newest are kept."""
    playout = Playout()
    play(playout, [[number] for number in range(20)])
    heard = play(playout, [list(range(20, 70)), *[[number] for number in range(70, 100)]])
    last = numbers(heard)[-5:]
    assert last[-1] is not None
    assert last == list(range(last[-1] - 4, last[-1] + 1))
    assert last[-1] >= 99 - MOST_FRAMES
    assert playout._left() <= MOST_FRAMES * 160


def test_the_other_law() -> None:
    playout = Playout()
    playout.plan(PCMA)
    playout.push(0, g711.l16_to_alaw(pcm(1)))
    playout.pull()
    assert playout.pull() == g711.alaw_to_l16(g711.l16_to_alaw(pcm(1)))
    playout.plan(PCMU)


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.just("key"),
            st.integers(0, 255),
            st.tuples(st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 4000)), st.binary(min_size=1, max_size=1600)),
        ),
        max_size=120,
    )
)
def test_whatever_comes_each_tick_gives_a_frame_and_little_is_kept(steps: list[object]) -> None:
    playout = Playout()
    for step in steps:
        match step:
            case (int(timestamp), bytes(payload)):
                playout.push(timestamp, payload)
            case "key":
                playout.key()
            case int(level):
                playout.comfort(level)
            case _:
                assert len(playout.pull()) == 320
        assert len(playout._waiting) <= 1600 + 2


def test_a_flood_of_tiny_packets_keeps_little() -> None:
    playout = Playout()
    for number in range(20_000):
        playout.push(number, b"\x00")
    assert playout._left() <= MOST_FRAMES * 160 + 1
    assert len(playout.pull()) == 320
