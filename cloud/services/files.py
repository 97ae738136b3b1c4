"""Clips and recordings of the cloud: files named by the hash of their content."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from cloud import private_file
from telecore.errors import LocalProtocolError, NotFound
from telecore.ids import Sha256, new_id

T = TypeVar("T")

MAX_READ = 1024 * 1024
_HASH = re.compile(r"[0-9a-f]{64}")
_THREADS = 4
_FOLDER = re.compile(r"[0-9a-f]{2}")


class Files:
    """A ``BlobStore``. What is whole lies at ``ab/abcdef…``; what is not yet lies in ``partial/``.

    A file appears under its name only when all of it is on the disk.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._partial = directory / "partial"
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="files")
        self.settling = asyncio.Lock()
        """Held by who deletes a file that may be needed, and by who says in the store that one is here."""

    async def open(self) -> None:
        """Make the directories. Raises OSError."""
        await self._run(self._prepare)

    async def close(self) -> None:
        """Finish what is being written."""
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)

    async def add(self, data: bytes) -> Sha256:
        """Keep these bytes; their name. When it returns they are on the disk."""
        return await self._run(lambda: self._add(data))

    def path(self, sha256: Sha256) -> Path:
        """Where a whole one lies, or would. Raises NotFound for what cannot be a name."""
        if not _HASH.fullmatch(sha256):
            raise NotFound("not the name of a file")
        return self._directory / sha256[:2] / sha256

    async def size(self, sha256: Sha256) -> int | None:
        return await self._run(lambda: _size(self.path(sha256))) if _HASH.fullmatch(sha256) else None

    async def read(self, sha256: Sha256, offset: int, count: int) -> bytes:
        """At most ``count`` bytes, and never more than a megabyte. Raises NotFound."""
        return await self._run(lambda: _read(self.path(sha256), offset, min(count, MAX_READ)))

    async def partial(self, sha256: Sha256) -> int:
        return await self._run(lambda: _size(self._begun(sha256)) or 0)

    async def write(self, sha256: Sha256, offset: int, data: bytes) -> None:
        """Go on with an unfinished one. Raises LocalProtocolError where that would leave a hole."""
        await self._run(lambda: self._write(sha256, offset, data))

    async def complete(self, sha256: Sha256) -> bool:
        return await self._run(lambda: self._complete(sha256))

    async def delete(self, sha256: Sha256) -> None:
        """Forget it and what has come of it: no power cut brings it back. Nothing happens when it is not here."""
        await self._run(lambda: self._delete(sha256))

    async def before(self, moment: float) -> list[Sha256]:
        """Whole ones that were not written or added again since that moment (POSIX seconds)."""
        return await self._run(lambda: self._before(moment))

    async def delete_old(self, sha256: Sha256, moment: float) -> bool:
        """Delete it, unless it was added again since that moment, by another process too; whether it went."""
        return await self._run(lambda: self._delete_old(sha256, moment))

    async def tidy(self, moment: float) -> int:
        """Drop what was begun and not gone on with since that moment; how many."""
        return await self._run(lambda: self._tidy(moment))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _prepare(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self._directory, self._partial):
            folder.mkdir(exist_ok=True, mode=0o700)
            private_file.hand_over(folder, self._directory.parent)

    def _begun(self, sha256: Sha256) -> Path:
        return self._partial / self.path(sha256).name

    def _delete(self, sha256: Sha256) -> None:
        for path in (self._begun(sha256), self.path(sha256)):
            with suppress(FileNotFoundError):
                path.unlink()
                _flush(path.parent)

    def _add(self, data: bytes) -> Sha256:
        sha256 = Sha256(hashlib.sha256(data).hexdigest())
        if _size(self.path(sha256)) == len(data) and _is_young_again(self.path(sha256)):
            return sha256
        made = self._partial / f"new-{new_id()}"
        made.write_bytes(data)
        private_file.hand_over(made, self._directory)
        self._publish(made, self.path(sha256))
        return sha256

    def _before(self, moment: float) -> list[Sha256]:
        folders = sorted(path for path in self._directory.iterdir() if _FOLDER.fullmatch(path.name))
        return [
            Sha256(path.name) for folder in folders for path in _older(folder, moment) if _HASH.fullmatch(path.name)
        ]

    def _delete_old(self, sha256: Sha256, moment: float) -> bool:
        """Out of the way first: who finds it still there while we look makes it young, and who does not writes it."""
        path, aside = self.path(sha256), self._partial / f"new-{new_id()}"
        try:
            if path.stat().st_mtime >= moment:
                return False
            path.rename(aside)
        except FileNotFoundError:
            return False
        if aside.stat().st_mtime >= moment and not path.exists():
            aside.rename(path)
            return False
        aside.unlink()
        _flush(path.parent)
        return True

    def _tidy(self, moment: float) -> int:
        left = _older(self._partial, moment)
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _write(self, sha256: Sha256, offset: int, data: bytes) -> None:
        with os.fdopen(os.open(self._begun(sha256), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as file:
            if offset > os.fstat(file.fileno()).st_size:
                raise LocalProtocolError(f"bytes at {offset} would leave a hole in {sha256[:12]}")
            file.seek(offset)
            file.write(data)

    def _complete(self, sha256: Sha256) -> bool:
        begun = self._begun(sha256)
        if _size(begun) is None:
            return _is_young_again(self.path(sha256))
        with begun.open("rb") as file:
            right = hashlib.file_digest(file, "sha256").hexdigest() == sha256
        if not right:
            begun.unlink()
            return False
        self._publish(begun, self.path(sha256))
        return True

    def _publish(self, made: Path, path: Path) -> None:
        """Content to the disk, then the name, then the directory that holds the name."""
        _flush(made)
        self._make_folder(path.parent)
        made.replace(path)
        _flush(path.parent)

    def _make_folder(self, folder: Path) -> None:
        """On the disk under its own name before anything in it is."""
        folder.mkdir(exist_ok=True, mode=0o700)
        private_file.hand_over(folder, self._directory)
        _flush(self._directory)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _older(folder: Path, moment: float) -> list[Path]:
    """Files of a folder that were written last before that moment."""
    with os.scandir(folder) as found:
        return [Path(entry.path) for entry in found if entry.is_file() and entry.stat().st_mtime < moment]


def _is_young_again(path: Path) -> bool:
    """Whether it is here: a row that names it is being written, whoever wrote the file."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _read(path: Path, offset: int, count: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(count)
    except FileNotFoundError as error:
        raise NotFound("there is no such file") from error
