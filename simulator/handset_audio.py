"""What a handset says and hears in one call."""

from __future__ import annotations

from collections.abc import Callable

from simulator.playout import PlayoutBuffer
from simulator.speech import FRAME_BYTES, SILENCE
from simulator.tones import pressed
from telecore.audio.dtmf import DtmfDetector

LONGEST_RECORDING = 16_000 * 3600  # an hour; what comes later is not kept
LONGEST_SPEECH = 16_000 * 1800


class HandsetAudio:
    """The handset's end of the speech path: an AudioPort that records and listens for digits."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.digits_heard = ""
        self.microphone = PlayoutBuffer()
        self.live = False
        self.on_frame: Callable[[bytes], None] | None = None
        self._said = bytearray()
        self._keys = bytearray()
        self._detector = DtmfDetector()

    def press(self, digits: str) -> None:
        """Sound the digits now; what is being said waits meanwhile. ValueError names what is no digit."""
        self._keys += pressed(digits)

    def say(self, samples: bytes) -> None:
        """Say samples (s16le, 8 kHz) after what is already being said; ValueError when it is too much."""
        if len(self._said) + len(samples) > LONGEST_SPEECH:
            raise ValueError("a handset keeps at most 30 minutes of speech to say")
        self._said += samples
        self._said += bytes(-len(self._said) % 2)

    def pull(self) -> bytes:
        """The next 20 ms said here."""
        frame = self.microphone.take() if self.live else SILENCE
        queue = self._keys or self._said
        if not queue:
            return frame
        said = bytes(queue[:FRAME_BYTES])
        del queue[:FRAME_BYTES]
        return said + frame[len(said) :]

    def push(self, frame: bytes) -> None:
        """The next 20 ms heard here."""
        if len(self.heard) < LONGEST_RECORDING:
            self.heard += frame
        self.digits_heard += self._detector.feed(frame)
        if self.on_frame is not None:
            self.on_frame(frame)
