"""Files as libsndfile writes them, read back; and files that mean harm."""

from __future__ import annotations

import io
import struct

import pytest
import soundfile

from cloud.services.sound_files import read
from telecore.audio.mixing import peak
from telecore.audio.tone import tone
from telecore.audio.wav import AudioFormatError

TONE = tone((440,), 2000)


def made(form, subtype=None, rate=8000, channels=1, samples=TONE):
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", samplerate=rate, channels=channels, format=form, subtype=subtype) as file:
        file.buffer_write(samples, "int16")
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("MP3", None), ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("AU", "ALAW"), ("WAV", "MS_ADPCM"), ("WAV", "IMA_ADPCM"),
     ("WAV", "GSM610"), ("WAV", "FLOAT"), ("RAW", "GSM610"), ("FLAC", None), ("OGG", "VORBIS")],
)  # fmt: skip
def test_formats(form, subtype):
    samples = read(made(form, subtype), "audio/gsm" if form == "RAW" else "audio/x")
    assert len(samples) / 16000 == pytest.approx(2.0, abs=0.1)
    assert peak(samples) == pytest.approx(peak(TONE), rel=0.35)


def test_rate_and_channels():
    stereo = b"".join(struct.pack("<hh", 8000, 0) for _ in range(44100))
    samples = read(made("AIFF", "PCM_16", rate=44100, channels=2, samples=stereo), "audio/aiff")
    assert len(samples) == 16000
    assert abs(struct.unpack_from("<h", samples, 8000)[0] - 4000) < 50


def test_hours_of_sound_in_a_small_file():
    """An hour of silence is a few kilobytes of FLAC."""
    bomb = made("FLAC", samples=bytes(2 * 8000 * 3600))
    assert len(bomb) < 200_000
    with pytest.raises(AudioFormatError, match="longer than 30 minutes"):
        read(bomb, "audio/flac")


@pytest.mark.parametrize(("rate", "channels"), [(384_000, 1), (500, 1), (8000, 12)])
def test_odd_rates_and_channels(rate, channels):
    with pytest.raises(AudioFormatError, match="cannot be played"):
        read(made("WAV", "PCM_16", rate=rate, channels=channels, samples=bytes(2 * 240 * channels)), "audio/wav")
