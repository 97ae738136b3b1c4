"""The shim from outside: whose clock is wrong, and by how much."""

from __future__ import annotations

import mmap
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")


class Clocks:
    """``first`` and ``second`` are found in the command lines of two kinds of processes; ``set`` by their place."""

    def __init__(self, folder: Path, first: str, second: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        library, page = folder / "clock.so", folder / "clock"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-w", "-o", library, SOURCE], check=True)
        page.write_bytes(bytes(4096))
        with page.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), 4096)
        self.environment = {
            "LD_PRELOAD": str(library),
            "CLOCK_SHIM_PAGE": str(page),
            "CLOCK_SHIM_FIRST": first,
            "CLOCK_SHIM_SECOND": second,
        }

    def set(self, first_s: float = 0.0, second_s: float = 0.0) -> None:
        """From now on their clocks are so many seconds ahead; not before 1970."""
        struct.pack_into("<qq", self._page, 0, round(first_s * 1e6), round(second_s * 1e6))
