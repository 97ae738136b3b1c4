"""Clips made ready to be played: from memory, from the agent's disk, or from the cloud."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from telecore.audio.frames import RATE
from telecore.audio.resample import resample
from telecore.audio.wav import read_wav
from telecore.errors import NotFound, TelecoreError, TimedOut
from telecore.ids import Sha256
from telecore.model import Clip

KEEP_BYTES = 32 << 20
"""Half an hour of sound."""
FETCH_S = 30.0


class Blobs(Protocol):
    """Where clips lie and recordings go, by hash."""

    def unfinished(self, name: str, /) -> Path:
        """Where a recording may grow until it is added."""

    def path(self, sha256: Sha256, /) -> Path | None: ...
    async def add(self, source: Path, /) -> tuple[Sha256, int]:
        """Take over this file; its hash and size. Raises StorageFailed."""


class Clips:
    """Samples by hash, the most recently played ones kept in memory."""

    def __init__(
        self, blobs: Blobs, fetch: Callable[[Clip], Awaitable[object]], *, keep_bytes: int = KEEP_BYTES
    ) -> None:
        self._blobs = blobs
        self._fetch = fetch
        self._keep_bytes = keep_bytes
        self._kept: OrderedDict[Sha256, bytes] = OrderedDict()
        self._size = 0
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="clips")

    def close(self) -> None:
        """No more clips."""
        self._reader.shutdown(wait=False)

    async def get(self, clip: Clip) -> bytes:
        """Samples, s16le at 8 kHz; at once when they are in memory. Raises Transient, NotFound, AudioFormatError."""
        samples = self._kept.get(clip.sha256)
        if samples is not None:
            self._kept.move_to_end(clip.sha256)
            return samples
        path = await self._on_disk(clip)
        samples = await asyncio.get_running_loop().run_in_executor(self._reader, _load, path)
        self._keep(clip.sha256, samples)
        return samples

    async def prefetch(self, clips: Iterable[Clip]) -> None:
        """Get these ready, one after the other. What cannot be had is left to whoever plays it."""
        for clip in clips:
            try:
                await self.get(clip)
            except TelecoreError:
                continue

    async def _on_disk(self, clip: Clip) -> Path:
        path = self._blobs.path(clip.sha256)
        if path is None:
            try:
                async with asyncio.timeout(FETCH_S):
                    await self._fetch(clip)
            except TimeoutError as error:
                raise TimedOut(f"clip {clip.sha256[:12]} did not come within {FETCH_S:.0f} s") from error
            path = self._blobs.path(clip.sha256)
        if path is None:
            raise NotFound(f"clip {clip.sha256[:12]} is nowhere to be had")
        return path

    def _keep(self, sha256: Sha256, samples: bytes) -> None:
        if sha256 in self._kept:
            return
        self._kept[sha256] = samples
        self._size += len(samples)
        while self._size > self._keep_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped)


def _load(path: Path) -> bytes:
    try:
        sound = read_wav(path.read_bytes())
    except OSError as error:
        raise NotFound(f"clip {path.name[:12]} cannot be read: {error.strerror}") from error
    return resample(sound.samples, sound.rate, RATE)


def clips_of(value: object) -> Iterator[Clip]:
    """Every clip named within a page, in the order of its verbs and their fields."""
    if isinstance(value, Clip):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from clips_of(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from clips_of(getattr(value, field.name))
