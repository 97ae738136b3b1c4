from __future__ import annotations

import random

import pytest

from telecore.errors import LocalProtocolError
from telecore.tunnel.frames import BINARY_LIMIT
from telecore.tunnel.media import LONG, MediaQueue, decode_media

FRAME = b"\xd5" * 160


def test_frames_of_many_calls_share_a_message_and_come_out_as_they_went_in() -> None:
    queue = MediaQueue()
    rng = random.Random(1)
    sent = [(rng.randrange(65536), bytes([n % 256]) * rng.choice((0, 1, 40, 160, 239, *LONG))) for n in range(300)]
    out = []
    for at, (stream, payload) in enumerate(sent):
        queue.add(stream, payload, 0.0)
        if at % 7 == 6:
            messages = queue.take(0.001)
            assert len(messages) == 1
            out += decode_media(messages[0])
    out += [frame for message in queue.take(0.001) for frame in decode_media(message)]
    assert [(stream, payload) for stream, _, payload in out] == sent
    assert queue.sent == 300


def test_eight_calls_fit_one_segment() -> None:
    queue = MediaQueue()
    for stream in range(8):
        queue.add(stream, FRAME, 0.0)
    (message,) = queue.take(0.0)
    assert len(message) == 1 + 8 * 164


def test_each_stream_counts_its_own_frames_and_begins_anew_when_ended() -> None:
    queue = MediaQueue()
    for _ in range(258):
        queue.add(1, FRAME, 0.0)
    queue.add(2, FRAME, 0.0)
    queue.end(1)
    queue.end(9)
    queue.add(1, FRAME, 0.0)
    numbers = [(stream, seq) for message in queue.take(0.0) for stream, seq, _ in decode_media(message)]
    assert numbers[:3] == [(1, 0), (1, 1), (1, 2)]
    assert numbers[255:] == [(1, 255), (1, 0), (1, 1), (2, 0), (1, 0)]


def test_stale_sound_is_dropped_and_counted() -> None:
    queue = MediaQueue()
    for tick in range(20):
        queue.add(1, FRAME, tick * 0.02)
    messages = queue.take(0.38)
    frames = [seq for message in messages for _, seq, _ in decode_media(message)]
    assert frames == list(range(9, 20))
    assert queue.dropped == 9
    assert not queue


def test_expiry_while_the_line_is_blocked_leaves_nothing_behind() -> None:
    queue = MediaQueue()
    queue.add(1, FRAME, 0.0)
    queue.expire(0.1)
    assert queue
    queue.expire(0.3)
    assert not queue
    assert queue.take(0.3) == []
    queue.add(1, FRAME, 0.4)
    assert len(queue.take(0.4)) == 1


def test_a_message_stays_below_the_limit() -> None:
    queue = MediaQueue()
    for stream in range(1000):
        queue.add(stream, FRAME, 0.0)
    messages = queue.take(0.0)
    assert len(messages) == 3
    assert max(map(len, messages)) <= BINARY_LIMIT


def test_a_length_without_a_code_is_our_mistake() -> None:
    queue = MediaQueue()
    with pytest.raises(LocalProtocolError):
        queue.add(1, b"x" * 300, 0.0)
    assert queue.take(0.0) == []
