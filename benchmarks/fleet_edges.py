"""Simulated edges, many in one process: TLS, WebSocket and our tunnel by ``telecore``, without anything behind it.

Each proves itself by a key of its own, and has a street of SMS it has received; it offers what is not acknowledged
after every reconnect, as an agent does, and comes back as one does: full jitter, ``Retry-After``, the moment that a Bye
names. Figures go to standard output, a JSON line five times a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import resource
import ssl
import struct
import sys
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from cloud import signing
from telecore import codec
from telecore.backoff import Policy, next_delay
from telecore.errors import RemoteProtocolError
from telecore.events import MessageReceived
from telecore.ids import Address, ChannelId, EdgeId, MessageSid, new_sid
from telecore.tunnel.events import Acknowledged, Greeted, HelloArrived, PeerLeft
from telecore.tunnel.frames import Side
from telecore.tunnel.proof import NONCE, PINNED, SCHEME, Proof, decode_welcome, encode_proof, read_cloud_side
from telecore.tunnel.protocol import TunnelProtocol

RETRY = Policy(first=0.4, factor=2.0, cap=60.0)
OPEN_S = 10.0
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_NONCE = "5ec2e7" + "0" * 58


FIRST_STATE = "enrolled"
"""What an edge shows at its first join, in place of what its enrolment gave it."""


def seed_of(edge: str) -> str:
    """The private key of a simulated edge."""
    return hashlib.sha256(edge.encode()).hexdigest()


@dataclass
class Figures:
    """``up``: greeted now. ``told``: SMS given to the cloud so far, ``acked``: those it has acknowledged."""

    up: int = 0
    attempts: int = 0
    refused: int = 0
    late: int = 0
    told: int = 0
    acked: int = 0


class Edge:
    """One agent; a connection after the other."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self.fleet = fleet
        self.name = name
        self.seed = seed_of(name)
        self.states: tuple[str, ...] = (FIRST_STATE,)
        """What the cloud gave at the last two joins."""
        self.rows: list[dict[str, object]] = []
        self.acked = 0
        self.up = False
        self.failures = 0
        self.stay_away_s = 0.0
        self.line: Connection | None = None

    def tell(self) -> None:
        """One more SMS has come in."""
        event = MessageReceived(
            message=MessageSid(new_sid("SM")),
            channel=ChannelId(f"{self.name}/modem1"),
            sender=Address("+85512000001"),
            recipient=None,
            body="water at the bridge",
            parts=1,
            sent_at=datetime.now(UTC),
            at=datetime.now(UTC),
        )
        self.rows.append(codec.encode(event))
        self.fleet.figures.told += 1
        if self.up and self.line is not None and not self.fleet.bare:
            self.line.offer()

    async def run(self) -> None:
        figures = self.fleet.figures
        while True:
            figures.attempts += 1
            self.stay_away_s = 0.0
            self.line = line = Connection(self)
            try:
                async with asyncio.timeout(OPEN_S):
                    await self.fleet.connect(line)
                await line.over
            except TimeoutError:
                figures.late += 1
            except OSError:
                pass
            self.line = None
            self.failures = 1 if self.up or self.stay_away_s else self.failures + 1
            figures.up -= self.up
            self.up = False
            await asyncio.sleep(self.stay_away_s + next_delay(self.fleet.retry, self.failures, random.random))

    def greeted(self) -> None:
        self.up = True
        self.fleet.figures.up += 1


class Connection(asyncio.Protocol):
    """TLS, WebSocket, tunnel. In a bare fleet it is up when the WebSocket is, and nothing is said."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.fleet = edge.fleet
        self.buffer = bytearray()
        self.opened = self.welcomed = False
        self.over = asyncio.get_running_loop().create_future()
        self.link = TunnelProtocol(Side.EDGE, edge=edge.name, instance="i", stream="up", highest=len(edge.rows))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        if self.edge.line is not self:  # it came when nobody waited for it any more
            self.transport.abort()
            return
        self.watch = asyncio.get_running_loop().call_later(OPEN_S, self.give_up)
        self.seen = hashlib.sha256(transport.get_extra_info("ssl_object").getpeercert(True)).hexdigest()
        said = (
            f"GET /tunnel HTTP/1.1\r\nHost: cloud\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: {SCHEME} {self.edge.name}\r\n{NONCE}: {_NONCE}\r\n{PINNED}: \r\n\r\n"
        )
        self.transport.write(said.encode())

    def connection_lost(self, exc: Exception | None) -> None:
        if hasattr(self, "watch"):
            self.watch.cancel()
        if not self.over.done():
            self.over.set_result(None)

    def give_up(self) -> None:
        if not self.edge.up:
            self.fleet.figures.late += 1
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.opened and not self.read_answer():
            return
        while (frame := self.take()) is not None:
            kind, body = frame
            if kind == _PING:
                self.write(_PONG, body)
            elif kind == _CLOSE:
                self.transport.close()
            elif not self.welcomed and not self.fleet.bare:
                self.welcome(body.decode())
            else:
                self.link.receive(body.decode() if kind == _TEXT else body)
        self.serve()

    def read_answer(self) -> bool:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self.buffer[:end].decode("latin-1")
        del self.buffer[: end + 4]
        if " 101 " not in head.split("\r\n")[0]:
            self.fleet.figures.refused += 1
            for line in head.split("\r\n"):
                if line.lower().startswith("retry-after:"):
                    self.edge.stay_away_s = float(line.split(":")[1])
            self.transport.close()
            return False
        self.opened = True
        if self.fleet.bare:
            self.edge.greeted()
        else:
            self.prove(dict(line.split(": ", 1) for line in head.split("\r\n")[1:]))
            self.link.start()
        return True

    def prove(self, headers: dict[str, str]) -> None:
        """Our first message. Whether the cloud is the right one is not looked at: it is the server's time."""
        edge = self.edge
        cloud, _ = read_cloud_side(edge.name, _NONCE, headers)
        proof = Proof(signing.public_of(edge.seed), self.seen, edge.states, "")
        signature = signing.sign(edge.seed, proof.signed(cloud))
        self.write(_TEXT, encode_proof(replace(proof, signature=signature)).encode())

    def welcome(self, text: str) -> None:
        try:
            state = decode_welcome(text).state
        except RemoteProtocolError:  # a Bye
            self.transport.close()
            return
        self.edge.states = (state, *self.edge.states[:1])
        self.welcomed = True

    def serve(self) -> None:
        while events := self.link.events():
            for event in events:
                self.happened(event)
        if self.opened and not self.fleet.bare:
            self.offer()

    def happened(self, event: object) -> None:
        edge = self.edge
        if isinstance(event, HelloArrived):
            self.link.resume(0)
        elif isinstance(event, Acknowledged):
            self.fleet.figures.acked += max(0, event.upto - edge.acked)
            edge.acked = max(edge.acked, event.upto)
        elif isinstance(event, Greeted):
            edge.greeted()
        elif isinstance(event, PeerLeft):
            edge.stay_away_s = event.after

    def offer(self) -> None:
        after, limit = self.link.wants()
        rows = self.edge.rows[after : after + limit]
        if rows:
            self.link.offer([(after + n + 1, row) for n, row in enumerate(rows)])
        for text in self.link.data_to_send():
            self.write(_TEXT, text.encode())
        while (item := self.link.next_item()) is not None:
            self.write(_TEXT, item.encode())

    def write(self, kind: int, body: bytes) -> None:
        """A client's frame, masked with zeros, which changes nothing (RFC 6455 §5.3)."""
        size = len(body)
        length = struct.pack("!B", 0x80 | size) if size < 126 else struct.pack("!BH", 0x80 | 126, size)
        self.transport.write(struct.pack("!B", 0x80 | kind) + length + b"\0\0\0\0" + body)

    def take(self) -> tuple[int, bytes] | None:
        data = self.buffer
        if len(data) < 2:
            return None
        size, at = data[1] & 0x7F, 2
        if size == 126:
            if len(data) < 4:
                return None
            size, at = int.from_bytes(data[2:4], "big"), 4
        if len(data) < at + size:
            return None
        frame = data[0] & 0x0F, bytes(data[at : at + size])
        del data[: at + size]
        return frame


class Fleet:
    def __init__(self, port: int, count: int, *, bare: bool, cap_s: float) -> None:
        self.retry = replace(RETRY, cap=cap_s)
        self.port, self.bare = port, bare
        self.figures = Figures()
        self.edges = [Edge(self, EdgeId(f"e{n}")) for n in range(count)]
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE  # the certificate is made for the run, and it is the server's time

    async def connect(self, line: Connection) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: line, "127.0.0.1", self.port, ssl=self._tls)

    async def run(self, ramp_s: float) -> None:
        """``ramp_s``: over which the first connections are spread. A line ``tell`` gives every edge one more SMS."""
        asks: asyncio.Queue[str] = asyncio.Queue()
        asyncio.get_running_loop().add_reader(sys.stdin, lambda: asks.put_nowait(sys.stdin.readline()))
        tasks = [asyncio.create_task(self.one(edge, ramp_s)) for edge in self.edges]
        while True:
            try:
                async with asyncio.timeout(0.2):
                    asked = (await asks.get()).strip()
            except TimeoutError:
                print(json.dumps(asdict(self.figures)), flush=True)
                continue
            if asked != "tell":
                break
            for edge in self.edges:
                edge.tell()
        for task in tasks:
            task.cancel()

    async def one(self, edge: Edge, ramp_s: float) -> None:
        await asyncio.sleep(random.random() * ramp_s)
        await edge.run()


def main() -> None:
    given = json.loads(sys.argv[1])
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    fleet = Fleet(given["port"], given["count"], bare=given["bare"], cap_s=given["cap_s"])
    try:
        from uvloop import run
    except ImportError:
        run = asyncio.run
    run(fleet.run(given["ramp_s"]))


if __name__ == "__main__":
    main()
