"""A release file: opened, checked against its signed manifest, and unpacked. Nothing in it is believed before that."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from compileall import compile_dir
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from py_compile import PycInvalidationMode

from edge_agent.updates.layout import sync_folder
from edge_agent.updates.signing import verify
from telecore.errors import InvalidRequest
from telecore.releases import MANIFEST, SIGNATURE, Release, parse_version
from telecore.schema import read

MOST_BYTES = 64 << 20
MOST_UNPACKED = 256 << 20
MOST_FILES = 20_000
_MANIFEST_BYTES = 256 << 10
_PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Bundle:
    """A release whose signature and hashes are right. ``wheels``: what is to be unpacked, by name."""

    release: Release
    manifest: bytes
    wheels: dict[str, bytes]


def open_bundle(data: bytes, keys: tuple[bytes, ...]) -> Bundle:
    """Raises InvalidRequest for what is no release, NotAllowed where the signature is wrong."""
    if len(data) > MOST_BYTES:
        raise InvalidRequest(f"a release may have {MOST_BYTES >> 20} MB")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as outer:
            manifest = _member(outer, MANIFEST, _MANIFEST_BYTES)
            verify(manifest, _member(outer, SIGNATURE, 64), keys)
            release = read(Release, json.loads(manifest), strict=False)
            parse_version(release.version)
            wheels = {
                file.name: _checked(_member(outer, file.name, min(file.size, MOST_BYTES)), file.sha256, file.name)
                for file in release.files
                if file.name.endswith(".whl")
            }
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError, OSError) as error:
        raise InvalidRequest(f"the release file cannot be read: {error}") from error
    if not wheels:
        raise InvalidRequest("the release holds no wheel")
    return Bundle(release, manifest, wheels)


def unpack(bundle: Bundle, into: Path) -> None:
    """Write all files below ``into``, which is made, on to the disk. Raises OSError, InvalidRequest."""
    left = MOST_UNPACKED
    into.mkdir(mode=0o755)
    for wheel in bundle.wheels.values():
        with zipfile.ZipFile(io.BytesIO(wheel)) as inner:
            if len(inner.infolist()) > MOST_FILES:
                raise InvalidRequest(f"the release holds more than {MOST_FILES} files")
            for entry in inner.infolist():
                left -= entry.file_size
                if left < 0:
                    raise InvalidRequest(f"the release unpacks to more than {MOST_UNPACKED >> 20} MB")
                path = _inside(into, entry.filename)
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
                path.write_bytes(inner.read(entry))
    (into / MANIFEST).write_bytes(bundle.manifest)
    # Compiled now, for the agent may not write here and would compile all of it at each start.
    compile_dir(into, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    for folder, _, names in os.walk(into, topdown=False):
        for name in names:
            _sync_file(Path(folder, name))
        sync_folder(Path(folder))


def _member(outer: zipfile.ZipFile, name: str, most: int) -> bytes:
    try:
        entry = outer.getinfo(name)
    except KeyError as error:
        raise InvalidRequest(f"the release has no {name}") from error
    if entry.file_size > most:
        raise InvalidRequest(f"{name} of the release is larger than it may be")
    return outer.read(entry)


def _checked(data: bytes, sha256: str, name: str) -> bytes:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InvalidRequest(f"{name} is not the file that was signed")
    return data


def _inside(folder: Path, name: str) -> Path:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\\" in name:
        raise InvalidRequest(f"the release names a file outside its folder: {name[:80]!r}")
    return folder / pure


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
