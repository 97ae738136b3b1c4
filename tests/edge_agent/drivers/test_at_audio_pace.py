"""audio_pace.py: ten minutes of a modem whose clock is not ours, in virtual time."""

from __future__ import annotations

import pytest

from edge_agent.drivers.at_modem.audio import PcmLine
from edge_agent.drivers.at_modem.audio_pace import QUEUED_FRAMES
from edge_agent.drivers.at_modem.profile import Pacing
from telecore.audio.frames import FRAME_BYTES

TICKS = 30_000
SILENCE = bytes(FRAME_BYTES)


def spoken(n):
    """Two seconds of speech, in which every frame differs from the next, and two of silence."""
    return (1000 + n % 20_000).to_bytes(2, "little") * (FRAME_BYTES // 2) if n % 200 < 100 else SILENCE


class Modem:
    """Gives a frame and takes one at each beat of its own clock; what it has not taken waits in it."""

    def __init__(self, chunk=1):
        self.on_data = lambda data: None
        self.on_lost = lambda error: None
        self.unsent = 0
        self.queue = []
        self.played = []
        self.most = 0
        self._chunk = chunk
        self._beats = 0

    def write(self, data):
        self.queue += [data[at : at + FRAME_BYTES] for at in range(0, len(data), FRAME_BYTES)]
        self.most = max(self.most, len(self.queue))
        return True

    def beat(self):
        self._beats += 1
        self.played.append(self.queue.pop(0) if self.queue else None)
        if self._beats % self._chunk == 0:
            self.on_data(bytes(FRAME_BYTES * self._chunk))


def run(modem, line, ppm):
    stream = line.stream()
    line.start(stream)
    for _ in range(3):
        modem.write(SILENCE)  # what a modem holds back before it plays
    beats = 0
    for n in range(TICKS):
        stream.send(spoken(n))
        while beats * (1 - ppm / 1e6) <= n + 0.5:
            beats += 1
            modem.beat()
    return [frame for frame in modem.played if frame is not None]


def words(frames):
    """The speech, its frames in order, and whether silence tore a word apart."""
    said = [frame for frame in frames if frame != SILENCE]
    torn = [
        at for at in range(1, len(frames) - 1)
        if frames[at] == SILENCE and frames[at - 1] != SILENCE and frames[at + 1] != SILENCE
    ]  # fmt: skip
    return said, torn


@pytest.mark.parametrize("ppm", [-500, -100, 0, 100, 500])
@pytest.mark.parametrize("chunk", [1, 2])
def test_a_line_that_is_written_to_at_once(ppm, chunk):
    modem = Modem(chunk)
    said, torn = words(run(modem, PcmLine(modem), ppm))
    assert said == [spoken(n) for n in range(TICKS) if n % 200 < 100][: len(said)]
    assert torn == []
    assert modem.most <= 3 + 4
    assert modem.played[2000:].count(None) == 0  # it never ran dry


@pytest.mark.parametrize("ppm", [-500, -100, 0, 100, 500])
def test_a_line_that_is_paced_by_its_reads(ppm):
    modem = Modem()
    line = PcmLine(modem, Pacing.READ)
    said, torn = words(run(modem, line, ppm))
    expected = [spoken(n) for n in range(TICKS) if n % 200 < 100]
    first = expected.index(said[0])
    assert first <= 2  # what was there before the modem began to read
    assert said == expected[first : first + len(said)]
    assert torn == []
    assert line.dropped <= 1
    assert modem.most <= 3 + QUEUED_FRAMES


def test_a_line_that_gives_nothing_is_given_all():
    modem = Modem()
    line = PcmLine(modem)
    stream = line.stream()
    line.start(stream)
    for n in range(2000):
        stream.send(spoken(n))
    assert len(modem.queue) == 2000
    assert stream.taken == 2000
