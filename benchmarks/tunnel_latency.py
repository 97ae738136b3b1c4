"""What the tunnel adds to the way of a frame (goal 3): round trips of paced calls over TLS, against a bare echo.

``python -m benchmarks.tunnel_latency [seconds]``. Contenders take turns; a figure is the median of three rounds.
"""

from __future__ import annotations

import os
import statistics
import sys

from benchmarks.tunnel_load import Served, certificate, paced

ROUNDS = 3
CALLS = (8, 48, 96, 200)
CONTENDERS: tuple[tuple[str, str, int, tuple[str, ...]], ...] = (
    ("ours, no window", "ours", 8, ()),
    ("ours, 5 ms window", "ours", 8, ("coalesce=0.005",)),
    ("websockets, 1 frame a message", "websockets", 1, ()),
    ("bare asyncio echo", "floor", 8, ()),
)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with certificate() as directory:
        served = {name: Served(kind, directory, "tls", *extra) for name, kind, _, extra in CONTENDERS}
        for calls in CALLS:
            rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in served}
            for _ in range(ROUNDS):
                for name, _, per_message, _ in CONTENDERS:
                    trips, _, _ = paced(served[name], calls, seconds, per_message, phases=10)
                    rounds[name].append((trips[len(trips) // 2], trips[int(len(trips) * 0.99)]))
            p50s = {name: statistics.median(p50 for p50, _ in values) for name, values in rounds.items()}
            print(f"\n{calls} calls, TLS, tunnels spread over the tick: round trip (ratio to the bare echo)")
            for name, values in rounds.items():
                p99 = statistics.median(p99 for _, p99 in values)
                ratio = p50s[name] / p50s["bare asyncio echo"]
                print(
                    f"  {name:32} p50 {p50s[name]:7.2f} ms  p99 {p99:7.2f} ms  p50 x{ratio:.2f} of the bare echo",
                    flush=True,
                )
        for server in served.values():
            server.stop()


if __name__ == "__main__":
    main()
