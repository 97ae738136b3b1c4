"""Sound of a modem's calls over its second serial port: s16le, 8 kHz, mono, without frame boundaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from edge_agent.drivers.at_modem.audio_pace import QUEUED_FRAMES, Balance, PacedQueue
from edge_agent.drivers.at_modem.dialogue import ByteStream
from edge_agent.drivers.at_modem.profile import Pacing
from telecore.audio.frames import FRAME_BYTES, RATE


class PcmPort(ByteStream, Protocol):
    """What the line needs of a port."""

    @property
    def unsent(self) -> int: ...


class Carrier(Protocol):
    """Carries the sound of the one call a modem can have. What comes outside of calls is thrown away."""

    def stream(self) -> CallPcm:
        """For one more call."""

    def start(self, stream: CallPcm) -> None:
        """The modem's audio is on for this call: let sound flow."""

    def stop(self) -> None:
        """The call is over. Whoever listened hears no more."""

    def flow(self, *, ready: bool) -> None:
        """Whether the modem takes sound just now; what it does not take is lost."""

    def send(self, stream: CallPcm, frame: bytes) -> None:
        """Hand over 20 ms of this call."""


class CallPcm:
    """A PcmStream: one call's share of the carrier. Of no effect before it starts it and after it stops.

    ``given``: how many frames were handed over, ``taken``: how many of them the line has taken.
    """

    rate = RATE

    def __init__(self, carrier: Carrier) -> None:
        self.on_frame: Callable[[bytes], None] = _ignore
        self.given = 0
        self.taken = 0
        self._carrier = carrier

    def send(self, frame: bytes) -> None:
        self.given += 1
        self._carrier.send(self, frame)


class PcmLine:
    """A Carrier over a serial port.

    A modem that plays what it is given at its own pace (Huawei) is written to once for each frame read from it;
    others get ``write_frames`` together as soon as there are so many. ``dropped`` counts frames that found no room.
    """

    def __init__(self, port: PcmPort, pacing: Pacing = Pacing.STREAM, write_frames: int = 1) -> None:
        self.dropped = 0
        self._port = port
        self._pacing = pacing
        self._block = write_frames * FRAME_BYTES
        self._stream: CallPcm | None = None
        self._partial = bytearray()
        self._unwritten = bytearray()
        self._paced = PacedQueue()
        self._balance = Balance()
        self._ready = True
        port.on_data = self._on_data

    def stream(self) -> CallPcm:
        return CallPcm(self)

    def start(self, stream: CallPcm) -> None:
        self._clear()
        self._paced, self._balance = PacedQueue(), Balance()
        self._ready = True
        self._stream = stream

    def stop(self) -> None:
        self._stream = None
        self._clear()

    def flow(self, *, ready: bool) -> None:
        self._ready = ready
        self._unwritten.clear()

    def send(self, stream: CallPcm, frame: bytes) -> None:
        if stream is not self._stream:
            return
        if self._pacing is Pacing.READ:
            self.dropped += self._paced.put(frame)
        elif not self._ready:
            self.dropped += 1
        else:
            for _ in range(self._balance.put(frame)):
                self._collect(stream, frame)

    def _collect(self, stream: CallPcm, frame: bytes) -> None:
        self._unwritten += frame
        if len(self._unwritten) < self._block:
            return
        frames = len(self._unwritten) // FRAME_BYTES
        block = bytes(self._unwritten)
        self._unwritten.clear()
        if self._port.unsent <= max(QUEUED_FRAMES * FRAME_BYTES, self._block) and self._port.write(block):
            stream.taken += frames
        else:
            self.dropped += frames

    def _on_data(self, data: bytes) -> None:
        if self._stream is None:
            return
        self._partial += data
        while len(self._partial) >= FRAME_BYTES and self._stream is not None:
            frame = bytes(self._partial[:FRAME_BYTES])
            del self._partial[:FRAME_BYTES]
            self._balance.got()
            self._stream.on_frame(frame)
            self._give_back()

    def _give_back(self) -> None:
        stream = self._stream
        if self._pacing is not Pacing.READ or stream is None or self._port.unsent > QUEUED_FRAMES * FRAME_BYTES:
            return
        if self._port.write(self._paced.take()):
            stream.taken += 1

    def _clear(self) -> None:
        self._partial.clear()
        self._unwritten.clear()


def _ignore(frame: bytes) -> None:
    del frame
