"""The sound of one call of the box: between RTP and the GSM side, with keys both ways."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from simulator.playout import PlayoutBuffer
from simulator.sip import rtp
from simulator.sip.manner import Keys, Manner
from simulator.sip.message import Address
from simulator.sip.sdp import PAYLOADS, Agreement
from simulator.sip.sockets import Datagrams, Received, numeric
from simulator.speech import FRAME_BYTES
from simulator.timing import Timers
from simulator.tones import tone
from telecore.audio.dtmf import DtmfDetector
from telecore.audio.frames import Encoding, Frame

FRAME_SAMPLES = 160
EVENT_FRAMES = 5  # 100 ms
LONGEST_TONES = 16_000 * 30
MOST_KEYS = 64


@dataclass(slots=True)
class _Pressed:
    key: str
    frames: int = 0
    stamp: int = 0


class Media:
    """An AudioPort: `pull` is what the agent says, `push` what the handset says. `keyed` hears of the handset's keys
    when they are told by INFO. Sound is sent from `push` only, so the speech clock alone sets the pace."""

    def __init__(self, opened: Callable[[Received], Datagrams], timers: Timers, manner: Manner, random: Random) -> None:
        self._timers = timers
        self._manner = manner
        self._random = random
        self._socket = opened(self._received)
        self._sender = opened(self._received) if manner.elsewhere else self._socket
        self._agreement: Agreement | None = None
        self._playout = PlayoutBuffer()
        self._tones = bytearray()
        self._detector = DtmfDetector()
        self._pressed: deque[_Pressed] = deque()
        self._unsent = b""
        self._event_stamp: int | None = None
        self._sequence = random.randrange(0x8000)
        self._stamp = random.randrange(0x8000_0000)
        self._source = random.randrange(0x1_0000_0000)
        self._marker = True
        self._to: Address | None = None
        self.keyed: Callable[[str], None] = lambda key: None
        self.heard_at: float | None = None
        self.sent = 0
        self.received = 0

    @property
    def port(self) -> int:
        """Where RTP is expected."""
        return self._socket.port

    @property
    def agreed(self) -> bool:
        """Whether both ends know what to send where."""
        return self._agreement is not None

    def agree(self, agreement: Agreement) -> None:
        """What offer and answer came to; again after each re-INVITE."""
        self._agreement = agreement
        there = (agreement.address, agreement.port)
        self._to = there if numeric(there) else None
        self._marker = True

    def new_source(self) -> None:
        """Another SSRC, sequence and timestamps, as some boxes have after the answer."""
        self._sequence = self._random.randrange(0x8000)
        self._stamp = self._random.randrange(0x8000_0000)
        self._source = self._random.randrange(0x1_0000_0000)
        self._marker = True

    def close(self) -> None:
        """Harmless when it is closed."""
        self._socket.close()
        self._sender.close()

    def press(self, digits: str) -> None:
        """Keys of the agent, told by INFO: they sound towards the handset."""
        for key in digits:
            if len(self._tones) < LONGEST_TONES:
                self._tones += tone(key)

    # ----------------------------------------------------------------------------- towards the handset

    def pull(self) -> bytes:
        """The next 20 ms for the handset; keys take the place of speech."""
        frame = self._playout.take()
        if not self._tones:
            return frame
        sounding = bytes(self._tones[:FRAME_BYTES])
        del self._tones[:FRAME_BYTES]
        return sounding + frame[len(sounding) :]

    def _received(self, data: bytes, source: Address) -> None:
        del source
        packet = rtp.parse(data)
        agreement = self._agreement
        if packet is None or agreement is None:
            return
        self.heard_at = self._timers.monotonic()
        self.received += 1
        if packet.payload_type == agreement.dtmf:
            self._event(packet)
        elif packet.payload_type == PAYLOADS[agreement.encoding] and agreement.receive:
            samples = Frame(agreement.encoding, packet.payload).to_l16().data
            self._playout.put(samples[: self._playout.room() // 2 * 2])

    def _event(self, packet: rtp.Packet) -> None:
        """A key is known by its timestamp, however many packets tell of it (RFC 4733 §2.6)."""
        key = rtp.read_event(packet.payload)
        if key is not None and packet.stamp != self._event_stamp:
            self._event_stamp = packet.stamp
            self.press(key)

    # ------------------------------------------------------------------------------- towards the agent

    def push(self, frame: bytes) -> None:
        """The next 20 ms of the handset."""
        self._listen(frame)
        self.send(frame)

    def send(self, frame: bytes) -> None:
        """20 ms to the agent; while a key is told, its events take the place of sound."""
        agreement = self._agreement
        if agreement is None:
            return
        self._stamp += FRAME_SAMPLES
        if not agreement.send:
            return
        if self._pressed and agreement.dtmf is not None:
            self._flush(agreement)
            self._tell(self._pressed[0], agreement.dtmf)
            return
        encoded = Frame(Encoding.L16, frame)
        self._unsent += (encoded.to_pcma() if agreement.encoding is Encoding.PCMA else encoded.to_pcmu()).data
        if len(self._unsent) >= agreement.ptime_ms * 8:
            self._flush(agreement)

    def _flush(self, agreement: Agreement) -> None:
        if self._unsent:
            begun = self._stamp - len(self._unsent)
            self._packet(PAYLOADS[agreement.encoding], begun, self._unsent)
            self._unsent = b""

    def _listen(self, frame: bytes) -> None:
        for key in self._detector.feed(frame):
            if self._manner.keys is Keys.INFO:
                self.keyed(key)
            elif self._manner.keys is Keys.RFC4733 and len(self._pressed) < MOST_KEYS:
                self._pressed.append(_Pressed(key))

    def _tell(self, pressed: _Pressed, payload_type: int) -> None:
        """A packet for each 20 ms that a key is down, and three to end it (RFC 4733 §2.5.1)."""
        if not pressed.frames:
            pressed.stamp = self._stamp - FRAME_SAMPLES
            self._marker = True
        pressed.frames += 1
        end = pressed.frames == EVENT_FRAMES
        payload = rtp.event(pressed.key, pressed.frames * FRAME_SAMPLES, end=end)
        for _ in range(3 if end else 1):
            self._packet(payload_type, pressed.stamp, payload)
        if end:
            self._pressed.popleft()

    def _packet(self, payload_type: int, stamp: int, payload: bytes) -> None:
        packet = rtp.Packet(payload_type, self._sequence, stamp, self._source, payload, self._marker)
        self._sequence += 1
        self._marker = False
        self.sent += 1
        if self._to is not None:
            self._sender.send(rtp.render(packet), self._to)
