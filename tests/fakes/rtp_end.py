"""A far end of RTP that is nothing but two sockets: what a test tells it to send, and what came."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Self

from edge_agent.drivers.sip.media import MediaPlan, MediaSession
from edge_agent.drivers.sip.rtp_packet import RtpPacket, build_rtp, parse_rtp
from telecore.audio.frames import Encoding

Place = tuple[str, int]


def bound(address: str = "127.0.0.1", port: int = 0) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind((address, port))
    return made


class Wire:
    """One socket on the loop: datagrams with their sources."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self.socket = bound(address, port)
        self.place: Place = self.socket.getsockname()
        self.came: list[tuple[bytes, Place]] = []
        self.on_datagram: Callable[[bytes, Place], None] = lambda data, source: None
        asyncio.get_running_loop().add_reader(self.socket, self._read)

    def send(self, data: bytes, to: Place) -> None:
        self.socket.sendto(data, to)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()

    def _read(self) -> None:
        data, source = self.socket.recvfrom(65536)
        self.came.append((data, source))
        self.on_datagram(data, source)


class RtpEnd:
    """RTP and RTCP of a far end at ``address``. ``plan`` is what its SDP would have come to."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.rtp, self.rtcp = Wire(address), Wire(address)
        self.ssrc, self.sequence, self.timestamp = 0x1234, 65_530, 4_294_967_000
        """Both are about to wrap."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.rtp.close()
        self.rtcp.close()

    @property
    def came(self) -> list[RtpPacket]:
        return [parse_rtp(data) for data, _ in self.rtp.came]

    def plan(self, encoding: Encoding = Encoding.PCMU, **more: object) -> MediaPlan:
        fields: dict[str, object] = {
            "address": self.rtp.place[0],
            "port": self.rtp.place[1],
            "encoding": encoding,
            "payload_type": 8 if encoding is Encoding.PCMA else 0,
            "dtmf": 101,
            "rtcp_port": self.rtcp.place[1],
        }
        return MediaPlan(**{**fields, **more})  # type: ignore[arg-type]

    def sound(self, codes: bytes, payload_type: int = 0) -> bytes:
        """The next packet of this stream."""
        packet = build_rtp(payload_type, self.sequence, self.timestamp, self.ssrc, codes)
        self.sequence = (self.sequence + 1) % (1 << 16)
        self.timestamp = (self.timestamp + len(codes)) % (1 << 32)
        return packet

    def event(self, payload: bytes, timestamp: int, *, first: bool = False, payload_type: int = 101) -> bytes:
        """A packet of a key, which takes a sequence number and no time."""
        packet = build_rtp(payload_type | 0x80 * first, self.sequence, timestamp, self.ssrc, payload)
        self.sequence = (self.sequence + 1) % (1 << 16)
        return packet


async def until(true: Callable[[], object], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def here(session: MediaSession) -> tuple[str, int]:
    return "127.0.0.1", session.port
