"""Sound on the tunnel: frames of many calls in one message, cheap to make and to read.

A frame is stream u16, sequence u8, length code u8, payload. The encoding is a matter of the stream, agreed when it is
begun. A length code below 240 is the length in bytes; those above stand for the lengths of LONG.
"""

from __future__ import annotations

from telecore.errors import LocalProtocolError, RemoteProtocolError
from telecore.tunnel.frames import BINARY_LIMIT, MEDIA_TYPE

LONG = (320, 480, 640, 960, 1280, 1920)
"""G.711 of 40 and 60 ms, L16 at 8 and 16 kHz of 20 ms and more, in bytes."""
STALE_S = 0.2

_LENGTHS = (*range(240), *LONG, *([-1] * (256 - 240 - len(LONG))))
_CODES = {length: code for code, length in enumerate(_LENGTHS) if length >= 0}
_TAILS = {length: tuple(bytes((seq, code)) for seq in range(256)) for length, code in _CODES.items()}
_START = bytes((MEDIA_TYPE,))
_HEADER = 4
_BATCH_S = 0.02

MediaFrame = tuple[int, int, bytes]
"""Stream, sequence modulo 256, payload."""


def decode_media(data: bytes) -> list[MediaFrame]:
    """The frames of a message of type 1, in order. Raises RemoteProtocolError."""
    frames: list[MediaFrame] = []
    lengths = _LENGTHS
    at, end = 1, len(data)
    try:
        while at < end:
            length = lengths[data[at + 3]]
            body = at + _HEADER
            after = body + length
            if after < body or after > end:
                raise RemoteProtocolError(f"media frame at byte {at} does not fit its message")
            frames.append((data[at] << 8 | data[at + 1], data[at + 2], data[body:after]))
            at = after
    except IndexError as error:
        raise RemoteProtocolError(f"media frame at byte {at} is cut short") from error
    return frames


class _Batch:
    """Frames that are to leave together: when the first came, their pieces, and their size in bytes."""

    __slots__ = ("pieces", "since", "size")

    def __init__(self, since: float) -> None:
        self.since = since
        self.pieces: list[bytes] = [_START]
        self.size = 1


class MediaQueue:
    """Frames on their way out. What could not leave within ``stale_s`` is dropped and counted."""

    def __init__(self, stale_s: float = STALE_S) -> None:
        self.dropped = 0
        """Frames that became stale here."""
        self.sent = 0
        """Frames that left."""
        self._stale_s = stale_s
        self._batches: list[_Batch] = []
        self._open: _Batch | None = None
        self._heads: dict[int, bytes] = {}
        self._sequences: dict[int, int] = {}

    def __bool__(self) -> bool:
        return self._open is not None

    def add(self, stream: int, payload: bytes, now: float) -> None:
        """Put one frame in line; ``stream`` is from 0 to 65535. Raises LocalProtocolError for an odd length."""
        length = len(payload)
        if length not in _TAILS:
            raise LocalProtocolError(f"media of {length} bytes cannot be sent")
        batch = self._open
        if batch is None or now - batch.since >= _BATCH_S or batch.size + length + _HEADER > BINARY_LIMIT:
            batch = self._open = _Batch(now)
            self._batches.append(batch)
        try:
            sequence = self._sequences[stream]
        except KeyError:
            sequence = 0
            self._heads[stream] = stream.to_bytes(2, "big")
        self._sequences[stream] = (sequence + 1) & 255
        batch.pieces += (self._heads[stream], _TAILS[length][sequence], payload)
        batch.size += length + _HEADER

    def end(self, stream: int) -> None:
        """Forget a stream that is over."""
        self._sequences.pop(stream, None)
        self._heads.pop(stream, None)

    def take(self, now: float) -> list[bytes]:
        """All messages that are due and still worth sending."""
        self.expire(now)
        batches, self._batches, self._open = self._batches, [], None
        for batch in batches:
            self.sent += len(batch.pieces) // 3
        return [b"".join(batch.pieces) for batch in batches]

    def expire(self, now: float) -> None:
        """Drop what is stale."""
        batches = self._batches
        while batches and now - batches[0].since > self._stale_s:
            self.dropped += len(batches.pop(0).pieces) // 3
        if not batches:
            self._open = None
