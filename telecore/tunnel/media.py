"""Sound on the tunnel: frames of many calls in one message, cheap to make and to read.

A frame is stream u16, sequence u8, length code u8, payload. The encoding is a matter of the stream, agreed when it is
begun. A length code below 240 is the length in bytes; those above stand for the lengths of LONG.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import cycle
from struct import Struct

from telecore.errors import LocalProtocolError, RemoteProtocolError
from telecore.tunnel.frames import BINARY_LIMIT, MEDIA_TYPE

LONG = (320, 480, 640, 960, 1280, 1920)
"""G.711 of 40 and 60 ms, L16 at 8 and 16 kHz of 20 ms and more, in bytes."""
STALE_S = 0.2

_LENGTHS = (*range(240), *LONG, *([-1] * (256 - 240 - len(LONG))))
_CODES = {length: code for code, length in enumerate(_LENGTHS) if length >= 0}
_ALIKE = tuple(Struct(f"!HBx{length}s") if length >= 0 else None for length in _LENGTHS)
_START = bytes((MEDIA_TYPE,))
_HEADER = 4

MediaFrame = tuple[int, int, bytes]
"""Stream, sequence modulo 256, payload."""


def decode_media(data: bytes) -> list[MediaFrame]:
    """The frames of a message of type 1, in order. Raises RemoteProtocolError."""
    if len(data) > _HEADER:
        # Nearly always all frames have one length: then the C code of ``struct`` takes them apart.
        code = data[_HEADER]
        size = _LENGTHS[code] + _HEADER
        count, rest = divmod(len(data) - 1, size)
        alike = _ALIKE[code]
        if rest == 0 and alike is not None and data[_HEADER::size].count(code) == count:
            return list(alike.iter_unpack(memoryview(data)[1:]))
    return _decode_mixed(data)


def _decode_mixed(data: bytes) -> list[MediaFrame]:
    frames: list[MediaFrame] = []
    at, end = 1, len(data)
    while at < end:
        body = at + _HEADER
        if body > end:
            raise RemoteProtocolError(f"media frame at byte {at} is cut short")
        length = _LENGTHS[data[at + 3]]
        after = body + length
        if length < 0 or after > end:
            raise RemoteProtocolError(f"media frame at byte {at} does not fit its message")
        frames.append((data[at] << 8 | data[at + 1], data[at + 2], data[body:after]))
        at = after
    return frames


class MediaQueue:
    """Frames on their way out. What could not leave within ``stale_s`` is dropped and counted.

    ``add`` runs for every frame of every call: it looks at no clock but for the first of a batch.
    """

    def __init__(self, clock: Callable[[], float], stale_s: float = STALE_S) -> None:
        self.dropped = 0
        """Frames that became stale here."""
        self.sent = 0
        """Frames that left."""
        self._clock = clock
        self._stale_s = stale_s
        self._pieces: list[bytes] = [_START]
        self._since = 0.0
        self._held: deque[tuple[float, list[bytes]]] = deque()
        self._streams: dict[int, tuple[int, Callable[[], bytes]]] = {}

    def __bool__(self) -> bool:
        return len(self._pieces) > 1 or bool(self._held)

    def add(self, stream: int, payload: bytes) -> None:
        """Put one frame in line; ``stream`` is from 0 to 65535. Raises LocalProtocolError for an odd length."""
        entry = self._streams.get(stream)
        if entry is None or entry[0] != len(payload):
            entry = self._begin(stream, len(payload))
        pieces = self._pieces
        if len(pieces) == 1:
            self._since = self._clock()
        pieces += (entry[1](), payload)

    def _begin(self, stream: int, length: int) -> tuple[int, Callable[[], bytes]]:
        """The headers of a stream from now on, as long as its frames keep this length."""
        code = _CODES.get(length)
        if code is None or not 0 <= stream <= 0xFFFF:
            raise LocalProtocolError(f"media of {length} bytes on stream {stream} cannot be sent")
        before = self._streams.get(stream)
        first = before[1]()[2] if before is not None else 0
        prefix = stream.to_bytes(2, "big")
        headers = [prefix + bytes(((first + n) & 255, code)) for n in range(256)]
        entry = self._streams[stream] = (length, cycle(headers).__next__)
        return entry

    def end(self, stream: int) -> None:
        """Forget a stream that is over."""
        self._streams.pop(stream, None)

    def take(self) -> list[bytes]:
        """All messages that are due and still worth sending."""
        if self._held or _too_many(self._pieces):
            return self._take_held()
        pieces = self._pieces
        if len(pieces) == 1:
            return []
        self._pieces = [_START]
        self.sent += len(pieces) // 2
        return [b"".join(pieces)]

    def _take_held(self) -> list[bytes]:
        self.hold()
        held, self._held = self._held, deque()
        self.sent += sum(len(pieces) // 2 for _, pieces in held)
        return [message for _, pieces in held for message in _join(pieces)]

    def hold(self) -> None:
        """The line is blocked: close the batch, so that each becomes stale at its own time, and drop what is."""
        now = self._clock()
        if len(self._pieces) > 1:
            self._held.append((self._since, self._pieces))
            self._pieces = [_START]
        while self._held and now - self._held[0][0] > self._stale_s:
            self.dropped += len(self._held.popleft()[1]) // 2


def _too_many(pieces: list[bytes]) -> bool:
    return len(pieces) > 60 and sum(map(len, pieces)) > BINARY_LIMIT


def _join(pieces: list[bytes]) -> Iterator[bytes]:
    """Messages below the limit."""
    message = bytearray(_START)
    for at in range(1, len(pieces), 2):
        header, payload = pieces[at : at + 2]
        if len(message) + _HEADER + len(payload) > BINARY_LIMIT:
            yield bytes(message)
            message = bytearray(_START)
        message += header + payload
    yield bytes(message)
