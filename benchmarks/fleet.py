"""Goals 11 and 12: what an idle tunnel costs in memory, and how long a fleet takes to be back after a restart.

    python -m benchmarks.fleet [COUNT]

A controller in a process of its own (``simferry-cloud serve``, TLS by itself, byte code made as by an installer),
simulated edges in another; beside it a bare server of ``websockets`` with the same clients. The server keeps to the
last core, the edges to the others. Each edge has an SMS on its way when the controller is killed. Ten thousand edges
need as many descriptors on each side: ``ulimit -Hn`` of 11,000.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fleet_api import Customer
from benchmarks.fleet_edges import FIRST_STATE, seed_of
from cloud import signing
from cloud.store import accounts, edges
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord
from telecore.ids import EdgeId

ROOT = Path(__file__).parent.parent
ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
SPARE = 1000
"""Descriptors that a server or the edges need beside those of the tunnels."""


@dataclass
class Outcome:
    """Seconds, and bytes for each connection. ``back_s``: from the kill until all are greeted again.

    ``serving_s``: how long the killed one took to listen again, which is within ``back_s``. ``cpu_s``: what the new
    server needed until then. ``api…``: one request of a customer after the other, from when it listens until all are
    back. ``join_us``: CPU of one join, when they come spread, its start apart. ``rss_mb``: of the
    whole server with all of them.
    """

    count: int
    back_s: float = 0.0
    serving_s: float = 0.0
    cpu_s: float = 0.0
    join_us: float = 0.0
    rss_mb: float = 0.0
    bytes_each: float = 0.0
    attempts: int = 0
    refused: int = 0
    late: int = 0
    told: int = 0
    acked: int = 0
    stored: int = 0
    api_p95_s: float = 0.0
    api_slowest_s: float = 0.0
    api_unanswered: int = 0


class Edges:
    """A process of simulated edges."""

    def __init__(self, port: int, count: int, *, bare: bool, ramp_s: float, cap_s: float = 60.0) -> None:
        given = {"port": port, "count": count, "bare": bare, "ramp_s": ramp_s, "cap_s": cap_s}
        self.count = count
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fleet_edges", json.dumps(given)],
            cwd=ROOT,
            env=ENVIRON,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        keep_to(self.process.pid, last=False)
        self.last: dict[str, int] = {}

    def until(self, key: str, value: int, within_s: float) -> float:
        """Seconds until the figure is at ``value``."""
        began = time.monotonic()
        assert self.process.stdout is not None
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("the edges have ended")
            self.last = json.loads(line)
            if self.last[key] == value:
                return time.monotonic() - began
            if time.monotonic() - began > within_s:
                raise TimeoutError(f"{key} is {self.last[key]} and not {value} after {within_s:g} s: {self.last}")

    def tell(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("tell\n")
        self.process.stdin.flush()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Server:
    """A process that serves; started again it has the same port."""

    def __init__(self, command: list[str], port: int, log: Path) -> None:
        self._command, self.port, self._log = command, port, log
        self.customer: Customer | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        began = time.monotonic()
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, cwd=ROOT, env=ENVIRON, stdout=log, stderr=log)
        keep_to(self.process.pid, last=True)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return time.monotonic() - began
            except OSError:
                if self.process.poll() is not None or time.monotonic() - began > 60:
                    raise RuntimeError(self._log.read_text()[-2000:]) from None
                time.sleep(0.02)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def rss(self) -> int:
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_s(self) -> float:
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def keep_to(process: int, *, last: bool) -> None:
    """The last core, or all others; threads that it begins later go along."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(process, cores[-1:] if last else cores[:-1])


def may_have(count: int) -> bool:
    """Whether this machine lets a process have so many tunnels."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= count + SPARE


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def certificate(folder: Path) -> tuple[Path, Path]:
    made, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(made)),
        ],
        check=True,
        capture_output=True,
    )
    return made, key


def seed(config: Path, count: int) -> AccountRecord:
    """Enrolled edges, each with a key of its own, and whose they are."""

    async def write() -> AccountRecord:
        (config.parent / "data").mkdir(exist_ok=True)
        async with Database(f"sqlite:///{config.parent / 'data' / 'cloud.db'}") as db:

            def fill(conn: Connection) -> AccountRecord:
                account = accounts.create(conn, "Fleet")
                for n in range(count):
                    edge = EdgeId(f"e{n}")
                    token = edges.create(conn, edge, account.sid)
                    edges.enrol(conn, token, "", public_key=signing.public_of(seed_of(edge)))
                    edges.offer_join(conn, edge, FIRST_STATE, "", "")
                return account

            return await db.write(fill)

    return asyncio.run(write())


@contextlib.contextmanager
def controller(folder: Path, count: int) -> Iterator[Server]:
    made, key = certificate(folder)
    port, web = free_port(), free_port()
    config = folder / "cloud.yaml"
    config.write_text(
        f"web: {{port: {web}}}\ntunnel: {{port: {port}, certificate: {made}, key: {key}}}\n"
        "speech: {program: none-such}\nlog: {level: warning}\n"
    )
    account = seed(config, count)
    server = Server([sys.executable, "-m", "cloud", "serve", "--config", str(config)], port, folder / "cloud.log")
    server.customer = Customer(web, account.sid, account.auth_token)
    try:
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def bare(folder: Path) -> Iterator[Server]:
    made, key = certificate(folder)
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.fleet_bare", str(port), str(made), str(key)]
    server = Server(command, port, folder / "bare.log")
    try:
        yield server
    finally:
        server.kill()


def measure(server: Server, count: int, *, is_bare: bool, within_s: float = 120.0, cap_s: float = 60.0) -> Outcome:
    """Connect all, look at the memory, kill the server, start it, and see all of them back."""
    out = Outcome(count)
    server.start()
    time.sleep(0.5)
    empty, began_s = server.rss(), server.cpu_s()
    fleet = Edges(server.port, count, bare=is_bare, ramp_s=max(1.0, count / 500), cap_s=cap_s)
    try:
        fleet.until("up", count, within_s)
        time.sleep(1.0)
        out.join_us = (server.cpu_s() - began_s) / count * 1e6
        out.bytes_each, out.rss_mb = (server.rss() - empty) / count, server.rss() / 1e6
        if not is_bare:
            fleet.tell()
            time.sleep(0.05)
        before = fleet.last["attempts"]
        server.kill()
        began = time.monotonic()
        fleet.until("up", 0, 30)
        out.serving_s = server.start()
        if server.customer is not None:
            server.customer.begin()
        fleet.until("up", count, within_s)
        out.back_s = time.monotonic() - began
        out.cpu_s = server.cpu_s()
        if server.customer is not None:
            server.customer.end()
            out.api_p95_s, out.api_slowest_s = (server.customer.percentile(part) for part in (0.95, 1.0))
            out.api_unanswered = server.customer.unanswered
        if not is_bare:
            fleet.until("acked", count, within_s)
        out.attempts = fleet.last["attempts"] - before
        out.refused, out.late = fleet.last["refused"], fleet.last["late"]
        out.told, out.acked = fleet.last["told"], fleet.last["acked"]
    finally:
        fleet.close()
    return out


def stored(folder: Path) -> int:
    """SMS that the controller has."""
    with contextlib.closing(sqlite3.connect(folder / "data" / "cloud.db")) as conn:
        return int(conn.execute("SELECT count(*) FROM events WHERE kind = 'message.received'").fetchone()[0])


def ours(folder: Path, count: int, within_s: float = 120.0, cap_s: float = 60.0) -> Outcome:
    """``cap_s``: of the edges' backoff."""
    with controller(folder, count) as server:
        out = measure(server, count, is_bare=False, within_s=within_s, cap_s=cap_s)
    out.stored = stored(folder)
    return out


def theirs(folder: Path, count: int, within_s: float = 120.0) -> Outcome:
    with bare(folder) as server:
        return measure(server, count, is_bare=True, within_s=within_s)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    if not may_have(count):
        sys.exit(f"{count} edges need {count + SPARE} descriptors: ulimit -Hn {count + SPARE}")
    for name, run in (("bare websockets", theirs), ("simferry", ours)):
        with tempfile.TemporaryDirectory(prefix="simferry-fleet-") as folder:
            out = run(Path(folder), count, within_s=600)
        print(
            f"{name:16} {count} edges: {out.bytes_each / 1000:.1f} kB each, {out.rss_mb:.0f} MB in all,"
            f" {out.join_us:.0f} µs of CPU a join, all back {out.back_s:.1f} s after the kill"
            f" ({out.serving_s:.1f} s of it until it listened), {out.cpu_s:.1f} s of CPU, {out.attempts} attempts,"
            f" {out.refused} put off, {out.late} gave up waiting; SMS told {out.told}, acknowledged {out.acked},"
            f" stored {out.stored}; the API meanwhile: 95th percentile {out.api_p95_s * 1000:.0f} ms, slowest"
            f" {out.api_slowest_s * 1000:.0f}, {out.api_unanswered} unanswered"
        )


if __name__ == "__main__":
    main()
