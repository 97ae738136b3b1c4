"""Sound of a modem's calls over its second serial port: s16le, 8 kHz, mono, without frame boundaries."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from edge_agent.drivers.at_modem.dialogue import ByteStream
from edge_agent.drivers.at_modem.profile import Pacing
from telecore.audio.frames import FRAME_BYTES, RATE

log = logging.getLogger(__name__)

QUEUED_FRAMES = 6
"""120 ms: what may wait for a modem whose clock runs slower than ours; then the oldest is dropped."""
PRIMED_FRAMES = 2
"""40 ms: what must wait before a read-paced modem is given sound, so that its clock and ours may jitter unheard."""
_SILENCE = bytes(FRAME_BYTES)


class PcmPort(ByteStream, Protocol):
    """What the line needs of a port."""

    @property
    def unsent(self) -> int: ...


class CallPcm:
    """A PcmStream: one call's share of the line. Of no effect before the line starts it and after it stops."""

    rate = RATE

    def __init__(self, line: PcmLine) -> None:
        self.on_frame: Callable[[bytes], None] = _ignore
        self._line = line

    def send(self, frame: bytes) -> None:
        self._line.send(self, frame)


class PcmLine:
    """The sound of the one call a modem can have. What comes outside of calls is thrown away.

    A modem that plays what it is given at its own pace (Huawei) is written to once for each frame read from it;
    others get each frame at once. ``dropped`` counts frames that found no room.
    """

    def __init__(self, port: PcmPort, pacing: Pacing = Pacing.STREAM) -> None:
        self.dropped = 0
        self._port = port
        self._pacing = pacing
        self._stream: CallPcm | None = None
        self._partial = bytearray()
        self._paced = _PacedQueue()
        port.on_data = self._on_data

    def stream(self) -> CallPcm:
        """For one more call."""
        return CallPcm(self)

    def start(self, stream: CallPcm) -> None:
        """The modem's audio is on for this call: let sound flow."""
        self._partial.clear()
        self._paced = _PacedQueue()
        self._stream = stream

    def stop(self) -> None:
        """The call is over. Whoever listened hears no more."""
        self._stream = None
        self._partial.clear()

    def send(self, stream: CallPcm, frame: bytes) -> None:
        """Hand over 20 ms of this call."""
        if stream is not self._stream:
            return
        if self._pacing is Pacing.READ:
            self.dropped += self._paced.put(frame)
        elif self._port.unsent > QUEUED_FRAMES * FRAME_BYTES or not self._port.write(frame):
            self.dropped += 1

    def _on_data(self, data: bytes) -> None:
        if self._stream is None:
            return
        self._partial += data
        while len(self._partial) >= FRAME_BYTES and self._stream is not None:
            frame = bytes(self._partial[:FRAME_BYTES])
            del self._partial[:FRAME_BYTES]
            self._stream.on_frame(frame)
            if self._pacing is Pacing.READ and self._port.unsent <= QUEUED_FRAMES * FRAME_BYTES:
                self._port.write(self._paced.take())


class _PacedQueue:
    """Frames on their way to a modem that takes one for each it gives."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._taken = False
        self._flowing = False
        self._waited = 0

    def put(self, frame: bytes) -> int:
        """Append; the number of frames that had to go for it."""
        self._frames.append(frame)
        # Until the modem reads, only the newest count: what piled up before would delay the whole call.
        if len(self._frames) <= (QUEUED_FRAMES if self._taken else PRIMED_FRAMES):
            return 0
        self._frames.popleft()
        return int(self._taken)

    def take(self) -> bytes:
        """The next frame, or silence: when there is none, and until enough wait to go on without a gap."""
        self._taken = True
        if not self._frames:
            self._flowing, self._waited = False, 0
            return _SILENCE
        if not self._flowing and len(self._frames) < PRIMED_FRAMES and self._waited < PRIMED_FRAMES:
            self._waited += 1
            return _SILENCE
        self._flowing = True
        return self._frames.popleft()


def _ignore(frame: bytes) -> None:
    del frame
