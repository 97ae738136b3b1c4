"""What the same calls cost an Asterisk: our other peer figure for ``rtp_calls.py``.

It is told to call a far end so many times, and then echoes what it hears, or hands the sound both ways to another
process by its AudioSocket, as an application of its users does: 20 ms frames of 16-bit samples on one TCP connection
per call. That application is an asyncio server here which sends a clip and drops what comes, in a process of its own
that is counted apart. ``python -m benchmarks.asterisk_calls 128 10`` for 128 calls during 10 s.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import redirect_stdout
from pathlib import Path

from benchmarks.freeswitch_calls import SETTLE_S, TICK_S, _cpu, _resident
from tests.fakes.real_freeswitch import free_port
from tests.peers.asterisk_switch import Asterisk, asterisk, find_asterisk

FAR = [sys.executable, "-m", "benchmarks.freeswitch_calls", "far"]
SERVER = [sys.executable, "-m", "benchmarks.asterisk_calls", "server"]
_SLIN = 0x10
_CLIP = b"".join(value.to_bytes(2, "little", signed=True) for value in range(-16_000, 16_000, 2)) * 2
_FRAME_BYTES = 320


def rows(calls: int, seconds: float) -> dict[str, dict[str, float]]:
    """Per kind of work: ``core`` in % of one, ``server_core`` of the application beside it, ``memory_mb`` over idle,
    ``idle_mb``, ``packets`` per call and second that the far end got."""
    return {work: measure(work, calls, seconds) for work in ("echo", "audiosocket")}


def measure(work: str, calls: int, seconds: float) -> dict[str, float]:
    """One Asterisk, started for it, with so many calls of one kind."""
    installed = find_asterisk()
    assert installed is not None
    far, server = _started([*FAR, str(calls)]), _started(SERVER)
    try:
        sip_port, socket_port = _number(far), _number(server)
        with (
            tempfile.TemporaryDirectory() as folder,
            redirect_stdout(io.StringIO()),  # what it said, for tests that fail
            asterisk(installed, Path(folder), free_port(), sip_port) as switch,
        ):
            figures = _with_calls(switch, server.pid, _application(work, socket_port), calls, seconds)
            assert far.stdin is not None
            assert far.stdout is not None
            far.stdin.write("\n")
            far.stdin.flush()
            heard = json.loads(far.stdout.readline())
    finally:
        for process in (far, server):
            process.kill()
            process.communicate()
    return {**figures, "packets": heard["packets"] / calls / heard["seconds"]}


def _application(work: str, port: int) -> str:
    return "Echo" if work == "echo" else f"AudioSocket {uuid.uuid4()},127.0.0.1:{port}"


def _with_calls(switch: Asterisk, server: int, application: str, calls: int, seconds: float) -> dict[str, float]:
    pid = int((switch.folder / "run/asterisk.pid").read_text())
    time.sleep(SETTLE_S)
    idle = _resident(pid)
    for number in range(calls):
        switch.cli(f"channel originate PJSIP/{number}@agent application {application}")
    for _ in range(100):
        if _up(switch) == calls:
            break
        time.sleep(0.1)
    assert _up(switch) == calls, f"{_up(switch)} of {calls} calls are up"
    time.sleep(SETTLE_S)
    cpu, server_cpu, wall = _cpu(pid), _cpu(server), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - wall
    return {
        "core": 100 * (_cpu(pid) - cpu) / passed,
        "server_core": 100 * (_cpu(server) - server_cpu) / passed,
        "memory_mb": _resident(pid) - idle,
        "idle_mb": idle,
    }


def _up(switch: Asterisk) -> int:
    found = re.search(r"(\d+) active channels?", switch.cli("core show channels count"))
    return int(found[1]) if found else 0


def _started(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _number(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


class _Drop(asyncio.Protocol):
    """One call's connection."""

    def __init__(self, live: dict[asyncio.Transport, None]) -> None:
        self._live = live
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._live[transport] = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._live.pop(self._transport, None)


async def serve() -> None:
    """The application: to each connection a frame every 20 ms, until killed."""
    live: dict[asyncio.Transport, None] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Drop(live), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    header, due, at = bytes((_SLIN,)) + _FRAME_BYTES.to_bytes(2), loop.time(), 0
    while True:
        packet = header + _CLIP[at : at + _FRAME_BYTES]
        at = (at + _FRAME_BYTES) % len(_CLIP)
        for transport in tuple(live):
            transport.write(packet)
        due += TICK_S
        await asyncio.sleep(due - loop.time())


def main(calls: int, seconds: float) -> None:
    """Print the rows, if there is an Asterisk to be measured."""
    if find_asterisk() is None:
        print("Asterisk: not measured, there is none (SIMFERRY_PEERS_ROOT names a folder with one)")
        return
    for work, figures in rows(calls, seconds).items():
        rest = {key: round(value, 2) for key, value in figures.items() if key != "core"}
        print(f"{calls} calls, Asterisk, {work:<11} {figures['core']:5.1f} % of a core   {rest}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["server"]:
            asyncio.run(serve())
        case [calls, seconds]:
            main(int(calls), float(seconds))
        case _:
            main(128, 10.0)
