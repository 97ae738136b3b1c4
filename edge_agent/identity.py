"""Who this edge is, on disk: its name and private key, and the states of its joins."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from telecore.errors import InvalidRequest, NotAllowed
from telecore.ids import EdgeId, is_slug
from telecore.schema import SchemaError, read

ANSWER_LIMIT = 65536


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """``url`` is the tunnel's. All keys are 64 hex digits.

    ``seed`` is the private key, made here and known to this edge alone; the cloud keeps the public one. ``next_seed``
    is to replace it, ``cloud_keys`` are the cloud's own public keys, pinned. ``made_at``: POSIX seconds.

    ``key`` is what an edge has that enrolled before there were such pairs, or with a cloud that knows none: it is shown
    to the cloud as it is, and the cloud keeps its SHA-256.
    """

    edge: EdgeId
    key: str
    url: str
    seed: str = ""
    next_seed: str = ""
    cloud_keys: tuple[str, ...] = ()
    made_at: float = 0.0

    @property
    def keyed(self) -> bool:
        """Whether edge and cloud prove themselves to each other."""
        return bool(self.seed and self.cloud_keys)

    def __repr__(self) -> str:
        return f"Identity(edge={self.edge!r}, url={self.url!r})"

    def save(self, path: Path) -> None:
        """Replace the file in one step, readable by its owner only, and on the disk when this returns."""
        _replace(path, asdict(self))


@dataclass(frozen=True, slots=True)
class JoinStates:
    """What the cloud gave at the last two connections, the newest first; empty before the first one."""

    states: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """As ``Identity.save``."""
        _replace(path, asdict(self))


def load_states(path: Path) -> JoinStates:
    """Read them back; none when the file is not there. Raises InvalidRequest when it is something else."""
    try:
        return read(JoinStates, json.loads(path.read_text(encoding="utf-8")[:ANSWER_LIMIT]))
    except FileNotFoundError:
        return JoinStates()
    except (SchemaError, ValueError) as error:
        raise InvalidRequest(f"{path} cannot be read: enrol this edge again") from error


def states_path(data_dir: Path) -> Path:
    """Beside the identity, but apart from it: it changes at each connection."""
    return data_dir / "join.json"


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
    if not is_slug(identity.edge) or not (identity.key or identity.keyed):
        raise InvalidRequest(f"{path} names no edge or no key: enrol this edge again")
    return identity


def _replace(path: Path, value: dict[str, Any]) -> None:
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
