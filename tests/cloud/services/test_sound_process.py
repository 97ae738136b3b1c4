"""Files of strangers, decoded by a process."""

from __future__ import annotations

import io

import pytest
import soundfile

from cloud.services import sound_process
from cloud.services.sound_process import decode
from telecore.audio.tone import tone
from telecore.audio.wav import AudioFormatError
from telecore.errors import TimedOut

TONE = tone((440,), 2000)


@pytest.fixture
def mp3():
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", samplerate=8000, channels=1, format="MP3") as file:
        file.buffer_write(TONE, "int16")
    return out.getvalue()


async def test_in_a_process(mp3):
    sound = await decode(mp3, "audio/mpeg")
    assert (sound.rate, len(sound.samples)) == (8000, len(TONE))


@pytest.mark.parametrize(
    "data", [b"", b"ID3", b"RIFF" + bytes(60), b"FORM\xff\xff\xff\xffAIFF", b"fLaC" + b"\xff" * 100, b"\xff\xfb" * 999]
)
async def test_rubbish_is_refused(data):
    with pytest.raises(AudioFormatError):
        await decode(data, "audio/mpeg")


async def test_what_takes_too_long_is_given_up(monkeypatch, mp3):
    monkeypatch.setattr(sound_process, "_WITHIN_S", 0.01)
    with pytest.raises(TimedOut):
        await decode(mp3, "audio/mpeg")
