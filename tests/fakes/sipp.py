"""sipp as a far end: one scenario of ``tests/sip`` against a site of ours, and what became of it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.fakes.ports import free_port

SCENARIOS = Path(__file__).parent.parent / "sip"
needs_sipp = pytest.mark.skipif(shutil.which("sipp") is None, reason="sipp is not installed (package sip-tester)")


class Sipp:
    """A running sipp. ``port``: its own."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, folder: Path) -> None:
        self.port = port
        self._process = process
        self._folder = folder

    async def passed(self, within_s: float = 20.0) -> None:
        """It ended, and all of its calls went by the scenario; AssertionError with its own words otherwise."""
        async with asyncio.timeout(within_s):
            output, _ = await self._process.communicate()
        errors = "".join(path.read_text("utf-8", "replace") for path in self._folder.glob("*errors*"))
        assert self._process.returncode == 0, f"sipp ended with {self._process.returncode}:\n{errors[-3000:]}"
        del output

    async def counted(self, within_s: float) -> int:
        """How many of its calls went by the scenario, whatever became of the others."""
        async with asyncio.timeout(within_s):
            await self._process.communicate()
        stats = next(self._folder.glob("*_.csv")).read_text().splitlines()
        names, values = stats[0].split(";"), stats[-1].split(";")
        return int(values[names.index("SuccessfulCall(C)")])

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


async def start_sipp(scenario: str, folder: Path, *more: str, to: int = 9, port: int | None = None) -> Sipp:
    """``to``: our port, for scenarios that call us."""
    port = port or free_port()
    arguments = ["-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", "127.0.0.1", "-p", str(port), "-s", "1000"]
    arguments += [
        "-nostdin",
        "-trace_err",
        "-timeout",
        "15s",
        "-timeout_error",
        "-deadcall_wait",
        "0",
        "-default_behaviors",
        "all,-bye",
    ]
    process = await asyncio.create_subprocess_exec(
        "sipp",
        *arguments,
        *(() if "-m" in more else ("-m", "1")),
        *more,
        f"127.0.0.1:{to}",
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    return Sipp(process, port, folder)
