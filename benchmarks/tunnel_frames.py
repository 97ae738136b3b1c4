"""What a frame of sound costs the cloud, and how many calls one core carries (goals 1 and 2).

``python -m benchmarks.tunnel_frames [seconds] [most calls]``. A client sends one frame of each of eight calls over
each of four tunnels, once or sixteen times, and waits for all echoes; server CPU is divided by frames. Peers run in
turn with ours. Sixteen at once saturate the server, as a busy controller is; ours then shares messages among ticks.
Then calls are added at 20 ms until something is lost or p99 passes 20 ms.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

from benchmarks.tunnel_load import CALLS_PER_TUNNEL, Served, Tunnel, certificate, paced

TUNNELS = 4
ROUNDS = 3
CONTENDERS: tuple[tuple[str, str, int, tuple[str, ...]], ...] = (
    ("ours, 8 frames a message", "ours", 8, ()),
    ("ours, 8 frames, uvloop", "ours", 8, ("uvloop",)),
    ("ours, 1 frame a message", "ours", 1, ()),
    ("websockets, 8 frames a message", "websockets", 8, ()),
    ("websockets, 1 frame a message", "websockets", 1, ()),
    ("asyncio.Protocol, echo of 8 frames", "floor", 8, ()),
)


def echoed(served: Served, per_message: int, depth: int, seconds: float) -> float:
    """Server CPU in µs for one frame in and one frame out."""
    tunnels = [Tunnel(served, number, per_message) for number in range(TUNNELS)]
    requests = [b"".join(tunnel.request() for _ in range(depth)) for tunnel in tunnels]
    frames, cpu, end = 0, served.cpu_us(), time.monotonic() + seconds
    while time.monotonic() < end:
        for tunnel, request in zip(tunnels, requests, strict=True):
            tunnel.socket.sendall(request)
        for tunnel in tunnels:
            missing = CALLS_PER_TUNNEL * depth
            while missing > 0:
                missing -= len(tunnel.received())
        frames += TUNNELS * CALLS_PER_TUNNEL * depth
    used = served.cpu_us() - cpu
    for tunnel in tunnels:
        tunnel.close()
    return used / frames


def cost_table(directory: Path, seconds: float, option: str, depth: int) -> dict[str, float]:
    """Medians of alternated rounds."""
    costs: dict[str, list[float]] = {name: [] for name, *_ in CONTENDERS}
    served = {name: Served(kind, directory, option, *extra) for name, kind, _, extra in CONTENDERS}
    for _ in range(ROUNDS):
        for name, _, per_message, _ in CONTENDERS:
            costs[name].append(echoed(served[name], per_message, depth, seconds))
    for server in served.values():
        server.stop()
    return {name: statistics.median(values) for name, values in costs.items()}


def calls_per_core(directory: Path, kind: str, per_message: int, most: int, seconds: float, *options: str) -> None:
    """Add calls until some are lost or late."""
    name = f"{kind} {' '.join(options)}".strip()
    for calls in (500, 1000, 2000, 3000, 4000, 6000):
        if calls > most:
            return
        served = Served(kind, directory, "tls", *options)
        trips, lost, share = paced(served, calls, seconds, per_message)
        served.stop()
        p50, p99 = (trips[int(len(trips) * q)] if trips else float("inf") for q in (0.5, 0.99))
        verdict = "ok" if lost == 0 and p99 <= 20 else "late" if lost == 0 else "LOST"
        times = f"p50 {p50:7.1f} ms  p99 {p99:7.1f} ms"
        print(f"  {name:16}{calls:6} calls  {times}  lost {lost:6}  core {share:4.0%}  {verdict}", flush=True)
        if lost or p99 > 200:
            return


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 4000
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with certificate() as directory:
        for option, depth in (("plain", 16), ("tls", 16), ("tls", 1)):
            costs = cost_table(directory, seconds, option, depth)
            ours = costs[CONTENDERS[0][0]]
            print(f"\n{option}, {depth} at once: server CPU for one frame in and one out, median of {ROUNDS}")
            for name, cost in costs.items():
                print(f"  {name:36}{cost:7.2f} µs  x{cost / ours:5.2f}  {1e6 / 50 / cost:8.0f} calls/core")
        print("\nTLS, all calls in one burst each 20 ms")
        calls_per_core(directory, "ours", 8, most, max(seconds, 2.0))
        calls_per_core(directory, "ours", 8, most, max(seconds, 2.0), "uvloop")
        calls_per_core(directory, "websockets", 1, most, max(seconds, 2.0))
        calls_per_core(directory, "floor", 8, most, max(seconds, 2.0))


if __name__ == "__main__":
    main()
