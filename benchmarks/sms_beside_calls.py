"""How late the 20 ms clock is while the agent also drains SMS: 64 calls with sound, 1,000 SMS and again 1,000.

All in one process and on one loop, as in the agent: real legs and RTP sessions, and the real queue and spool, every
state committed with fsync, over SMPP to a sink, which is the fastest link there is and so the hardest neighbour.
Beside it the same calls alone. ``python -m benchmarks.sms_beside_calls 64 6`` for 64 calls during 6 s each.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rtp_calls import COMMAND as RTP
from benchmarks.rtp_calls import SETTLE_S, Count, Line, _uvloop
from benchmarks.smpp_submits import CHANNEL, TEXT, _Lines, opened, recipient, sink
from edge_agent.drivers.sip.media import MediaPlan
from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.settings import SipSettings
from edge_agent.media.clock import MediaClock
from edge_agent.media.leg import Leg
from edge_agent.media.source import Samples
from edge_agent.messages import Messages
from edge_agent.spool import Spool, Taken
from scripts.labkit.processes import ROOT, environment
from telecore.audio.frames import Encoding
from telecore.commands import SendMessage
from telecore.ids import MessageSid

COMMAND = [sys.executable, "-m", "benchmarks.sms_beside_calls"]
BATCH, TAKEN = 1000, 50
"""So many SMS, and so many of them in one frame of the tunnel."""
ROUNDS = 3
_CLIP = b"".join(value.to_bytes(2, "little", signed=True) for value in range(-16_000, 16_000, 2)) * 2


class Lateness(MediaClock):
    """A clock that is asked for a stretch of its ticks."""

    def since(self, count: int) -> list[float]:
        """Of the ticks after that many, in milliseconds, ascending."""
        ticks = min(self.count - count, len(self._lateness))
        return sorted(1000 * late for late in list(self._lateness)[-ticks:])


async def _calls(media: RtpPorts, clock: MediaClock, ports: list[int]) -> list[Count]:
    ears = []
    for port in ports:
        session = await media.open()
        session.plan(MediaPlan("127.0.0.1", port, Encoding.PCMU, 0, dtmf=101))
        leg, ear = Leg(clock, Line(session)), Count()  # type: ignore[arg-type]
        leg.attach(ear)
        leg.background = Samples(_CLIP, loop=0)
        leg.start()
        ears.append(ear)
    await asyncio.sleep(SETTLE_S)
    return ears


async def _drain(messages: Messages, spool: Spool, seconds: float) -> tuple[int, float]:
    """One batch after the other: how many SMS went out, and seconds in which some were there to be sent."""
    sent, busy, until = 0, 0.0, time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        for first in range(sent + 1, sent + BATCH + 1, TAKEN):
            commands = [_command(number) for number in range(first, first + TAKEN)]
            await spool.journal([Taken("cloud", first + at, command) for at, command in enumerate(commands)])
            for command in commands:
                messages.enqueue(command)
        sent += BATCH
        while spool.depth < sent:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        busy += time.monotonic() - began
    return sent, busy


def _command(number: int) -> SendMessage:
    sid = MessageSid(f"SM{number:032x}")
    return SendMessage(message=sid, channel=CHANNEL, to=recipient(number), body=TEXT)


async def run(sms_port: int, rtp_ports: list[int], seconds: float) -> dict[str, float]:
    clock = Lateness()
    media = RtpPorts(SipSettings(rtp_low=20_000, rtp_high=20_000 + 2 * len(rtp_ports) + 400))
    ears = await _calls(media, clock, rtp_ports)
    from_tick = clock.count
    await asyncio.sleep(seconds)
    alone = clock.since(from_tick)
    device = await opened(sms_port)
    service = device.channels[0].sms
    assert service is not None
    with tempfile.TemporaryDirectory() as folder:
        spool = await Spool.open(Path(folder) / "spool.db")
        messages = Messages(spool, _Lines(service))
        running = asyncio.create_task(messages.run())
        from_tick = clock.count
        sent, busy = await _drain(messages, spool, seconds)
        beside = clock.since(from_tick)
        await messages.stop()
        running.cancel()
        await asyncio.wait([running])
        await spool.close()
    await device.close()
    heard = min(ear.frames for ear in ears) / clock.count
    media.close()
    return {
        **{f"alone_{name}": value for name, value in _figures(alone).items()},
        **{f"beside_{name}": value for name, value in _figures(beside).items()},
        "sms_per_s": sent / busy,
        "heard_share": heard,
    }


def _figures(late: list[float]) -> dict[str, float]:
    return {"p50_ms": statistics.median(late), "p99_ms": late[len(late) * 99 // 100], "worst_ms": late[-1]}


def measure(loop: str, sms_port: int, calls: int, seconds: float) -> None:
    """In this process: the figures on one line."""
    far = subprocess.Popen([*RTP, "far", str(calls), "32", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert far.stdout is not None
        ports = json.loads(far.stdout.readline())
        gc.collect()
        gc.freeze()  # as the agent does
        with asyncio.Runner(loop_factory=_uvloop() if loop == "uvloop" else None) as runner:
            print(json.dumps(runner.run(run(sms_port, ports, seconds))))
    finally:
        far.kill()
        far.communicate()


def main(calls: int, seconds: float) -> None:
    with sink() as port:
        for loop in ("asyncio", "uvloop"):
            found: list[dict[str, Any]] = []
            for _ in range(ROUNDS):
                command = [*COMMAND, loop, str(port), str(calls), str(seconds)]
                done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT, env=environment(), text=True)
                found.append(json.loads(done.stdout.splitlines()[-1]))
            figures = {key: round(statistics.median(each[key] for each in found), 2) for key in found[0]}
            print(f"{calls} calls, {BATCH} SMS at a time, {loop}, median of {ROUNDS}: {figures}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [loop, port, calls, seconds]:
            measure(loop, int(port), int(calls), float(seconds))
        case [calls, seconds]:
            main(int(calls), float(seconds))
        case _:
            main(64, 6.0)
