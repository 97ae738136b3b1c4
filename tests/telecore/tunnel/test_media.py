from __future__ import annotations

import random

import pytest

from telecore.errors import LocalProtocolError
from telecore.tunnel.frames import BINARY_LIMIT
from telecore.tunnel.media import LONG, MediaQueue, decode_media

FRAME = b"\xd5" * 160


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> MediaQueue:
    return MediaQueue(clock)


@pytest.mark.parametrize("lengths", [(0, 1, 40, 160, 239, *LONG), (160,), (0,), (40, 41)])
def test_frames_of_many_calls_share_a_message_and_come_out_as_they_went_in(
    queue: MediaQueue, lengths: tuple[int, ...]
) -> None:
    rng = random.Random(1)
    sent = [(rng.randrange(65536), bytes([n % 256]) * rng.choice(lengths)) for n in range(300)]
    out = []
    for at, (stream, payload) in enumerate(sent):
        queue.add(stream, payload)
        if at % 7 == 6:
            (message,) = queue.take()
            out += decode_media(message)
    out += [frame for message in queue.take() for frame in decode_media(message)]
    assert [(stream, payload) for stream, _, payload in out] == sent
    assert all(type(payload) is bytes for _, _, payload in out)
    assert queue.sent == 300


def test_eight_calls_fit_one_segment(queue: MediaQueue) -> None:
    for stream in range(8):
        queue.add(stream, FRAME)
    (message,) = queue.take()
    assert len(message) == 1 + 8 * 164


def test_each_stream_counts_its_own_frames_whatever_their_lengths(queue: MediaQueue) -> None:
    for n in range(600):
        queue.add(1, b"x" * (160 if n % 5 else 40))
        queue.add(2, FRAME)
    numbers = [(stream, seq) for message in queue.take() for stream, seq, _ in decode_media(message)]
    assert [seq for stream, seq in numbers if stream == 1] == [n % 256 for n in range(600)]
    assert [seq for stream, seq in numbers if stream == 2] == [n % 256 for n in range(600)]


def test_a_stream_that_ended_begins_anew(queue: MediaQueue) -> None:
    queue.add(1, FRAME)
    queue.end(1)
    queue.end(9)
    queue.add(1, FRAME)
    assert [seq for _, seq, _ in decode_media(queue.take()[0])] == [0, 0]


def test_stale_sound_is_dropped_and_counted(queue: MediaQueue, clock: Clock) -> None:
    for tick in range(20):
        clock.now = tick * 0.02
        queue.add(1, FRAME)
        queue.hold()
    frames = [seq for message in queue.take() for _, seq, _ in decode_media(message)]
    assert frames == list(range(9, 20))
    assert queue.dropped == 9
    assert queue.sent == 11
    assert not queue


def test_holding_on_a_blocked_line_leaves_nothing_behind(queue: MediaQueue, clock: Clock) -> None:
    queue.add(1, FRAME)
    clock.now = 0.1
    queue.hold()
    assert queue
    clock.now = 0.3
    queue.hold()
    assert not queue
    assert queue.take() == []
    queue.add(1, FRAME)
    assert len(queue.take()) == 1


@pytest.mark.parametrize("hold", [False, True])
def test_a_message_stays_below_the_limit(queue: MediaQueue, hold: bool) -> None:
    for stream in range(1000):
        queue.add(stream, FRAME)
        if hold and stream == 700:
            queue.hold()
    messages = queue.take()
    assert max(map(len, messages)) <= BINARY_LIMIT
    assert [stream for message in messages for stream, _, _ in decode_media(message)] == list(range(1000))


def test_what_has_no_code_is_our_mistake(queue: MediaQueue) -> None:
    with pytest.raises(LocalProtocolError):
        queue.add(1, b"x" * 300)
    with pytest.raises(LocalProtocolError):
        queue.add(65536, FRAME)
    assert queue.take() == []
