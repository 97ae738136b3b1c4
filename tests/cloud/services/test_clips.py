from __future__ import annotations

from cloud.services.clips import clip_file, ulaw_wav
from telecore.audio.tone import tone
from telecore.audio.wav import Pcm, read_wav


def test_a_clip_is_a_ulaw_file_of_the_same_length():
    data, ms = clip_file(Pcm(8000, tone((440,), 500)))
    assert ms == 500
    assert data[20:22] == b"\x07\x00"
    sound = read_wav(data)
    assert sound.rate == 8000
    assert len(sound.samples) == 8000
    assert int.from_bytes(data[4:8], "little") == len(data) - 8


def test_other_rates_become_8_khz():
    data, ms = clip_file(Pcm(22050, bytes(2 * 22050)))
    assert ms == 1000
    assert len(read_wav(data).samples) == 16000


def test_odd_lengths_are_padded():
    data = ulaw_wav(b"\xff\xff\xff")
    assert len(data) % 2 == 0
    assert len(read_wav(data).samples) == 6
