"""Who this edge is: its name and key on disk."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from telecore.errors import InvalidRequest, NotAllowed
from telecore.ids import EdgeId, is_slug
from telecore.schema import SchemaError, read

ANSWER_LIMIT = 65536


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """``key`` is 64 hex digits, known to this edge alone; the cloud keeps its SHA-256. ``url`` is the tunnel's."""

    edge: EdgeId
    key: str
    url: str

    def __repr__(self) -> str:
        return f"Identity(edge={self.edge!r}, url={self.url!r})"

    def save(self, path: Path) -> None:
        """Replace the file in one step, readable by its owner only, and on the disk when this returns."""
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(self), file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                fresh.unlink()
            raise
        _sync_directory(path.parent)


def load_identity(path: Path) -> Identity:
    """Read it back.

    Raises FileNotFoundError, NotAllowed when others can read it, InvalidRequest when it is no identity.
    """
    with path.open(encoding="utf-8") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise NotAllowed(
                f"{path} has mode {mode:04o}: the key in it must be readable by its owner only (chmod 600)"
            )
        text = file.read(ANSWER_LIMIT)
    try:
        identity = read(Identity, json.loads(text))
    except SchemaError as error:
        raise InvalidRequest(f"{path}: {error.message}") from error
    except ValueError as error:
        raise InvalidRequest(f"{path} is not JSON: enrol this edge again") from error
    if not is_slug(identity.edge) or not identity.key:
        raise InvalidRequest(f"{path} names no edge or no key: enrol this edge again")
    return identity


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
