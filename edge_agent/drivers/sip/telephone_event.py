"""Keys as named telephone events (RFC 4733 §2). Sans-I/O."""

from __future__ import annotations

import struct
from collections import deque
from typing import NamedTuple

from edge_agent.drivers.sip.rtp_packet import TIMESTAMPS
from telecore.audio.frames import FRAME_MS, FRAME_SAMPLES
from telecore.errors import RemoteProtocolError

KEYS = "0123456789*#ABCD"
VOLUME = 10
"""-10 dBm0, about what a telephone sends."""
ENDS = 3
"""How often the last packet of an event is sent (§2.5.1.4)."""
MOST_KEYS = 256
_END, _VOLUME = 0x80, 0x3F
_MOST_DURATION = 0xFFFF
_EVENT = struct.Struct("!BBH")
_SLACK = 160
"""Samples by which a packet may begin after the last one's end and still be of the same press."""


class TelephoneEvent(NamedTuple):
    """``duration`` in samples since the press began, ``volume`` in dB below 0 dBm0."""

    event: int
    end: bool
    volume: int
    duration: int


def parse_event(payload: bytes) -> TelephoneEvent:
    """The first event of a payload. Raises RemoteProtocolError when it is too short."""
    if len(payload) < _EVENT.size:
        raise RemoteProtocolError(f"a telephone event of {len(payload)} bytes")
    event, flags, duration = _EVENT.unpack_from(payload)
    return TelephoneEvent(event, bool(flags & _END), flags & _VOLUME, duration)


def build_event(event: TelephoneEvent) -> bytes:
    return _EVENT.pack(event.event, event.volume | (_END if event.end else 0), event.duration)


class KeyReceiver:
    """Tells each press once, by its first packet that arrives.

    All packets of a press have the timestamp of its beginning. Two kinds go on under a new one: a press longer than a
    duration can say (§2.5.1.3), and that of gateways which count on within a press. Both begin before the last packet
    ended, carry no marker, and no end was seen.
    """

    def __init__(self) -> None:
        self._event: int | None = None
        self._timestamp = 0
        self._until = 0
        self._ended = True

    def take(self, payload: bytes, timestamp: int, *, marker: bool) -> str:
        """The key that was pressed, or nothing. Raises RemoteProtocolError."""
        seen = parse_event(payload)
        since = (timestamp - self._timestamp) % TIMESTAMPS
        if self._event is not None and since >= TIMESTAMPS // 2:
            return ""  # an old packet that was overtaken
        known = self._event == seen.event and (since == 0 or self._goes_on(timestamp, marker=marker))
        if since == 0 and self._event is not None and not known:
            return ""  # another event at the same instant: nobody has two fingers on a key
        ended = seen.end or (known and since == 0 and self._ended)
        self._event, self._timestamp, self._ended = seen.event, timestamp, ended
        self._until = (timestamp + seen.duration) % TIMESTAMPS
        return "" if known or seen.event >= len(KEYS) else KEYS[seen.event]

    def restart(self) -> None:
        """The far end's timestamps began anew."""
        self._event = None

    def _goes_on(self, timestamp: int, *, marker: bool) -> bool:
        return not self._ended and not marker and (self._until + _SLACK - timestamp) % TIMESTAMPS < TIMESTAMPS // 2


class _Press(NamedTuple):
    event: int
    tone: int
    gap: int


class KeySender:
    """Keys to be pressed one after the other: what goes out instead of sound in each frame."""

    __slots__ = ("_elapsed", "began", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[_Press] = deque()
        """Those that are not over."""
        self._elapsed = 0
        self.began = 0
        """Timestamp of the press that is being sent."""

    def press(self, digits: str, tone_ms: int, gap_ms: int) -> float:
        """Append these keys; others are left out. Seconds until the last is over."""
        tone, gap = max(2, round(tone_ms / FRAME_MS)), max(ENDS, round(gap_ms / FRAME_MS))
        tone = min(tone, _MOST_DURATION // FRAME_SAMPLES)
        for key in digits.upper():
            if key in KEYS and len(self.waiting) < MOST_KEYS:
                self.waiting.append(_Press(KEYS.index(key), tone, gap))
        return max(0, sum(press.tone + press.gap for press in self.waiting) - self._elapsed) * FRAME_MS / 1000

    def next(self, timestamp: int) -> tuple[bytes, bool] | None:
        """The payload for this frame, and whether it begins a press; None: sound goes out (between two keys)."""
        press, elapsed = self.waiting[0], self._elapsed
        if elapsed == 0:
            self.began = timestamp
        self._elapsed += 1
        if self._elapsed == press.tone + press.gap:
            self.waiting.popleft()
            self._elapsed = 0
        # The end's three packets are the one that completes the tone and the first two of the gap.
        if elapsed >= press.tone + ENDS - 1:
            return None
        end = elapsed >= press.tone - 1
        duration = min(elapsed + 1, press.tone) * FRAME_SAMPLES
        return build_event(TelephoneEvent(press.event, end, VOLUME, duration)), elapsed == 0
