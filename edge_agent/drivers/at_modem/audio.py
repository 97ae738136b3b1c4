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

QUEUED_FRAMES = 5
"""100 ms: what may wait for a modem whose clock runs slower than ours; then the oldest is dropped."""
_SILENCE = bytes(FRAME_BYTES)


class PcmPort(ByteStream, Protocol):
    """What the stream needs of a port."""

    @property
    def unsent(self) -> int: ...


class SerialPcm:
    """A PcmStream. It is silent both ways until ``start`` and after ``stop``; what comes then is thrown away.

    A modem that plays what it is given at its own pace (Huawei) is written to once for each frame read from it;
    others get each frame at once. ``dropped`` counts frames that found no room.
    """

    rate = RATE

    def __init__(self, port: PcmPort, pacing: Pacing = Pacing.STREAM) -> None:
        self.on_frame: Callable[[bytes], None] = _ignore
        self.dropped = 0
        self._port = port
        self._pacing = pacing
        self._active = False
        self._reading = False
        self._partial = bytearray()
        self._queue: deque[bytes] = deque()
        port.on_data = self._on_data

    def start(self) -> None:
        """The modem's audio is on: let sound flow."""
        self._partial.clear()
        self._queue.clear()
        self._reading = False
        self._active = True

    def stop(self) -> None:
        """The call is over. Whoever listened hears no more."""
        self._active = False
        self.on_frame = _ignore
        self._partial.clear()
        self._queue.clear()

    def send(self, frame: bytes) -> None:
        """Hand over 20 ms."""
        if not self._active:
            return
        if self._pacing is Pacing.READ:
            self._queue.append(frame)
            # Until the modem reads, only the newest counts: what piled up before would delay the whole call.
            if len(self._queue) > (QUEUED_FRAMES if self._reading else 1):
                self._queue.popleft()
                self.dropped += self._reading
        elif self._port.unsent > QUEUED_FRAMES * FRAME_BYTES or not self._port.write(frame):
            self.dropped += 1

    def _on_data(self, data: bytes) -> None:
        if not self._active:
            return
        self._partial += data
        while len(self._partial) >= FRAME_BYTES:
            frame = bytes(self._partial[:FRAME_BYTES])
            del self._partial[:FRAME_BYTES]
            self._one_read(frame)

    def _one_read(self, frame: bytes) -> None:
        self._reading = True
        self.on_frame(frame)
        if self._pacing is Pacing.READ and self._active and self._port.unsent <= QUEUED_FRAMES * FRAME_BYTES:
            self._port.write(self._queue.popleft() if self._queue else _SILENCE)


def _ignore(frame: bytes) -> None:
    del frame
