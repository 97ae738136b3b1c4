"""Sound that comes and goes by the tunnel instead of a line: 20 ms of µ-law a frame, on a numbered stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from telecore.audio.frames import FRAME_BYTES, FRAME_SAMPLES, RATE
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.errors import Busy
from telecore.tunnel.link import MediaHandler

_STREAMS = 0x10000
_SILENCE = bytes(FRAME_BYTES)
_SILENCE_ULAW = b"\xff" * FRAME_SAMPLES


class Media(Protocol):
    """The tunnel's sound, as ``uplink.Uplink`` has it."""

    def send_media(self, stream: int, payload: bytes) -> bool: ...
    def on_media(self, stream: int, handler: MediaHandler | None) -> None: ...


class NoMedia:
    """Where there is no tunnel: nothing leaves, nothing comes."""

    def send_media(self, stream: int, payload: bytes) -> bool:
        return False

    def on_media(self, stream: int, handler: MediaHandler | None) -> None:
        """Nothing will come."""


class StreamNumbers:
    """Numbers of the tunnel's streams; one that was given back comes up again as late as possible."""

    def __init__(self) -> None:
        self._used: set[int] = set()
        self._last = 0

    def take(self) -> int:
        """One that nobody uses, from 1 to 65535. Raises Busy when all are used."""
        for step in range(1, _STREAMS):
            number = (self._last + step) % _STREAMS
            if number != 0 and number not in self._used:
                self._used.add(number)
                self._last = number
                return number
        raise Busy("all streams of the tunnel are in use")

    def give_back(self, number: int) -> None:
        self._used.discard(number)


class TunnelPcm:
    """A PCM stream (``contracts.PcmStream``) over stream ``number``: an ordinary Leg can stand on it."""

    rate = RATE

    def __init__(self, media: Media, number: int) -> None:
        self.number = number
        self.on_frame: Callable[[bytes], None] = _ignore
        self._media = media
        media.on_media(number, self._came)

    def send(self, frame: bytes) -> None:
        """20 ms of L16 for the far end; lost while the tunnel is down."""
        self._media.send_media(self.number, _SILENCE_ULAW if frame == _SILENCE else l16_to_ulaw(frame))

    def close(self) -> None:
        """Nothing comes any more, and the number is free."""
        self._media.on_media(self.number, None)
        self.on_frame = _ignore

    def _came(self, sequence: int, payload: bytes) -> None:
        if len(payload) == FRAME_SAMPLES:
            self.on_frame(ulaw_to_l16(payload))


def _ignore(frame: bytes) -> None:
    """Nobody listens."""
