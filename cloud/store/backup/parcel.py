"""Where a backup lies: a folder, or one file (``.tar``). Both are begun beside their name and get it when whole."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from cloud.store.backup.manifest import Content, measured
from telecore.errors import InvalidRequest, NotFound

TAR = ".tar"


class Packer(Protocol):
    def put(self, name: str, source: Path) -> Content:
        """Copy a file into it; what was copied. Raises FileNotFoundError, OSError."""

    def put_bytes(self, name: str, data: bytes) -> None: ...


class Parcel(Protocol):
    def names(self) -> set[str]: ...

    def open(self, name: str) -> BinaryIO:
        """Raises NotFound."""


@contextlib.contextmanager
def packed(path: Path) -> Iterator[Packer]:
    """A new backup at ``path``. Raises InvalidRequest when something is there, OSError."""
    if path.exists():
        raise InvalidRequest(f"{path} is there already: name one that is not")
    path.absolute().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    begun = path.with_name(f".{path.name}.partial")
    _discard(begun)
    try:
        with _tar_packer(begun) if path.suffix == TAR else _folder_packer(begun) as packer:
            yield packer
        begun.replace(path)
        flush(path.absolute().parent)
    finally:
        _discard(begun)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Parcel]:
    """Raises NotFound, InvalidRequest."""
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        with tarfile.open(path, "r:") as archive:
            yield _Tar(archive)
    except FileNotFoundError as error:
        raise NotFound(f"there is no backup {path}") from error
    except tarfile.TarError as error:
        raise InvalidRequest(f"{path} is no backup, or a part of one: {error}") from error


def flush(path: Path) -> None:
    """To the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _FolderPacker:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, source: Path) -> Content:
        with source.open("rb") as file:
            target = self._folder / name
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return write_new(target, file)

    def put_bytes(self, name: str, data: bytes) -> None:
        write_new(self._folder / name, io.BytesIO(data))


def write_new(target: Path, source: BinaryIO) -> Content:
    """A new file with mode 0600, on the disk when this returns."""
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        content = measured(source, file)
        file.flush()
        os.fsync(file.fileno())
    return content


@contextlib.contextmanager
def _folder_packer(begun: Path) -> Iterator[Packer]:
    begun.mkdir(mode=0o700)
    yield _FolderPacker(begun)
    for folder, _, _ in os.walk(begun):
        flush(Path(folder))


class _TarPacker:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def put(self, name: str, source: Path) -> Content:
        with source.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            reader = _Measuring(file, size)
            self._archive.addfile(_entry(name, size), reader)
            return Content(size, reader.digest())

    def put_bytes(self, name: str, data: bytes) -> None:
        self._archive.addfile(_entry(name, len(data)), io.BytesIO(data))


class _Measuring(io.RawIOBase):
    """Reads so many bytes, hashing them on the way."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        self._source, self._left = source, size
        self._hash = hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        data = self._source.read(self._left if count < 0 else min(count, self._left))
        self._left -= len(data)
        self._hash.update(data)
        return data

    def digest(self) -> str:
        return self._hash.hexdigest()


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, time.time()
    return entry


@contextlib.contextmanager
def _tar_packer(begun: Path) -> Iterator[Packer]:
    with os.fdopen(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            yield _TarPacker(archive)
        file.flush()
        os.fsync(file.fileno())


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> set[str]:
        return {
            str(path.relative_to(self._folder))
            for path in self._folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        }

    def open(self, name: str) -> BinaryIO:
        try:
            return (self._folder / name).open("rb")
        except FileNotFoundError as error:
            raise NotFound(f"the backup has no {name}") from error


class _Tar:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def names(self) -> set[str]:
        return {entry.name for entry in self._archive if entry.isreg()}

    def open(self, name: str) -> BinaryIO:
        try:
            file = self._archive.extractfile(name)
        except KeyError as error:
            raise NotFound(f"the backup has no {name}") from error
        if file is None:
            raise NotFound(f"the backup has no {name}")
        return cast("BinaryIO", file)


def _discard(begun: Path) -> None:
    if begun.is_dir():
        shutil.rmtree(begun)
    else:
        begun.unlink(missing_ok=True)
