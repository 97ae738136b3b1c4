from hypothesis import given
from hypothesis import strategies as st

from simulator.playout import DEEP_BYTES, FULL_BYTES, PlayoutBuffer
from simulator.speech import FRAME_BYTES, SILENCE


def frame(number: int) -> bytes:
    return bytes([number % 255 + 1]) * FRAME_BYTES


@given(st.lists(st.integers(0, 400), max_size=200), st.randoms())
def test_every_sample_in_order_and_nothing_else(sizes: list[int], random: object) -> None:
    buffer = PlayoutBuffer()
    sent, heard = bytearray(), bytearray()
    for number, size in enumerate(sizes):
        piece = bytes([number % 255 + 1]) * min(2 * size, buffer.room())
        sent += piece
        buffer.put(piece)
        heard += buffer.take()
    for _ in range(60 + len(sent) // FRAME_BYTES):
        heard += buffer.take()
    assert bytes(heard).replace(b"\0", b"") == bytes(sent)


def test_the_first_frame_waits_eighty_milliseconds() -> None:
    buffer = PlayoutBuffer()
    taken = []
    for number in range(10):
        buffer.put(frame(number))
        taken.append(buffer.take())
    first = next(index for index, one in enumerate(taken) if one != SILENCE)
    assert first in (3, 4)
    assert taken[first:] == [frame(number) for number in range(10 - first)]


def test_a_single_frame_is_not_kept() -> None:
    buffer = PlayoutBuffer()
    buffer.put(frame(1))
    assert frame(1) in [buffer.take() for _ in range(6)]


def test_a_burst_after_a_stall_starts_soon() -> None:
    buffer = PlayoutBuffer()
    buffer.put(b"".join(frame(number) for number in range(6)))
    assert buffer.take() == SILENCE
    assert [buffer.take() for _ in range(2)][-1] != SILENCE


def test_silence_is_skipped_when_the_buffer_is_deep() -> None:
    buffer = PlayoutBuffer()
    for number in (1, 2):
        buffer.put(frame(number) * 10 + SILENCE * 8)
    buffer.put(frame(3))
    said = [buffer.take() for _ in range(45)]
    assert said.count(frame(1)) == said.count(frame(2)) == 10
    assert said.count(frame(3)) == 1
    assert said.index(frame(3)) < 37 + 3 - 5


def test_it_is_bounded() -> None:
    buffer = PlayoutBuffer()
    assert buffer.room() == FULL_BYTES > DEEP_BYTES
    buffer.put(bytes(FULL_BYTES))
    assert buffer.room() == 0
