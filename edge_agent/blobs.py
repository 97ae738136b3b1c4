"""Files named by the hash of their content: clips that came down, recordings that have yet to go up.

Clips are a cache, bounded in size, the longest unused dropped first (across a restart: the oldest files).
Recordings stay until the cloud says that it has them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from telecore.errors import StorageFailed
from telecore.ids import Sha256

T = TypeVar("T")

_PARTIAL_KEPT_S = 24 * 3600.0
"""How long half a blob is worth keeping that nobody asks for: the page that wanted it is long over."""


@dataclass(frozen=True, slots=True)
class _Index:
    clips: OrderedDict[Sha256, int]
    recordings: dict[Sha256, int]


class EdgeBlobs:
    """The blobs of one edge (telecore.tunnel.streets.BlobStore). File work is done in a thread of its own.

    Every method that touches a file raises StorageFailed when the disk does not take it.
    """

    def __init__(self, directory: Path, *, clips_bytes: int) -> None:
        self._clips_dir = directory / "clips"
        self._recordings_dir = directory / "recordings"
        self._partial_dir = directory / "partial"
        self._clips_bytes = clips_bytes
        self._clips: OrderedDict[Sha256, int] = OrderedDict()
        self._recordings: dict[Sha256, int] = {}
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="blobs")
        self._adds = 0
        self._unwritten: Counter[Sha256] = Counter()
        """Recordings that lie here and of which the spool has no row yet; both are of the thread."""

    @classmethod
    async def open(cls, directory: Path, *, clips_bytes: int) -> EdgeBlobs:
        """Make the folders, and learn what is there. Unfinished recordings of an earlier process are dropped."""
        blobs = cls(directory, clips_bytes=clips_bytes)
        index = await blobs._do(blobs._scan)
        blobs._clips, blobs._recordings = index.clips, index.recordings
        await blobs._make_room()
        return blobs

    async def close(self) -> None:
        """Finish what was begun."""
        await self._do(_nothing)
        self._executor.shutdown(wait=False)

    def path(self, sha256: Sha256) -> Path | None:
        """Where a whole one lies, None when it is not here. Counts as a use of the clip."""
        if sha256 in self._clips:
            self._clips.move_to_end(sha256)
            return self._clip_path(sha256)
        return self._recording_path(sha256) if sha256 in self._recordings else None

    def held(self) -> tuple[Sha256, ...]:
        """Recordings that the cloud does not have yet, as far as we know."""
        return tuple(self._recordings)

    def unfinished(self, name: str) -> Path:
        """Where a recording may grow until it is added; what is left there is removed at the next start."""
        return self._recordings_dir / f".{name}"

    async def add(self, source: bytes | Path) -> tuple[Sha256, int]:
        """Keep a recording: its bytes, or a finished file on the same file system, which is moved here.

        When this returns it survives a power cut.
        """
        sha256, size = await self._do(lambda: self._keep(source))
        self._recordings[sha256] = size
        return sha256, size

    async def stored(self, sha256: Sha256) -> None:
        """The cloud has it: the recording may go."""
        if self._recordings.pop(sha256, None) is not None:
            await self._do(lambda: self._recording_path(sha256).unlink(missing_ok=True))

    def written(self, sha256: Sha256) -> None:
        """The spool has a row of a recording that was added."""
        self._executor.submit(self._written, sha256)

    async def adds(self) -> int:
        """How many recordings were added by now."""
        return await self._do(lambda: self._adds)

    async def older(self, hashes: Collection[Sha256], moment: float) -> list[Sha256]:
        """Which of these recordings were added last before that moment (POSIX seconds)."""
        paths = [(sha256, self._recording_path(sha256)) for sha256 in hashes if sha256 in self._recordings]
        return await self._do(lambda: [sha256 for sha256, path in paths if path.exists() and _time(path) < moment])

    async def erase(self, sha256: Sha256, adds: int) -> bool:
        """It was deleted, as was seen after so many were added. When this returns no power cut brings it back.

        False, and it stays, when another was added since, or is added and not written yet: it may have the same sound.
        """
        gone = await self._do(lambda: self._erase(sha256, adds))
        if gone:
            self._recordings.pop(sha256, None)
        return gone

    async def size(self, sha256: Sha256) -> int | None:
        return self._clips.get(sha256, self._recordings.get(sha256))

    async def read(self, sha256: Sha256, offset: int, count: int) -> bytes:
        path = self.path(sha256)
        return b"" if path is None else await self._do(lambda: _read(path, offset, count))

    async def partial(self, sha256: Sha256) -> int:
        return await self._do(lambda: _size(self._partial_path(sha256)))

    async def keep_partial(self, sha256: Sha256) -> None:
        """Somebody still wants the rest of it, though not now."""
        await self._do(lambda: _touch(self._partial_path(sha256)))

    async def write(self, sha256: Sha256, offset: int, data: bytes) -> None:
        await self._do(lambda: _write(self._partial_path(sha256), offset, data))

    async def complete(self, sha256: Sha256) -> bool:
        size = await self._do(lambda: self._finish(sha256))
        if size is None:
            return False
        self._clips[sha256] = size
        await self._make_room()
        return True

    async def _make_room(self) -> None:
        """Drop the longest unused clips, but never the newest: somebody waits for it."""
        total = sum(self._clips.values())
        dropped: list[Path] = []
        while total > self._clips_bytes and len(self._clips) > 1:
            sha256, size = self._clips.popitem(last=False)
            dropped.append(self._clip_path(sha256))
            total -= size
        if dropped:
            await self._do(lambda: _unlink(dropped))

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.wrap_future(self._executor.submit(work))
        except OSError as error:
            raise StorageFailed(f"a blob cannot be read or written: {error}") from error

    def _scan(self) -> _Index:
        for directory in (self._clips_dir, self._recordings_dir, self._partial_dir):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in self._partial_dir.iterdir():
            if time.time() - path.stat().st_mtime > _PARTIAL_KEPT_S:
                path.unlink()
        return _Index(
            OrderedDict(_blobs_in(self._clips_dir)),
            dict(_blobs_in(self._recordings_dir)),
        )

    def _keep(self, source: bytes | Path) -> tuple[Sha256, int]:
        if isinstance(source, bytes):
            sha256 = Sha256(hashlib.sha256(source).hexdigest())
            unfinished = self._recordings_dir / f".{sha256}"
            _write(unfinished, 0, source)
        else:
            sha256, unfinished = _hash(source), source
        _sync(unfinished)
        target = self._recording_path(sha256)
        self._adds += 1
        self._unwritten[sha256] += 1
        unfinished.replace(target)
        _sync(target.parent)
        return sha256, _size(target)

    def _written(self, sha256: Sha256) -> None:
        self._unwritten[sha256] -= 1
        if self._unwritten[sha256] <= 0:
            del self._unwritten[sha256]

    def _erase(self, sha256: Sha256, adds: int) -> bool:
        if self._adds != adds or sha256 in self._unwritten:
            return False
        self._recording_path(sha256).unlink(missing_ok=True)
        _sync(self._recordings_dir)
        return True

    def _finish(self, sha256: Sha256) -> int | None:
        path = self._partial_path(sha256)
        if not path.exists():
            return None
        if _hash(path) != sha256:
            path.unlink()
            return None
        _sync(path)
        target = self._clip_path(sha256)
        path.replace(target)
        _sync(target.parent)
        return _size(target)

    def _clip_path(self, sha256: Sha256) -> Path:
        return self._clips_dir / f"{_checked(sha256)}.wav"

    def _recording_path(self, sha256: Sha256) -> Path:
        return self._recordings_dir / f"{_checked(sha256)}.wav"

    def _partial_path(self, sha256: Sha256) -> Path:
        return self._partial_dir / _checked(sha256)


def _nothing() -> None:
    return


def _checked(sha256: str) -> str:
    """A hash comes from the other side: it must not be able to name any other file."""
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise ValueError(f"not a SHA-256: {sha256[:70]!r}")
    return sha256


def _blobs_in(directory: Path) -> list[tuple[Sha256, int]]:
    """Whole blobs, the oldest first; what is left over from a fall is removed."""
    found: list[tuple[float, Sha256, int]] = []
    for path in directory.iterdir():
        stat = path.stat()
        if path.name.startswith("."):
            path.unlink()
        elif path.suffix == ".wav":
            found.append((stat.st_mtime, Sha256(path.stem), stat.st_size))
    return [(sha256, size) for _, sha256, size in sorted(found)]


def _hash(path: Path) -> Sha256:
    with path.open("rb") as file:
        return Sha256(hashlib.file_digest(file, "sha256").hexdigest())


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _time(path: Path) -> float:
    return path.stat().st_mtime


def _read(path: Path, offset: int, count: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(count)


def _write(path: Path, offset: int, data: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    with open(descriptor, "wb") as file:
        file.seek(offset)
        file.write(data)
        file.truncate(offset + len(data))


def _touch(path: Path) -> None:
    if path.exists():
        os.utime(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
