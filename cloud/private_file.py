"""Files that nobody but their owner may read: looked at before they are believed, replaced whole. All of it blocks."""

from __future__ import annotations

import os
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path

from telecore.errors import InvalidRequest, NotAllowed

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_LIMIT = 65536
_ROOT = 0
_STALE_S = 60.0


def read(path: Path, *, given: bool = False) -> str | None:
    """Its text; None when there is no such file. ``given``: by systemd, which sees to owner and mode itself.

    Raises NotAllowed when others can read it or could have put it there, InvalidRequest, OSError.
    """
    try:
        with path.open(encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            text = file.read(_LIMIT)
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not text") from error
    mode = stat.S_IMODE(found.st_mode)
    if not given and mode & _OTHERS:
        raise NotAllowed(f"{path} has mode {mode:04o}: it must be readable by its owner only (chmod 600)")
    if not given and os.geteuid() not in (found.st_uid, _ROOT):
        raise NotAllowed(f"{path} belongs to user {found.st_uid}, and this is user {os.geteuid()}: chown it")
    return text


def write(path: Path, text: str) -> None:
    """Replace it, on the disk when this returns. What root writes belongs to whom the folder belongs to.

    What a process that was killed left half-way goes too: it has the keys that somebody may want forgotten.
    """
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _tidy(path)
    try:
        _put(path, fresh, text)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _put(path: Path, fresh: Path, text: str) -> None:
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        hand_over(file.fileno(), path.parent)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _tidy(path: Path) -> None:
    """Younger ones may be another process's that is writing."""
    for left in path.parent.glob(f"{path.name}.????????.new"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_S:
                left.unlink()


def hand_over(made: Path | int, folder: Path) -> None:
    """What root makes belongs to whom the folder belongs to, which is the controller's user. Raises OSError."""
    if os.geteuid() == _ROOT:
        owner = folder.stat()
        os.chown(made, owner.st_uid, owner.st_gid)
