"""Streets and blobs in memory: what the tunnel's two ends need of their stores, with the disk's delays if wanted."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from telecore.ids import Sha256


class Out:
    """An Outgoing. ``add`` gives the next number; ``gaps`` makes it skip some."""

    def __init__(self, stream: str = "out", gaps: int = 0) -> None:
        self.stream = stream
        self.highest = 0
        self.rows: list[tuple[int, dict[str, Any]]] = []
        self.reads = 0
        self._gaps = gaps

    def add(self, value: object) -> int:
        self.highest += 1 + self._gaps
        self.rows.append((self.highest, {"kind": "test", "value": value}))
        return self.highest

    async def read(self, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        self.reads += 1
        return [row for row in self.rows if row[0] > after][:limit]

    async def forget(self, upto: int) -> None:
        self.rows = [row for row in self.rows if row[0] > upto]


class In:
    """An Incoming that commits as a store does: effect and number together, repetitions ignored."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.values: list[object] = []
        self.history: list[bool] = []
        self.numbers: dict[str, int] = {}
        self.repetitions = 0
        self._delay_s = delay_s

    async def applied(self, stream: str) -> int:
        return self.numbers.get(stream, 0)

    async def apply(self, stream: str, seq: int, payload: dict[str, Any], *, history: bool) -> None:
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        if seq <= self.numbers.get(stream, 0):
            self.repetitions += 1
            return
        self.numbers[stream] = seq
        self.values.append(payload.get("value"))
        self.history.append(history)


class BatchIn(In):
    """The same, several at once."""

    batches = 0

    async def apply_batch(self, stream: str, items: list[tuple[int, dict[str, Any], bool]]) -> None:
        self.batches += 1
        for seq, payload, history in items:
            await self.apply(stream, seq, payload, history=history)


class Blobs:
    """A BlobStore in memory."""

    def __init__(self, *wholes: bytes) -> None:
        self.whole: dict[str, bytes] = {}
        self.parts: dict[str, bytearray] = {}
        self.written = 0
        for data in wholes:
            self.add(data)

    def add(self, data: bytes) -> Sha256:
        name = Sha256(hashlib.sha256(data).hexdigest())
        self.whole[name] = data
        return name

    async def size(self, sha256: Sha256) -> int | None:
        data = self.whole.get(sha256)
        return None if data is None else len(data)

    async def read(self, sha256: Sha256, offset: int, count: int) -> bytes:
        return self.whole[sha256][offset : offset + count]

    async def partial(self, sha256: Sha256) -> int:
        return len(self.parts.get(sha256, b""))

    async def write(self, sha256: Sha256, offset: int, data: bytes) -> None:
        part = self.parts.setdefault(sha256, bytearray())
        assert offset <= len(part)
        part[offset : offset + len(data)] = data
        self.written += len(data)

    async def complete(self, sha256: Sha256) -> bool:
        data = bytes(self.parts.pop(sha256, b""))
        if hashlib.sha256(data).hexdigest() != sha256:
            return False
        self.whole[sha256] = data
        return True
