"""Blobs in a directory, without limits."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from telecore.audio.g711 import l16_to_ulaw
from telecore.ids import Sha256
from telecore.model import Clip


class FolderBlobs:
    """As much of the agent's blobs as sound needs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._known = {file.name for file in directory.glob("*")}

    def path(self, sha256: Sha256) -> Path | None:
        return self.directory / sha256 if sha256 in self._known else None

    def unfinished(self, name: str) -> Path:
        return self.directory / f".{name}"

    async def add(self, source: Path) -> tuple[Sha256, int]:
        return await asyncio.to_thread(self._add, source)

    def _add(self, source: Path) -> tuple[Sha256, int]:
        data = source.read_bytes()
        sha256 = Sha256(hashlib.sha256(data).hexdigest())
        source.rename(self.directory / sha256)
        self._known.add(sha256)
        return sha256, len(data)

    def put(self, data: bytes) -> Sha256:
        sha256 = Sha256(hashlib.sha256(data).hexdigest())
        (self.directory / sha256).write_bytes(data)
        self._known.add(sha256)
        return sha256


def ulaw_wav(samples: bytes) -> bytes:
    """A clip's file: 8 kHz µ-law mono with the fact chunk that G.711 in RIFF must have."""
    body = l16_to_ulaw(samples)
    form = bytes.fromhex("07000100401f0000401f0000010008000000")
    chunks = b"fmt " + len(form).to_bytes(4, "little") + form
    chunks += b"fact" + (4).to_bytes(4, "little") + len(body).to_bytes(4, "little")
    chunks += b"data" + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)
    return b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WAVE" + chunks


def clip_of(samples: bytes) -> tuple[Clip, bytes]:
    """A clip and its file."""
    data = ulaw_wav(samples)
    return Clip(Sha256(hashlib.sha256(data).hexdigest()), len(data), len(samples) // 16), data
