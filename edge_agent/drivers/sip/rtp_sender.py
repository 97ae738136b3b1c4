"""Frames of sound, and keys, to the packets of one stream. Pure."""

from __future__ import annotations

import random

from edge_agent.drivers.sip.codec import PCMU, Codec
from edge_agent.drivers.sip.rtp_packet import SEQUENCES, TIMESTAMPS, build_rtp
from edge_agent.drivers.sip.telephone_event import KeySender
from edge_agent.media.source import SILENCE
from telecore.audio.frames import FRAME_BYTES, FRAME_SAMPLES

SHORTEST_MS, LONGEST_MS = 20, 60
_MARKER = 0x80


class RtpSender:
    """Its timestamp goes on by 160 with each frame, whatever becomes of it. ``packets``, ``octets``: for RTCP."""

    def __init__(self, rng: random.Random) -> None:
        self.ssrc = rng.getrandbits(32)
        self.packets = 0
        self.octets = 0
        self.keys = KeySender()
        self.timestamp = rng.getrandbits(32)
        """Of the next frame."""
        self._sequence = rng.getrandbits(16)
        self._codec = PCMU
        self._payload_type = 0
        self._events: int | None = None
        self._packet_bytes = FRAME_SAMPLES
        self._waiting = b""
        self._marker = _MARKER

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
        return 0.0 if self._events is None else self.keys.press(digits, tone_ms, gap_ms)

    def packet(self, frame: bytes) -> bytes | None:
        """What goes out now; None: the packet is not full yet."""
        timestamp = self.timestamp
        if self.keys.waiting and self._events is not None and (key := self.keys.next(timestamp)) is not None:
            return self._key(self._events, *key)
        codec = self._codec
        if frame == SILENCE:
            codes = codec.silence
        elif len(frame) == FRAME_BYTES:
            codes = codec.encode(frame)
        else:
            codes = codec.encode(frame[:FRAME_BYTES].ljust(FRAME_BYTES, b"\0"))
        self.timestamp = (timestamp + FRAME_SAMPLES) % TIMESTAMPS
        if self._packet_bytes != FRAME_SAMPLES:
            return self._collected(codes)
        return self._build(self._payload_type, timestamp, codes)

    def _collected(self, codes: bytes) -> bytes | None:
        waiting = self._waiting + codes
        if len(waiting) < self._packet_bytes:
            self._waiting = waiting
            return None
        begin = (self.timestamp - len(waiting)) % TIMESTAMPS
        self._waiting = waiting[self._packet_bytes :]
        return self._build(self._payload_type, begin, waiting[: self._packet_bytes])

    def _key(self, payload_type: int, payload: bytes, first: bool) -> bytes:
        self.timestamp = (self.timestamp + FRAME_SAMPLES) % TIMESTAMPS
        self._waiting = b""
        if first:
            self._marker = _MARKER
        return self._build(payload_type, self.keys.began, payload)

    def _build(self, payload_type: int, timestamp: int, payload: bytes) -> bytes:
        sequence = self._sequence
        self._sequence = (sequence + 1) % SEQUENCES
        self.packets += 1
        self.octets += len(payload)
        packet = build_rtp(payload_type | self._marker, sequence, timestamp, self.ssrc, payload)
        self._marker = 0
        return packet
