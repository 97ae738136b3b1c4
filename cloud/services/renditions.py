"""Recordings as MP3, or mixed down to one channel: made when first asked for, kept while there is room."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cloud.services.sound_files import convert
from telecore.ids import Sha256, new_id

MOST_BYTES = 512 * 1024 * 1024
_THREADS = 2


class Source(Protocol):
    """``services.files.Files``."""

    def path(self, sha256: Sha256) -> Path: ...


class Renditions:
    """``source`` says where the sound lies. Files are named by its hash; those asked for longest ago go first."""

    def __init__(self, directory: Path, source: Source, most_bytes: int = MOST_BYTES) -> None:
        self._directory = directory
        self._source = source
        self._most = most_bytes
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="renditions")
        self._making: dict[Path, asyncio.Task[None]] = {}

    async def path(self, sha256: Sha256, channels: int, *, mp3: bool) -> Path:
        """The file. Raises StorageFailed, NotFound."""
        target = self._directory / f"{sha256}-{channels}.{'mp3' if mp3 else 'wav'}"
        loop = asyncio.get_running_loop()
        if await loop.run_in_executor(self._threads, _touched, target):
            return target
        if target not in self._making:
            source = self._source.path(sha256)
            self._making[target] = loop.create_task(self._make(source, target, channels, mp3))
        await asyncio.shield(self._making[target])
        return target

    async def forget(self, sha256: Sha256) -> None:
        """The recording is deleted, and its sound is gone. What is still being made of that goes, too."""
        making = [task for target, task in self._making.items() if target.name.startswith(f"{sha256}-")]
        if making:
            await asyncio.wait(making)
        await asyncio.get_running_loop().run_in_executor(self._threads, self._remove, sha256)

    def close(self) -> None:
        """Nothing is asked for any more."""
        self._threads.shutdown(wait=False)

    async def _make(self, source: Path, target: Path, channels: int, mp3: bool) -> None:
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, self._convert, source, target, channels, mp3)
        finally:
            del self._making[target]

    def _convert(self, source: Path, target: Path, channels: int, mp3: bool) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = self._directory / f"new-{new_id()}"
        convert(source, made, channels, mp3=mp3)
        made.replace(target)
        self._make_room(target)

    def _make_room(self, keep: Path) -> None:
        files: list[tuple[Path, os.stat_result]] = []
        for path in self._directory.iterdir():
            with suppress(FileNotFoundError):  # another that is being made has got its name, or was deleted
                files.append((path, path.stat()))
        total = sum(stat.st_size for _, stat in files)
        for path, stat in sorted(files, key=lambda pair: pair[1].st_mtime):
            if total <= self._most:
                return
            if path != keep and not path.name.startswith("new-"):
                path.unlink(missing_ok=True)
                total -= stat.st_size

    def _remove(self, sha256: Sha256) -> None:
        for path in self._directory.glob(f"{sha256}-*"):
            path.unlink(missing_ok=True)


def _touched(path: Path) -> bool:
    """Whether it is here; it is young again."""
    try:
        os.utime(path)
    except OSError:
        return False
    return True
