"""Sound files read and made by libsndfile. The only user of soundfile; everything here blocks."""

from __future__ import annotations

import io
from array import array
from pathlib import Path

import soundfile

from telecore.audio.resample import resample
from telecore.audio.wav import AudioFormatError
from telecore.errors import StorageFailed

RATE = 8000
LONGEST_S = 1800
_BLOCK = 65536
_MOST_SAMPLES = 100_000_000
"""Over all channels: half an hour at 48 kHz. A small file may claim more than any memory holds."""
_RATES = range(1000, 192_001)
_MOST_CHANNELS = 8
_FORMATS = {False: ("WAV", "PCM_16"), True: ("MP3", "MPEG_LAYER_III")}


def read(data: bytes, kind: str) -> bytes:
    """The samples, s16le mono at 8 kHz. Raises AudioFormatError."""
    bare = (
        {"format": "RAW", "subtype": "GSM610", "samplerate": RATE, "channels": 1}
        if kind in {"audio/gsm", "audio/x-gsm"} and data[:4] not in (b"RIFF", b".snd", b"FORM")
        else {}
    )
    try:
        with soundfile.SoundFile(io.BytesIO(data), **bare) as file:
            return resample(_mono(file), file.samplerate, RATE)
    except (soundfile.SoundFileError, ValueError, TypeError) as error:
        if isinstance(error, AudioFormatError):
            raise
        raise AudioFormatError(f"a file of {kind or 'no type'} that cannot be read: {error}") from error


def _mono(file: soundfile.SoundFile) -> bytes:
    channels = file.channels
    if file.samplerate not in _RATES or not 1 <= channels <= _MOST_CHANNELS:
        raise AudioFormatError(f"sound of {channels} channels at {file.samplerate} Hz cannot be played")
    longest = min(_MOST_SAMPLES // channels, LONGEST_S * file.samplerate)
    samples, block = array("h"), array("h", bytes(2 * _BLOCK * channels))
    while count := file.buffer_read_into(block, dtype="int16"):
        heard = block[: count * channels]
        samples.extend(heard if channels == 1 else _mean(heard, channels))
        if len(samples) > longest:
            raise AudioFormatError(f"it is longer than {longest // file.samplerate // 60} minutes")
    if not samples:
        raise AudioFormatError("there is no sound in it")
    return samples.tobytes()


def _mean(samples: array[int], channels: int) -> array[int]:
    parts = (samples[at::channels] for at in range(channels))
    return array("h", (sum(frame) // channels for frame in zip(*parts, strict=True)))


def convert(source: Path, target: Path, channels: int, *, mp3: bool) -> None:
    """``source`` as MP3 or WAV, mixed down to one channel where it has more. Raises StorageFailed."""
    form, subtype = _FORMATS[mp3]
    try:
        with (
            soundfile.SoundFile(source) as heard,
            soundfile.SoundFile(target, "w", heard.samplerate, channels, subtype, format=form) as made,
        ):
            block = array("h", bytes(2 * _BLOCK * heard.channels))
            while count := heard.buffer_read_into(block, dtype="int16"):
                samples = block[: count * heard.channels]
                mixed = samples if channels == heard.channels else _mean(samples, heard.channels)
                made.buffer_write(mixed, dtype="int16")
    except (soundfile.SoundFileError, OSError) as error:
        target.unlink(missing_ok=True)
        raise StorageFailed(f"a sound file could not be made: {error}") from error
