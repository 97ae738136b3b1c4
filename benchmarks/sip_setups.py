"""100 call set-ups a second, none lost: sipp calls us, each call is answered at once, holds a second and is ended.

With real RTP ports, silence sent on them. Beside it sipp's own answering scenario, which has neither ports nor lines.
``python -m benchmarks.sip_setups 100 60`` for 100 calls a second during 60 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import os
import resource
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from edge_agent.contracts import IncomingCall, VoiceEvent
from edge_agent.drivers.sip.peer import LineState, SipPeer
from edge_agent.drivers.sip.settings import LineSettings, PeerSettings, SipQuirks, SipSettings
from edge_agent.drivers.sip.stack import SipStack
from telecore.ids import ChannelId, DeviceId

SCENARIO = Path(__file__).parent.parent / "tests/sip/uac_setups.xml"
CHANNEL = ChannelId("bench/gw/1")


class Answers:
    """PeerEvents that answer."""

    def __init__(self) -> None:
        self.answered = 0
        self.live = 0
        self.most = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def incoming(self, call: IncomingCall) -> None:
        self.live += 1
        self.most = max(self.most, self.live)
        call.voice.on_event = self._ended
        task = asyncio.ensure_future(self._answer(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, call: IncomingCall) -> None:
        await call.voice.answer()
        self.answered += 1

    def _ended(self, event: VoiceEvent) -> None:
        if event.kind.value == "ended":
            self.live -= 1

    def line_changed(self, channel: ChannelId, state: LineState) -> None:
        del channel, state

    async def message(self, channel: ChannelId, key: str, sender: str, body: str) -> None:
        del channel, key, sender, body


async def sipp(folder: Path, port: int, rate: int, seconds: int) -> dict[str, int]:
    """Calls to this port, and what became of them."""
    calls = rate * seconds
    process = await asyncio.create_subprocess_exec(
        "sipp", "-sf", str(SCENARIO), "-i", "127.0.0.1", "-s", "1000", "-r", str(rate), "-m", str(calls), "-nostdin",
        "-trace_stat", "-fd", "1", "-timeout", f"{seconds + 60}s", f"127.0.0.1:{port}",
        cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await process.wait()
    rows = list(csv.DictReader(next(folder.glob("*_.csv")).read_text().splitlines(), delimiter=";"))  # noqa: ASYNC240
    last = rows[-1]
    names = {"done": "SuccessfulCall(C)", "failed": "FailedCall(C)", "repeated": "Retransmissions(C)"}
    return {key: int(last[name]) for key, name in names.items()}


async def ours(folder: Path, rate: int, seconds: int) -> None:
    stack = SipStack(SipSettings(port=0, rtp_low=20_000, rtp_high=20_000 + 8 * rate, requests_per_s=20.0 * rate))
    line = LineSettings(CHANNEL, "goip01")
    quirks = SipQuirks(options_every_s=0, rtp_dead_s=0)
    far = PeerSettings(DeviceId("gw"), "127.0.0.1", lines=(line,), max_calls=100 * rate, quirks=quirks)
    peer, answers = SipPeer(stack, far), Answers()
    await peer.open()
    running = asyncio.create_task(peer.run(answers))
    began, at = time.process_time(), time.monotonic()
    counted = await sipp(folder, stack.port, rate, seconds)
    cpu, wall = time.process_time() - began, time.monotonic() - at
    left = stack.counts
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await peer.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tell("ours, with RTP", counted, cpu, wall)
    print(
        f"   {answers.most} calls at once at most, {memory:.0f} MB at most, {left['dialogs']} dialogs and "
        f"{answers.live} calls left, {left['dropped']} dropped"
    )


async def beside(folder: Path, rate: int, seconds: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        "sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(port), "-nostdin",
        cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await asyncio.sleep(0.5)
    before, at = _cpu_s(process.pid), time.monotonic()
    counted = await sipp(folder, port, rate, seconds)
    cpu, wall = _cpu_s(process.pid) - before, time.monotonic() - at
    process.kill()
    await process.wait()
    tell("sipp -sn uas", counted, cpu, wall)


def tell(who: str, counted: dict[str, int], cpu: float, wall: float) -> None:
    calls = counted["done"] + counted["failed"]
    print(
        f"{who:<16} {calls} calls, {counted['failed']} lost, {counted['repeated']} messages repeated by the caller, "
        f"{1000 * cpu / max(1, calls):.2f} ms CPU a call, {100 * cpu / wall:.0f} % of a core"
    )


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    if shutil.which("sipp") is None:
        print("sipp is not installed (package sip-tester): nothing to measure with")
        return
    rate, seconds = (int(text) for text in (*sys.argv[1:], "100", "20")[:2]) if len(sys.argv) > 2 else (100, 20)
    candidates: tuple[Callable[[Path, int, int], object], ...] = (ours, beside)
    for candidate in candidates:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(candidate(Path(folder), rate, seconds))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
