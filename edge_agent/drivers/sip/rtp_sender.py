"""Frames of sound, and keys, to the packets of one stream. Pure."""

from __future__ import annotations

import random

from edge_agent.drivers.sip.codec import PCMU, WIDTH, Codec
from edge_agent.drivers.sip.rtp_packet import PLAIN, SEQUENCES, TIMESTAMPS, build_rtp, pack_usual
from edge_agent.drivers.sip.telephone_event import KeySender
from edge_agent.media.source import SILENCE
from telecore.audio.frames import FRAME_BYTES, FRAME_SAMPLES

SHORTEST_MS, LONGEST_MS = 20, 60
_MARKER = 0x80


class RtpSender:
    """Its timestamp goes on by 160 with each frame, whatever becomes of it. ``packets``, ``octets``: for RTCP."""

    __slots__ = (
        "_codec",
        "_events",
        "_first",
        "_marker",
        "_number",
        "_odd",
        "_odd_octets",
        "_packet_bytes",
        "_payload_type",
        "_pressing",
        "_waiting",
        "keys",
        "ssrc",
        "timestamp",
    )

    def __init__(self, rng: random.Random) -> None:
        self.ssrc = rng.getrandbits(32)
        self.keys = KeySender()
        self.timestamp = rng.getrandbits(32)
        """Of the next frame."""
        self._number = self._first = rng.getrandbits(16)
        """Of the next packet and of the first; the sequence number is what is left of it in 16 bits."""
        self._odd = self._odd_octets = 0
        """Packets that are not of 20 ms."""
        self._pressing = False
        self._codec = PCMU
        self._payload_type = 0
        self._events: int | None = None
        self._packet_bytes = FRAME_SAMPLES
        self._waiting = b""
        self._marker = _MARKER

    @property
    def packets(self) -> int:
        return self._number - self._first

    @property
    def octets(self) -> int:
        return (self.packets - self._odd) * FRAME_SAMPLES + self._odd_octets

    def plan(self, codec: Codec, payload_type: int, events: int | None, ptime_ms: int) -> None:
        """How sound goes out from now on. ``events``: the payload type of keys, None: there are none."""
        if codec is not self._codec:
            self._waiting = b""
        self._codec, self._payload_type, self._events = codec, payload_type, events
        self._packet_bytes = min(LONGEST_MS, max(SHORTEST_MS, ptime_ms)) * 8

    def pause(self, frames: int) -> None:
        """Nothing was sent for so long."""
        self.timestamp = (self.timestamp + frames * FRAME_SAMPLES) % TIMESTAMPS
        self._waiting, self._marker = b"", _MARKER

    def press(self, digits: str, tone_ms: int, gap_ms: int) -> float:
        """As MediaSession.send_digits; nothing happens where the far end did not agree to events."""
        if self._events is None:
            return 0.0
        self._pressing = True
        return self.keys.press(digits, tone_ms, gap_ms)

    def packet(self, frame: bytes) -> bytes | None:
        """What goes out now; None: the packet is not full yet."""
        timestamp = self.timestamp
        if self._pressing and (key := self._next_key()) is not None:
            return key
        if len(frame) != FRAME_BYTES:
            frame = frame[:FRAME_BYTES].ljust(FRAME_BYTES, b"\0")
        codes = self._codec.silence if frame == SILENCE else self._codec.encode(frame, WIDTH)
        self.timestamp = (timestamp + FRAME_SAMPLES) % TIMESTAMPS
        if self._packet_bytes != FRAME_SAMPLES:
            return self._collected(codes)
        number, kind = self._number, self._payload_type | self._marker
        self._number = number + 1
        self._marker = 0
        return pack_usual(PLAIN, kind, number % SEQUENCES, timestamp, self.ssrc, codes)

    def _collected(self, codes: bytes) -> bytes | None:
        waiting = self._waiting + codes
        if len(waiting) < self._packet_bytes:
            self._waiting = waiting
            return None
        begin = (self.timestamp - len(waiting)) % TIMESTAMPS
        self._waiting = waiting[self._packet_bytes :]
        return self._build(self._payload_type, begin, waiting[: self._packet_bytes])

    def _next_key(self) -> bytes | None:
        """None: it is time for sound."""
        events, self._pressing = self._events, bool(self.keys.waiting)
        if events is None or not self._pressing or (key := self.keys.next(self.timestamp)) is None:
            return None
        payload, first = key
        self.timestamp = (self.timestamp + FRAME_SAMPLES) % TIMESTAMPS
        self._waiting = b""
        if first:
            self._marker = _MARKER
        return self._build(events, self.keys.began, payload)

    def _build(self, payload_type: int, timestamp: int, payload: bytes) -> bytes:
        sequence = self._number % SEQUENCES
        self._number += 1
        self._odd += 1
        self._odd_octets += len(payload)
        packet = build_rtp(payload_type | self._marker, sequence, timestamp, self.ssrc, payload)
        self._marker = 0
        return packet
