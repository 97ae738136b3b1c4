"""What calls with sound both ways cost: real legs on the one clock over real RTP sessions, the far end a process apart.

Beside it a floor: the same sockets and the same packets a second, where what comes is thrown away and what goes out
was made beforehand. ``python -m benchmarks.rtp_calls 128 10`` for 128 calls during 10 s, three times each.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from edge_agent.drivers.sip.media import MediaPlan
from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.settings import SipSettings
from edge_agent.media.clock import TICK_S, MediaClock
from edge_agent.media.leg import Ear, Leg
from edge_agent.media.source import Samples
from telecore.audio.frames import Encoding

COMMAND = [sys.executable, "-m", "benchmarks.rtp_calls"]
ROUNDS = 3
SETTLE_S = 1.5
LEARN = 25
"""Turns in which nothing is lost, so that each end knows the other."""
_ULAW = bytes(range(160))


class Line:
    """As much of a VoiceCall as a leg asks for."""

    detects_dtmf = True

    def __init__(self, pcm: object) -> None:
        self.pcm = pcm


class Count(Ear):
    def __init__(self) -> None:
        self.frames = 0

    def hear(self, frame: bytes) -> None:
        self.frames += 1


def far_end(calls: int, phases: int, loss: float) -> None:
    """Answers to whoever wrote first, 50 packets a second and call, its calls spread over so many phases of 20 ms.

    ``loss``: the share of packets that it does not send.

    It never waits for packets: whoever sends to a process that does pays for waking it, which no network asks of him.
    """
    sockets = [_bound() for _ in range(calls)]
    print(json.dumps([made.getsockname()[1] for made in sockets]), flush=True)
    peers: list[tuple[str, int] | None] = [None] * calls
    began, step, rng = time.monotonic(), 0, random.Random(1)
    while True:
        turn = step // phases
        for number in range(step % phases, calls, phases):
            peers[number] = _drained(sockets[number]) or peers[number]
            if (peer := peers[number]) is not None and (turn < LEARN or rng.random() >= loss):
                header = bytes((0x80, 0)) + (turn % 65536).to_bytes(2) + (turn * 160 % (1 << 32)).to_bytes(4)
                sockets[number].sendto(header + number.to_bytes(4) + _ULAW, peer)
        step += 1
        time.sleep(max(0.0, began + step * TICK_S / phases - time.monotonic()))


def _drained(made: socket.socket) -> tuple[str, int] | None:
    """Reads what came, and says from whom. Reports to the port above are not for the call that happens to have it."""
    peer = None
    try:
        while True:
            data, source = made.recvfrom(2048)
            peer = peer if 200 <= data[1] < 205 else source
    except BlockingIOError:
        return peer


async def ours(ports: list[int], seconds: float) -> dict[str, float]:
    """Real sessions, legs and clock."""
    empty = _resident()
    clock = MediaClock()
    media = RtpPorts(SipSettings(rtp_low=20_000, rtp_high=20_000 + 2 * len(ports) + 400))
    clip = b"".join(n.to_bytes(2, "little", signed=True) for n in range(-16000, 16000, 2)) * 2
    ears, sessions, legs = [], [], []
    for port in ports:
        session = await media.open()
        session.plan(MediaPlan("127.0.0.1", port, Encoding.PCMU, 0, dtmf=101))
        leg, ear = Leg(clock, Line(session)), Count()  # type: ignore[arg-type]
        leg.attach(ear)
        leg.background = Samples(clip, loop=0)
        leg.start()
        ears.append(ear)
        legs.append(leg)
        sessions.append(session)
    await asyncio.sleep(SETTLE_S)
    figures = await _measured(seconds)
    stats = [session.stats() for session in sessions]
    figures["late_p99_ms"] = clock.lateness_p99() * 1000
    figures["memory_mb"] = _resident() - empty
    received = sum(stat.received for stat in stats)
    figures["lost"] = sum(stat.lost for stat in stats)
    figures["lost_share"] = figures["lost"] / (received + figures["lost"])
    figures["late"] = sum(stat.late for stat in stats)
    figures["concealed"] = sum(stat.concealed for stat in stats)
    figures["frames_least"] = min(ear.frames for ear in ears)
    figures["frames_most"] = max(ear.frames for ear in ears)
    media.close()
    return figures


async def floor(ports: list[int], seconds: float) -> dict[str, float]:
    """The sockets and nothing else."""
    loop = asyncio.get_running_loop()
    packet, sockets = bytes(172), [_bound() for _ in ports]
    for made in sockets:
        loop.add_reader(made, made.recvfrom, 2048)
    ends = [(made.sendto, ("127.0.0.1", port)) for made, port in zip(sockets, ports, strict=True)]
    due = loop.time()

    def tick() -> None:
        nonlocal due
        for send, to in ends:
            send(packet, to)
        due += TICK_S
        loop.call_at(due, tick)

    tick()
    await asyncio.sleep(SETTLE_S)
    return await _measured(seconds)


async def _measured(seconds: float) -> dict[str, float]:
    cpu, wall = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    return {"core": 100 * (time.process_time() - cpu) / (time.monotonic() - wall)}


def measure(candidate: str, loop: str, seconds: float, load: list[str]) -> None:
    """One candidate in this process: its figures on one line."""
    far = subprocess.Popen(
        [*COMMAND, "far", *load],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert far.stdout is not None
        ports = json.loads(far.stdout.readline())
        run: Callable[..., Any] = {"ours": ours, "floor": floor}[candidate]
        with asyncio.Runner(loop_factory=_uvloop() if loop == "uvloop" else None) as runner:
            print(json.dumps(runner.run(run(ports, seconds))), flush=True)
    finally:
        far.kill()
        far.wait()
        far.stdout.close()


def main(calls: int, seconds: float) -> None:
    candidates = [(name, loop) for loop in ("asyncio", "uvloop") for name in ("ours", "floor")]
    for phases, title in ((1, "all packets at once"), (32, "packets spread over the 20 ms")):
        found: dict[tuple[str, str], list[dict[str, float]]] = {candidate: [] for candidate in candidates}
        for _ in range(ROUNDS):
            for name, loop in candidates:
                found[name, loop].append(_measured_apart(name, loop, seconds, (calls, phases, 0.0)))
        print(f"{calls} calls, {title}: % of a core, median of {ROUNDS}, each {seconds:.0f} s")
        for loop in ("asyncio", "uvloop"):
            us, bare = (_median(found[name, loop], "core") for name in ("ours", "floor"))
            rest = {key: round(_median(found["ours", loop], key), 2) for key in found["ours", loop][0] if key != "core"}
            print(f"  {loop:<8} ours {us:5.1f}   floor {bare:5.1f}   ours : floor {us / bare:4.2f}   {rest}")
    lossy = _measured_apart("ours", "uvloop", seconds, (200, 32, 0.1))
    print(f"200 calls, one packet in ten lost: { ({key: round(value, 2) for key, value in lossy.items()}) }")
    if "SIMFERRY_FREESWITCH" in os.environ:
        from benchmarks import freeswitch_calls

        freeswitch_calls.main(calls, seconds)
    from benchmarks import asterisk_calls

    asterisk_calls.main(calls, seconds)


def _measured_apart(candidate: str, loop: str, seconds: float, load: tuple[float, ...]) -> dict[str, float]:
    """In a process of its own, so that nobody inherits another's memory. ``load``: calls, phases, share lost."""
    command = [*COMMAND, "measure", candidate, loop, str(seconds), *map(str, load)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _median(figures: list[dict[str, float]], key: str) -> float:
    return statistics.median(figure[key] for figure in figures)


def _bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind(("127.0.0.1", 0))
    return made


def _resident() -> float:
    """Megabytes at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _uvloop() -> Callable[[], asyncio.AbstractEventLoop]:
    import uvloop

    return uvloop.new_event_loop


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["far", calls, phases, loss]:
            far_end(int(calls), int(phases), float(loss))
        case ["measure", candidate, loop, seconds, *load]:
            measure(candidate, loop, float(seconds), load)
        case [calls, seconds]:
            main(int(calls), float(seconds))
        case []:
            main(128, 6.0)
        case _:
            sys.exit("python -m benchmarks.rtp_calls [calls seconds]")
