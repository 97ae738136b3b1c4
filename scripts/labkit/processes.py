"""The lab's processes: started, watched, killed and started again on the same ports and data."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from scripts.labkit.options import Refusal

STOP_S = 7.0
PR_SET_PDEATHSIG = 1
ROOT = Path(__file__).parent.parent.parent


@dataclass(slots=True)
class Running:
    """One process of the lab. ``command`` is everything after the Python interpreter; ``lock`` is the folder's.

    ``code``: the checkout it is run from.
    """

    name: str
    command: Sequence[str]
    log_dir: Path | None
    lock: int
    code: Path = ROOT
    process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        return self.process.pid if self.process is not None else 0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        code = self.code.resolve()  # it imports for as long as it runs
        with self._log() as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if self.name == "simulator" else log,
                stderr=log,
                cwd=code,
                env=environment(code),
                start_new_session=True,
                pass_fds=(self.lock,),
                preexec_fn=_end_with_us(),
            )

    async def restart(self) -> int:
        await self.stop()
        await self.start()
        return self.pid

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL to the whole group when it takes too long."""
        if self.process is None:
            return
        if self.alive:
            self.process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), STOP_S)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    @contextlib.contextmanager
    def _log(self) -> Iterator[IO[bytes] | int]:
        if self.log_dir is None:
            yield sys.stderr.fileno()
            return
        with (self.log_dir / f"{self.name}.log").open("ab") as file:
            yield file


def _end_with_us() -> Callable[[], None] | None:
    """What a child does before it begins: ask Linux for SIGTERM when the lab is gone, even killed by SIGKILL.

    Otherwise the orphans would hold the ports and the data that the next lab wants.
    """
    if not sys.platform.startswith("linux"):
        return None
    ours = os.getpid()
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != ours:  # it was gone before we asked
            os._exit(1)

    return ask


def environment(code: Path = ROOT) -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(code), "PYTHONUNBUFFERED": "1"}


async def run_once(*command: str, code: Path = ROOT, within_s: float = 60.0) -> str:
    """Run a command to its end and return what it printed. Raises Refusal with what it complained of."""
    name = " ".join(command[:4]).removeprefix("-m ")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=code,
        env=environment(code),
        preexec_fn=_end_with_us(),
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), within_s)
    except TimeoutError:
        raise Refusal(f"`{name}` did not end within {within_s:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        complaint = (err.decode(errors="replace").strip() or out.decode(errors="replace").strip()).splitlines()
        raise Refusal(f"`{name}` failed: {complaint[-1] if complaint else 'it said nothing'}")
    return out.decode()
