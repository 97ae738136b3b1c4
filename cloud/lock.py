"""One controller per data folder: two would send everything twice."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud import private_file
from telecore.errors import Busy, NotFound, StorageFailed


def holder(data_dir: Path) -> int:
    """The process that has the folder now. Raises NotFound when none has."""
    try:
        with (data_dir / "lock").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(file.read() or b"0")
    except (OSError, ValueError) as error:
        raise NotFound(f"no controller is running with data_dir {data_dir}: {error}") from error
    raise NotFound(f"no controller is running with data_dir {data_dir}")


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Hold the folder. Raises Busy when a controller has it, StorageFailed when it cannot be made.

    The kernel lets go of it with the process, however that ends.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        private_file.hand_over(descriptor, data_dir)
    except OSError as error:
        raise StorageFailed(f"data_dir {data_dir} cannot be used: {error.strerror or error}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"a controller is running with data_dir {data_dir}") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)
