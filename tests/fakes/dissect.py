"""What tshark says of datagrams and streams that a test saw: a second opinion on everything we put on a wire.

    capture = Capture()
    capture.udp(("127.0.0.1", 17000), ("127.0.0.1", 4000), packet)
    seen = capture.dissect({17000: "rtp", 4000: "rtp"}, fields=("rtp.seq",))
    assert seen.complaints == []

No live capture: the packets are written into a file with IP headers of our own. Without tshark, ``dissect`` skips.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Address
from pathlib import Path

import pytest

Address = tuple[str, int]

_LINKTYPE_IPV4 = 228
_UDP, _TCP = 17, 6
_SYN, _ACK, _PSH = 0x02, 0x10, 0x08
_RECORD_S = 0.001


class Severity(IntEnum):
    """Of an expert message."""

    COMMENT = 0x100000
    CHAT = 0x200000
    NOTE = 0x400000
    WARN = 0x600000
    ERROR = 0x800000


@dataclass(frozen=True, slots=True)
class Dissected:
    """One packet: its protocols from the outside inwards, and the fields asked for, several values in one tuple."""

    number: int
    protocols: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Dissection:
    """``complaints``: ``number protocol: message`` of each expert message that is grave enough, in order."""

    packets: tuple[Dissected, ...]
    complaints: list[str]

    def of(self, protocol: str) -> tuple[Dissected, ...]:
        """The packets that carry this protocol."""
        return tuple(packet for packet in self.packets if protocol in packet.protocols)


@dataclass
class Capture:
    """Collects IPv4 packets in the order in which they are told of, one millisecond apart unless ``at`` says when."""

    _packets: list[tuple[float, bytes]] = field(default_factory=list)
    _sent: dict[tuple[Address, Address], int] = field(default_factory=dict)

    def udp(self, source: Address, destination: Address, payload: bytes, at: float | None = None) -> None:
        """A datagram went from here to there; ``at`` in seconds."""
        header = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0)
        self._add(_UDP, source, destination, header + payload, at)

    def tcp(self, source: Address, destination: Address, payload: bytes, at: float | None = None) -> None:
        """This went over the stream between these two. The first call makes the stream: who is told first began it."""
        there, back = (source, destination), (destination, source)
        if there not in self._sent:
            self._sent[there], self._sent[back] = 1, 1
            self._segment(there, _SYN, 0, 0, b"", at)
            self._segment(back, _SYN | _ACK, 0, 1, b"", at)
            self._segment(there, _ACK, 1, 1, b"", at)
        for begin in range(0, len(payload), 1400):
            part = payload[begin : begin + 1400]
            self._segment(there, _PSH | _ACK, self._sent[there], self._sent[back], part, at)
            self._sent[there] += len(part)
        self._segment(back, _ACK, self._sent[back], self._sent[there], b"", at)

    def write(self, path: Path) -> None:
        """As a pcap file."""
        with path.open("wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _LINKTYPE_IPV4))
            for at, packet in self._packets:
                seconds, part = divmod(round(at * 1e6), 1_000_000)
                file.write(struct.pack("<IIII", seconds, part, len(packet), len(packet)) + packet)

    def dissect(
        self,
        decode_as: Mapping[int, str] | None = None,
        *,
        fields: Sequence[str] = (),
        options: Sequence[str] = (),
        least: Severity = Severity.WARN,
    ) -> Dissection:
        """``decode_as``: protocols by port, of UDP and TCP alike. ``options``: further ones of tshark."""
        tshark = shutil.which("tshark")
        if tshark is None:
            pytest.skip("tshark is not installed")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "packets.pcap"
            self.write(path)
            command = [tshark, "-n", "-r", str(path), "-T", "fields", "-E", "separator=/t", "-E", "aggregator=\x1f"]
            for port, protocol in (decode_as or {}).items():
                transport = (
                    "tcp" if any(packet[9] == _TCP and _on(packet, port) for _, packet in self._packets) else "udp"
                )
                command += ["-d", f"{transport}.port=={port},{protocol}"]
            names = ("frame.number", "frame.protocols", "_ws.expert.severity", "_ws.expert.message", *fields)
            command += [part for name in names for part in ("-e", name)]
            done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise AssertionError(f"tshark: {done.stderr}")
        return _read(done.stdout, fields, least)

    def _segment(
        self, way: tuple[Address, Address], flags: int, seq: int, ack: int, payload: bytes, at: float | None
    ) -> None:
        source, destination = way
        header = struct.pack("!HHIIBBHHH", source[1], destination[1], seq, ack, 5 << 4, flags, 65535, 0, 0)
        self._add(_TCP, source, destination, header + payload, at)

    def _add(self, protocol: int, source: Address, destination: Address, body: bytes, at: float | None) -> None:
        header = struct.pack(
            "!BBHHHBBH4s4s",
            0x45,
            0,
            20 + len(body),
            len(self._packets) & 0xFFFF,
            0,
            64,
            protocol,
            0,
            IPv4Address(source[0]).packed,
            IPv4Address(destination[0]).packed,
        )
        last = self._packets[-1][0] if self._packets else 0.0
        self._packets.append((last + _RECORD_S if at is None else at, header + body))


def _on(packet: bytes, port: int) -> bool:
    return port in struct.unpack_from("!HH", packet, 20)


def _read(text: str, fields: Sequence[str], least: Severity) -> Dissection:
    packets, complaints = [], []
    for line in text.splitlines():
        number, protocols, severities, messages, *values = line.split("\t")
        seen = tuple(protocols.split(":"))
        packets.append(Dissected(int(number), seen, dict(zip(fields, map(_values, values), strict=True))))
        for severity, message in zip(_values(severities), _values(messages), strict=False):
            if int(severity, 0) >= least:
                complaints.append(f"{number} {seen[-1]}: {message}")
    return Dissection(tuple(packets), complaints)


def _values(text: str) -> tuple[str, ...]:
    return tuple(text.split("\x1f")) if text else ()
