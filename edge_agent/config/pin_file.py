"""Who else could read or exchange a file of PINs or passwords."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Set
from pathlib import Path

_OTHERS_READ = 0o077
_OTHERS_WRITE = 0o022


def exposures(path: Path, owners: Set[int]) -> Iterator[str]:
    """What is wrong with it, each with what to do. Raises OSError.

    The file belongs to one of these ``owners`` or to root and is readable by its owner alone; it is no link into
    a folder that others may write in, who could put another file there.
    """
    status = os.stat(path)
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISREG(status.st_mode):
        yield f"{path} is no file"
        return
    if status.st_uid not in {0, *owners}:
        yield f"{path} belongs to user {status.st_uid}; run: chown {max(owners)} {path}"
    if mode & others_of(path):
        yield f"{path} may be read by others (mode {mode:04o}); run: chmod 600 {path}"
    if path.is_symlink():
        folder = path.resolve().parent
        if _others_write(folder):
            yield f"{path} is a link into {folder}, where others may write; put the file itself here"


def others_of(path: Path) -> int:
    """The bits of its mode that nobody else may have.

    Systemd lets the service's user read a credential by an ACL, which shows as the group's bits.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    given = credentials is not None and path.absolute().parent == Path(credentials)
    return _OTHERS_READ & (0o007 if given else 0o777)


def _others_write(folder: Path) -> bool:
    mode = os.stat(folder).st_mode
    return bool(mode & _OTHERS_WRITE)
