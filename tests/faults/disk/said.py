"""What a process had promised to the world by a moment: read from what it said on its sockets and serial ports."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

from tests.faults.disk.trace import Op, Step


class Frames:
    """Text frames of a WebSocket (RFC 6455 §5.2) out of what one side sends, after its HTTP head."""

    def __init__(self) -> None:
        self._data = b""
        self._head = True

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        if data.startswith((b"GET /", b"HTTP/1.1 101")):
            self._data, self._head = b"", True
        self._data += data
        if self._head:
            _, found, rest = self._data.partition(b"\r\n\r\n")
            if not found:
                return []
            self._data, self._head = rest, False
        said = []
        while (frame := self._frame()) is not None:
            if frame[0] == 1:
                said.append(json.loads(frame[1]))
        return said

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        length, at = data[1] & 0x7F, 2
        for marked, size in ((126, 2), (127, 8)):
            if data[1] & 0x7F == marked:
                length, at = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
        masked = bool(data[1] & 0x80)
        body = at + 4 * masked
        if len(data) < body + length:
            return None
        payload = data[body : body + length]
        if masked:
            key = data[at:body] * (length // 4 + 1)
            payload = bytes(a ^ b for a, b in zip(payload, key, strict=False))
        self._data = data[body + length :]
        return data[0] & 0x0F, payload


class Tunnel:
    """``acked``: by street, up to which number we said that it is applied. ``items``: what we sent, by number."""

    def __init__(self, opens: bytes) -> None:
        self._opens = opens
        self._lines: dict[str, Frames] = {}
        self.streams: dict[str, str] = {}
        self.acked: dict[str, int] = {}
        self.items: dict[int, str] = {}

    def take(self, step: Step) -> bool:
        if step.data.startswith(self._opens):
            self._lines[step.path] = Frames()
        if step.path not in self._lines:
            return False
        for frame in self._lines[step.path].feed(step.data):
            if frame["type"] == "resume":
                self.streams[step.path] = frame["stream"]
            elif frame["type"] == "ack":
                stream = self.streams[step.path]
                self.acked[stream] = max(self.acked.get(stream, 0), frame["applied"])
            elif frame["type"] == "item":
                self.items[frame["seq"]] = frame["payload"]["id"]
        return True


class Edge:
    """What an agent promised: to the cloud, and to its modems. What it laid into a modem to send it, it may delete."""

    def __init__(self) -> None:
        self.tunnel = Tunnel(b"GET /")
        self.deleted = 0
        self.submitted = 0
        self._last: dict[str, bytes] = defaultdict(bytes)
        self._own: set[tuple[str, bytes]] = set()

    def take(self, step: Step) -> None:
        if step.op is not Op.SAID or self.tunnel.take(step):
            return
        if step.data.startswith(b"AT+CMGD="):
            place = step.path, step.data[8:].strip()
            self.deleted += place not in self._own
            self._own.discard(place)
        if step.data.startswith(b"AT+CMSS="):
            self._own.add((step.path, step.data[8:].partition(b",")[0].strip()))
        if step.data.startswith(b"AT+CMSS=") or (
            step.data.endswith(b"\x1a") and self._last[step.path].startswith(b"AT+CMGS=")
        ):
            self.submitted += 1
        if step.data.startswith(b"AT"):
            self._last[step.path] = step.data


_SID = re.compile(rb'"sid":\s*"(SM[0-9a-f]{32})"')
_TOLD = re.compile(rb"(?:SmsSid|MessageSid)=(SM[0-9a-f]{32})")


class Cloud:
    """What a cloud promised: to customers by 201, to their applications by asking them, to edges."""

    def __init__(self) -> None:
        self.tunnel = Tunnel(b"HTTP/1.1 101")
        self.created: set[str] = set()
        self.told: set[str] = set()

    def take(self, step: Step) -> None:
        if step.op is not Op.SAID or self.tunnel.take(step):
            return
        if step.data.startswith(b"HTTP/1.1 201"):
            self.created.update(sid.decode() for sid in _SID.findall(step.data))
        self.told.update(sid.decode() for sid in _TOLD.findall(step.data))
