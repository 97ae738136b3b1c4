"""Goal 7: an SMS from REST to the message centre and back to its status, and whether delivery starves meanwhile.

Cloud and agent share one core; the customers (``wrk``) and an SMSC that answers at once have the other. Beside it
Kannel with the same SMSC, which keeps nothing on the disk for sure. Counted at the SMSC.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.acceptance import fire
from benchmarks.acceptance_servers import BODY, NUMBER, ROOT, Server, kannel, start
from benchmarks.smsc_process import Sink
from tests.fakes.ports import free_port

_DRAIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """``while_accepting``: the share of the accepted that had reached the SMSC when the last was accepted."""

    accepted: int
    taken: int
    while_accepting: float
    seconds: float
    drained_s: float


def simferry(folder: Path, stack: ExitStack, smsc_port: int) -> Server:
    """A cloud and an agent with an SMPP link, enrolled and connected, on one core."""
    web, tunnel, status = free_port(), free_port(), free_port()
    config, agent = folder / "cloud.yaml", folder / "agent.yaml"
    config.write_text(yaml.safe_dump({"data_dir": "cloud", "web": {"port": web}, "tunnel": {"port": tunnel}}))
    _keep(folder / "smsc.password", "bench")
    link = {"id": "smsc", "driver": "smpp", "host": "127.0.0.1", "port": smsc_port, "user": "bench"}
    link |= {"password_file": "smsc.password", "numbers": [NUMBER], "window": 10}
    site = {"data_dir": "edge", "cloud": {"url": f"http://127.0.0.1:{web}"}, "status": {"port": status}}
    agent.write_text(yaml.safe_dump({**site, "devices": [link]}))
    _run("cloud", "migrate", "--config", config)
    account = json.loads(_run("cloud", "create-account", "Bench", "--config", config, "--json"))
    start([sys.executable, "-m", "cloud", "serve", "--config", str(config)], web, stack, folder / "cloud.log")
    made = json.loads(_run("cloud", "enrol-edge", "site-1", "--config", config, "--json"))
    url = f"http://127.0.0.1:{web}"
    _run("edge_agent", "enrol", "--cloud", url, "--token", made["token"], "--config", agent)
    start([sys.executable, "-m", "edge_agent", "run", "--config", str(agent)], status, stack, folder / "edge.log")
    path = f"{url}/2010-04-01/Accounts/{account['sid']}/Messages.json"
    form = {"From": NUMBER, "Body": BODY}
    return Server("ours", path, form, account["sid"], account["auth_token"])


def measure(server: Server, sink: Sink, folder: Path, seconds: float) -> Outcome:
    """Accept for so long, then wait until all of it has reached the SMSC."""
    before, began = sink.count(), time.monotonic()
    accepted = fire(server, folder, seconds).count
    stopped = time.monotonic()
    while_accepting = sink.count() - before
    taken = while_accepting
    while taken < accepted and time.monotonic() - stopped < _DRAIN_S:
        time.sleep(0.25)
        taken = sink.count() - before
    ended = time.monotonic()
    return Outcome(accepted, taken, while_accepting / accepted, ended - began, ended - stopped)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=8.0, help="of accepting")
    options.add_argument("--rounds", type=int, default=2)
    asked = options.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is needed: sudo apt-get install wrk")
        return
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder, sink = Path(scratch), Sink(stack)
        servers = [simferry(folder, stack, sink.port), kannel(folder, stack, sink.port)]
        time.sleep(5)  # until the agent's link and its number are known
        print(f"{'':<10}{'accepted':>10}{'at SMSC':>10}{'meanwhile':>11}{'drained':>10}{'SMS/s whole':>13}")
        for _ in range(asked.rounds):
            for server in filter(None, servers):
                found = measure(server, sink, folder, asked.seconds)
                print(
                    f"{server.name:<10}{found.accepted:>10}{found.taken:>10}{found.while_accepting:>10.0%} "
                    f"{found.drained_s:>8.1f} s{found.taken / found.seconds:>13.0f}"
                )


def _run(module: str, *arguments: object) -> str:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60).stdout


def _keep(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(text)


if __name__ == "__main__":
    main()
