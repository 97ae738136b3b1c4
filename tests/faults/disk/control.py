"""The shim from outside: compiled once, put before a process, and told while the process runs what goes wrong.

``shim.c`` says what it does. Needs a C compiler; ``available`` says whether there is one.
"""

from __future__ import annotations

import errno
import mmap
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("shim.c")
_PAGE = 4096
_FIELDS = {
    "write_errno": (0, "<i"),
    "sync_errno": (4, "<i"),
    "sync_us": (8, "<i"),
    "skip_sync": (12, "<i"),
    "spare": (16, "<q"),
    "free_bytes": (24, "<q"),
    "writes": (32, "<q"),
    "syncs": (40, "<q"),
    "target": (48, "64s"),
}
ENOSPC, EIO, EROFS = errno.ENOSPC, errno.EIO, errno.EROFS


def available() -> bool:
    return shutil.which("cc") is not None


class Disk:
    """One disk: everything below ``root`` whose path has one of ``match`` in it. Its state is kept in ``folder``.

    ``environment`` goes to the process. Attributes are the fields of the shim's page: set ``disk.write_errno = ENOSPC``
    and from the next write on it is so; ``disk.syncs`` counts. ``target``: only paths with this in them.
    """

    write_errno: int
    sync_errno: int
    sync_us: int
    skip_sync: int
    spare: int
    free_bytes: int
    writes: int
    syncs: int
    target: bytes

    def __init__(self, folder: Path, root: Path, match: tuple[str, ...] = (), *, trace: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        library = folder / "shim.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-w", "-o", library, SOURCE, "-ldl", "-lpthread"], check=True)
        page = folder / "page"
        page.write_bytes(bytes(_PAGE))
        with page.open("r+b") as file:
            self.__dict__["_page"] = mmap.mmap(file.fileno(), _PAGE)
        self.free_bytes = -1
        self.environment = {
            "LD_PRELOAD": str(library),
            "DISK_SHIM_ROOT": str(root),
            "DISK_SHIM_CONTROL": str(page),
            **({"DISK_SHIM_MATCH": ":".join(match)} if match else {}),
        }
        if trace:
            self.__dict__["traces"] = folder / "traces"
            self.traces.mkdir()
            self.environment["DISK_SHIM_TRACE"] = str(self.traces)

    traces: Path
    environment: dict[str, str]
    _page: mmap.mmap

    def __getattr__(self, name: str) -> Any:
        if name not in _FIELDS:
            raise AttributeError(name)
        at, shape = _FIELDS[name]
        return struct.unpack_from(shape, self._page, at)[0]

    def __setattr__(self, name: str, value: object) -> None:
        if name in _FIELDS:
            at, shape = _FIELDS[name]
            struct.pack_into(shape, self._page, at, value)
        else:
            self.__dict__[name] = value

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.write_errno = self.sync_errno = self.sync_us = 0
        self.spare, self.free_bytes = 0, -1
