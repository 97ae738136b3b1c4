"""Keeping the sound of a call."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum

from edge_agent.media.clock import ticks
from edge_agent.media.jitter import JitterBuffer
from edge_agent.media.leg import Ear
from edge_agent.media.source import SILENCE
from edge_agent.media.wav_file import WavFile
from telecore.audio.activity import SilenceDetector
from telecore.audio.frames import FRAME_BYTES
from telecore.audio.mixing import mix
from telecore.ids import RecordingSid
from telecore.twiml.control import RecordSpec

_MARGIN_FRAMES = 10
"""What trimming leaves on both sides of the sound: 200 ms, so that no consonant is lost."""
_WAITING_FRAMES = 50
"""A recording loses nothing when the loop was held up for a moment: nobody waits for it."""
_KEY_FRAMES = 3
"""A key is recognised after 40 to 60 ms of its tone."""


class Trimmer:
    """Drops the silence before the first sound and finds where the silence after the last one begins."""

    def __init__(self, file: WavFile, *, trim: bool) -> None:
        self.file = file
        self._trim = trim
        self._before: deque[bytes] | None = deque(maxlen=_MARGIN_FRAMES) if trim else None
        self._sound_until = 0
        self._recently: deque[int] = deque([0], maxlen=_KEY_FRAMES + 1)
        self._limit: int | None = None

    def write(self, samples: bytes, *, loud: bool) -> None:
        """Keep one frame. ``loud``: somebody is to be heard in it."""
        self._store(samples, loud)
        self._recently.append(self._worth())

    def forget_key(self) -> None:
        """What was heard just now is the key that ends the recording, and not part of it."""
        self._limit = self._recently[0]

    def forget(self) -> Trimmer:
        """Nothing of it is worth keeping."""
        self._limit = 0
        return self

    @property
    def kept(self) -> int:
        """Bytes of the file that are worth keeping; 0: nothing was to be heard."""
        return self._worth() if self._limit is None else self._limit

    def _store(self, samples: bytes, loud: bool) -> None:
        if self._before is not None:
            if not loud:
                self._before.append(samples)
                return
            self.file.write(b"".join(self._before))
            self._before = None
        self.file.write(samples)
        if loud:
            self._sound_until = self.file.length + _MARGIN_FRAMES * len(samples)

    def _worth(self) -> int:
        return min(self._sound_until, self.file.length) if self._trim else self.file.length


class VoiceRecording(Ear):
    """What a party says, until it is silent, presses a key, hangs up or has said enough.

    ``done`` tells by what it ended: a key, ``hangup`` or nothing.
    """

    wants_keys = True

    def __init__(self, spec: RecordSpec, file: WavFile) -> None:
        self.done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sound = Trimmer(file, trim=spec.trim_silence)
        self._spec = spec
        self._left = ticks(spec.max_length_s)
        self._patience = ticks(spec.timeout_s)
        self._quiet = 0
        self._silence = SilenceDetector()

    def hear(self, frame: bytes) -> None:
        if self.done.done():
            return
        self._silence.feed(frame)
        loud = self._silence.silent_ms == 0
        if loud:
            self._quiet = 0
        self.sound.write(frame, loud=loud)

    def sent(self, frame: bytes) -> None:
        self._left -= 1
        self._quiet += 1
        if self._left <= 0 or self._quiet > self._patience:
            self._finish("")

    def press(self, key: str) -> None:
        if key in self._spec.finish_on_key and not self.done.done():
            self.sound.forget_key()
            self._finish(key)

    def hung_up(self) -> None:
        """The party is gone; what it said is kept."""
        self._finish("hangup")

    def _finish(self, by: str) -> None:
        if not self.done.done():
            self.done.set_result(by)


class Pause(Enum):
    """What a recording does while it is paused: it stands still, or goes on in silence."""

    SKIP = "skip"
    SILENCE = "silence"


class CallRecording(Ear):
    """Both directions of a leg in step, mixed, or side by side: what the party says left, what it hears right.

    ``track`` is Twilio's word: ``both``, ``inbound`` (what it says), ``outbound`` (what it hears).
    """

    pause: Pause | None = None

    def __init__(self, file: WavFile, *, trim: bool = False, track: str = "both") -> None:
        self.sound = Trimmer(file, trim=trim)
        self._dual = file.channels == 2
        self._silence = (SilenceDetector(), SilenceDetector()) if trim else ()
        self._track = track
        self._heard = JitterBuffer(_WAITING_FRAMES)

    @property
    def sid(self) -> RecordingSid:
        return self.sound.file.sid

    def hear(self, frame: bytes) -> None:
        self._heard.push(frame)

    def sent(self, frame: bytes) -> None:
        heard = self._heard.pull()
        if self.pause is Pause.SKIP:
            return
        if self.pause is Pause.SILENCE:
            heard = frame = SILENCE
        loud = False
        for detector, sound in zip(self._silence, (heard, frame), strict=False):
            detector.feed(sound)
            loud = loud or detector.silent_ms == 0
        self.sound.write(self._combine(heard, frame), loud=loud)

    def _combine(self, heard: bytes, sent: bytes) -> bytes:
        if self._dual:
            left, right = self._track != "outbound", self._track != "inbound"
            return interleave(heard if left else SILENCE, sent if right else SILENCE)
        if self._track == "inbound":
            return heard
        return sent if self._track == "outbound" else mix((heard, sent))


def interleave(left: bytes, right: bytes) -> bytes:
    """Two channels of 16-bit samples as one stream."""
    both = bytearray(2 * FRAME_BYTES)
    both[0::4], both[1::4] = left[0::2], left[1::2]
    both[2::4], both[3::4] = right[0::2], right[1::2]
    return bytes(both)
