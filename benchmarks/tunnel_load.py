"""What the tunnel's benchmarks share: servers that echo sound, each in a process of its own, and a client for all.

The server has one core, the load another. CPU is the server's, read from the scheduler.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from telecore.tunnel.events import HelloArrived
from telecore.tunnel.frames import Side
from telecore.tunnel.media import MediaQueue, decode_media
from telecore.tunnel.protocol import TunnelProtocol

FRAME = bytes(160)
CALLS_PER_TUNNEL = 8


class Served:
    """A server process, pinned to the last core."""

    def __init__(self, kind: str, directory: Path, *options: str) -> None:
        self.kind = kind
        self.tls = "tls" in options
        command = [sys.executable, "-m", "benchmarks.tunnel_servers", kind, str(directory), *options]
        errors = None if kind == "ours" else subprocess.DEVNULL  # a peer overrun tells of every broken pipe
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        with contextlib.suppress(OSError):
            os.sched_setaffinity(self._process.pid, {max(os.sched_getaffinity(0))})
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def cpu_us(self) -> float:
        """CPU time of the process so far."""
        text = Path(f"/proc/{self._process.pid}/schedstat").read_text()
        return int(text.split()[0]) / 1000

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextlib.contextmanager
def certificate() -> Iterator[Path]:
    """A directory with key.pem and cert.pem for localhost."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        )
        subprocess.run(
            [*command.split(), "-keyout", directory / "key.pem", "-out", directory / "cert.pem"],
            check=True,
            capture_output=True,
        )
        yield directory


class Tunnel:
    """A client on a plain socket: cheap, the same for every server."""

    def __init__(self, served: Served, number: int = 0, per_message: int = CALLS_PER_TUNNEL) -> None:
        self._kind = served.kind
        self._per_message = per_message
        sock: socket.socket = socket.create_connection(("127.0.0.1", served.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if served.tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            sock = context.wrap_socket(sock)
        self.socket = sock
        self._buffer = bytearray()
        self._queue = MediaQueue(lambda: 0.0)
        if self._kind != "floor":
            self._upgrade(f"edge-{number}")
        if self._kind == "ours":
            self._greet(f"edge-{number}")

    def _upgrade(self, edge: str) -> None:
        self.socket.sendall(
            f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {edge}:key\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += self.socket.recv(4096)
        del self._buffer[: self._buffer.index(b"\r\n\r\n") + 4]

    def _greet(self, edge: str) -> None:
        protocol = TunnelProtocol(Side.EDGE, edge=edge, stream="up", highest=0, instance="bench")
        protocol.start()
        while not protocol.greeted:
            self._say(protocol)
            self._buffer += self.socket.recv(65536)
            for message in self._messages():
                protocol.receive(message.decode())
            if any(isinstance(event, HelloArrived) for event in protocol.events()):
                protocol.resume(0)
        self._say(protocol)

    def _say(self, protocol: TunnelProtocol) -> None:
        for text in protocol.data_to_send():
            self.socket.sendall(masked(0x81, text.encode()))

    def request(self, payload: bytes = FRAME) -> bytes:
        """The bytes of one frame of each of eight calls."""
        if self._kind == "ours":
            out = b""
            for stream in range(CALLS_PER_TUNNEL):
                self._queue.add(stream, payload)
                if stream % self._per_message == self._per_message - 1:
                    out += b"".join(masked(0x82, message) for message in self._queue.take())
            return out
        frames = [bytes((0, stream, 0, 160)) + payload for stream in range(CALLS_PER_TUNNEL)]
        if self._kind == "floor":
            return b"".join(frames)
        groups = (frames[at : at + self._per_message] for at in range(0, CALLS_PER_TUNNEL, self._per_message))
        return b"".join(masked(0x82, b"".join(group)) for group in groups)

    def received(self) -> list[bytes]:
        """Read once; the payloads of the frames that are complete now."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError(f"the {self._kind} server hung up")
        self._buffer += data
        if self._kind == "floor":
            count = len(self._buffer) // 164
            payloads = [bytes(self._buffer[at * 164 + 4 : at * 164 + 164]) for at in range(count)]
            del self._buffer[: count * 164]
            return payloads
        messages = self._messages()
        if self._kind == "ours":
            return [
                payload for message in messages if message[:1] == b"\x01" for _, _, payload in decode_media(message)
            ]
        return [message[at + 4 : at + 164] for message in messages for at in range(0, len(message), 164)]

    def _messages(self) -> list[bytes]:
        messages = []
        while len(self._buffer) >= 2:
            length, head = self._buffer[1] & 0x7F, 2
            if length >= 126:
                size = 2 if length == 126 else 8
                length, head = int.from_bytes(self._buffer[2 : 2 + size], "big"), 2 + size
            if len(self._buffer) < head + length:
                break
            if self._buffer[0] & 0x0F <= 2:  # a ping's payload is no message (RFC 6455 §5.5)
                messages.append(bytes(self._buffer[head : head + length]))
            del self._buffer[: head + length]
        return messages

    def close(self) -> None:
        self.socket.close()


def masked(first: int, data: bytes) -> bytes:
    """A client's frame with a mask of zeros, which costs the server what any mask costs and the client nothing."""
    length = len(data)
    if length < 126:
        return bytes((first, 0x80 | length)) + b"\0\0\0\0" + data
    if length < 65536:
        return bytes((first, 0xFE)) + length.to_bytes(2, "big") + b"\0\0\0\0" + data
    return bytes((first, 0xFF)) + length.to_bytes(8, "big") + b"\0\0\0\0" + data


def paced(
    served: Served, calls: int, seconds: float, per_message: int, phases: int = 1
) -> tuple[list[float], int, float]:
    """Twenty-millisecond frames of so many calls, echoed. Round trips in ms, frames lost, server CPU share.

    ``phases`` spreads the tunnels over the tick; with 1 all speak at once.
    """
    count = max(1, calls // CALLS_PER_TUNNEL)
    tunnels = [Tunnel(served, number, per_message) for number in range(count)]
    selector = selectors.DefaultSelector()
    for tunnel in tunnels:
        tunnel.socket.setblocking(False)
        selector.register(tunnel.socket, selectors.EVENT_READ, tunnel)
    trips: list[float] = []
    sent = 0
    slot = 0.02 / phases
    began, cpu = time.monotonic(), served.cpu_us()
    for turn in range(int(seconds / slot)):
        due = began + turn * slot
        for tunnel in tunnels[turn % phases :: phases]:
            stamp = int(time.monotonic() * 1e9).to_bytes(8, "big") + FRAME[8:]
            tunnel.socket.send(tunnel.request(stamp))
            sent += CALLS_PER_TUNNEL
        _collect(selector, trips, due + slot)
    share = (served.cpu_us() - cpu) / 1e6 / (time.monotonic() - began)
    _collect(selector, trips, time.monotonic() + 0.3)
    for tunnel in tunnels:
        tunnel.close()
    selector.close()
    return sorted(trips), sent - len(trips), share


def _collect(selector: selectors.BaseSelector, trips: list[float], until: float) -> None:
    while (left := until - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            with contextlib.suppress(ssl.SSLWantReadError, BlockingIOError):
                while True:
                    payloads = key.data.received()
                    now = time.monotonic() * 1e9
                    trips += ((now - int.from_bytes(payload[:8], "big")) / 1e6 for payload in payloads)
