"""Packets of one call, in any order and from several streams, to frames and keys. Pure."""

from __future__ import annotations

from edge_agent.drivers.sip.codec import PCMA, PCMU, Codec
from edge_agent.drivers.sip.playout import Playout
from edge_agent.drivers.sip.reception import Reception
from edge_agent.drivers.sip.rtp_packet import PLAIN, USUAL_BYTES, RtpPacket, parse_rtp, unpack_usual
from edge_agent.drivers.sip.telephone_event import KeyReceiver

COMFORT_NOISE = 13
MOST_SAMPLES = 1600
"""Sound longer than 200 ms is none."""


class RtpReceiver:
    """``unknown``: packets of payload types that were not agreed on; they and others that say nothing are dropped.

    Both laws are taken whichever was agreed on: some gateways send the one and announce the other.
    """

    __slots__ = (
        "_codec",
        "_codecs",
        "_events",
        "_keys",
        "_listening",
        "_ssrc",
        "_usual",
        "playout",
        "reception",
        "unknown",
    )

    def __init__(self) -> None:
        self.reception = Reception()
        self.playout = Playout()
        self.unknown = 0
        self._keys = KeyReceiver()
        self._codecs: dict[int, Codec] = {}
        self._codec = PCMU
        self._usual: int | None = None
        self._events: int | None = None
        self._listening = False
        self._ssrc: int | None = None

    def plan(self, codec: Codec, payload_type: int, events: int | None, *, listening: bool) -> None:
        """What comes from now on. Not ``listening``: the call is held, and its sound counts but is not heard."""
        self._codec, self._events, self._listening = codec, events, listening
        self._usual = payload_type
        self._codecs = {PCMU.payload_type: PCMU, PCMA.payload_type: PCMA, payload_type: codec}
        self.playout.plan(codec)

    def take(self, data: bytes, now: float) -> str:
        """A datagram that came at ``now``, in seconds. The key it reports, if any. Raises RemoteProtocolError."""
        if len(data) == USUAL_BYTES:
            first, kind, sequence, timestamp, ssrc, codes = unpack_usual(data)
            if first == PLAIN and kind == self._usual and ssrc == self._ssrc:
                if self.reception.sound(ssrc, sequence, timestamp, now) and self._listening:
                    self.playout.push(timestamp, codes)
                return ""
        return self._take(parse_rtp(data), now)

    def _take(self, packet: RtpPacket, now: float) -> str:
        kind, _, sequence, timestamp, ssrc, payload = packet
        if kind == self._events:
            return self._event(packet)
        codec = self._codecs.get(kind)
        if (codec is None and kind != COMFORT_NOISE) or not 0 < len(payload) <= MOST_SAMPLES:
            self.unknown += 1
            return ""
        reception = self.reception
        if not (reception.accept(ssrc, sequence) if codec is None else reception.sound(ssrc, sequence, timestamp, now)):
            return ""
        if ssrc != self._ssrc:
            self._ssrc = ssrc
            self.playout.restart()
            self._keys.restart()
        if codec is None:
            self.playout.comfort(payload[0])
            return ""
        if self._listening:
            self.playout.push(timestamp, payload if codec is self._codec else self._codec.from_other(payload))
        return ""

    def _event(self, packet: RtpPacket) -> str:
        """Some send events as a stream of their own, which is no reason to leave the one of the sound."""
        if self.reception.ssrc in (packet.ssrc, None) and not self.reception.accept(packet.ssrc, packet.sequence):
            return ""
        key = self._keys.take(packet.payload, packet.timestamp, marker=packet.marker)
        self.playout.key()
        return key
