"""Goal 6: SMS accepted per second by REST, each authenticated, read and on the disk before its 201.

Ours is the cloud as it is served, with a SIM that it knows and whose edge is away. Beside it the same service behind
Starlette and uvicorn, and Kannel's smsbox and bearerbox with ``store-type = file``, which never flushes to the disk.
Each server runs on one core and ``wrk`` on the other, in turns. What is not installed is left out, and said so: ``wrk``
and Kannel are Debian's; ``starlette``, ``uvicorn`` and ``httptools`` are in no lock of ours.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.acceptance_servers import Server, kannel, ours, seeded, starlette
from benchmarks.smsc_process import Sink

CONNECTIONS = 64
_RATE = re.compile(r"Requests/sec:\s*([\d.]+)")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)\b")
_COUNT = re.compile(r"(\d+) requests in")
_WRONG = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: .*")
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Round:
    rate: float
    p99_ms: float
    count: int


def fire(server: Server, folder: Path, seconds: float) -> Round:
    """One round of ``wrk``. Raises RuntimeError when a request was refused."""
    script = folder / f"{server.name}.lua"
    script.write_text(_lua(server))
    command = ["taskset", "-c", "0", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--latency"]
    said = subprocess.run(
        [*command, "-s", str(script), server.url], capture_output=True, text=True, timeout=seconds + 30, check=True
    ).stdout
    if wrong := _WRONG.search(said):
        raise RuntimeError(f"{server.name} refused some: {wrong[0]}")
    rate, slow, count = _RATE.search(said), _P99.search(said), _COUNT.search(said)
    assert rate is not None
    assert slow is not None
    assert count is not None
    return Round(float(rate[1]), float(slow[1]) * _MS[slow[2]], int(count[1]))


def _lua(server: Server) -> str:
    """A script of wrk that writes to another recipient each time."""
    to = "string.format('%08d', math.random(0, 99999999))"
    if server.form is None:  # Kannel takes its parameters in the URL
        path = server.url[server.url.index("/cgi-bin") :]
        return f'request = function() return wrk.format("GET", "{path}&to=%2B855" .. {to}) end\n'
    token = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
    form = urlencode(server.form)
    return (
        'wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"\n'
        f'wrk.headers["Authorization"] = "Basic {token}"\n'
        f'request = function() return wrk.format("POST", nil, nil, "{form}&To=%2B855" .. {to}) end\n'
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=8.0, help="of one round")
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is needed: sudo apt-get install wrk")
        return
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        account = asyncio.run(seeded(folder))
        makers: list[Callable[[], Server | None]] = [
            lambda: ours(folder, account, stack),
            lambda: starlette(folder, account, stack),
            lambda: kannel(folder, stack, Sink(stack).port),
        ]
        servers = [server for make in makers if (server := make()) is not None]
        rounds: dict[str, list[Round]] = {server.name: [] for server in servers}
        for number in range(asked.rounds + 1):
            for server in servers:
                found = fire(server, folder, asked.seconds if number else 2.0)
                if number:  # the first warms up
                    rounds[server.name].append(found)
                    print(f"{server.name:<12}{found.rate:>10.0f} /s   p99 {found.p99_ms:.1f} ms", file=sys.stderr)
    report(rounds)


def report(rounds: dict[str, list[Round]]) -> None:
    rates = {name: statistics.median(each.rate for each in found) for name, found in rounds.items()}
    print(f"{'accepted SMS per second':<28}{'rate':>10}{'p99 ms':>10}{'ours : it':>12}")
    for name, found in rounds.items():
        slow = statistics.median(each.p99_ms for each in found)
        print(f"{name:<28}{rates[name]:>10.0f}{slow:>10.1f}{rates['ours'] / rates[name]:>12.2f}")


if __name__ == "__main__":
    main()
