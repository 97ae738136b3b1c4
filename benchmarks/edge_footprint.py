"""Goal 10: memory of an idle agent with four modems, CPU until its tunnel is up, and what importing it costs.

The peer, when it is installed, is one gammu-smsd process per modem, on four more simulated modems of the same lab run.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.labkit.lab import lab
from scripts.labkit.options import Options
from scripts.labkit.processes import ROOT, environment

IDLE_S = 30.0
MODEMS = 4


def resident_mb(pid: int) -> float:
    """Proportional set size: shared pages counted in part (proc_pid_smaps_rollup)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    fields = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
    return int(fields["Rss"]) / 1024


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def import_cost() -> tuple[float, float]:
    """Seconds and MB of a process that imports all the agent runs on."""
    code = (
        "import time, resource; began = time.process_time();"
        "import edge_agent.agent.agent, edge_agent.drivers.at_modem.modem;"
        "print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=environment()
    )
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


def start_smsd(port: str, folder: Path) -> subprocess.Popen[bytes]:
    config = folder / "smsdrc"
    config.write_text(f"[gammu]\nport = {port}\nconnection = at115200\n[smsd]\nservice = null\n")
    return subprocess.Popen(["gammu-smsd", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def simulator_for_peer(folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", "--device-dir", str(folder), "--modems", str(MODEMS), "--speed", "50",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd=ROOT, env=environment(),
    )  # fmt: skip


async def peer_mb(folder: Path) -> float | None:
    """All four gammu-smsd together, after the same idle time."""
    if shutil.which("gammu-smsd") is None:
        return None
    network = await simulator_for_peer(folder)
    assert network.stdout is not None
    await asyncio.wait_for(network.stdout.readline(), 20)
    daemons = []
    for n in range(1, MODEMS + 1):
        own = folder / f"smsd{n}"
        own.mkdir()
        daemons.append(start_smsd(str(folder / f"modem{n}-at"), own))
    try:
        await asyncio.sleep(IDLE_S)
        return sum(resident_mb(daemon.pid) for daemon in daemons)
    finally:
        for daemon in daemons:
            daemon.kill()
            daemon.wait()
        network.terminate()
        await network.wait()


async def main() -> None:
    logs = Path(tempfile.mkdtemp(prefix="simferry-bench-logs-"))
    seconds, megabytes = import_cost()
    async with lab(Options(speed=50.0, log_dir=logs, modems=MODEMS)) as one:
        edge, cloud = one.description["edges"][0]["pid"], one.description["cloud"][0]["pid"]
        started = cpu_s(edge)
        await asyncio.sleep(IDLE_S)
        idle = (cpu_s(edge) - started) / IDLE_S
        ours, controller = resident_mb(edge), resident_mb(cloud)
    with tempfile.TemporaryDirectory() as folder:
        peer = await peer_mb(Path(folder))
    print(f"{'agent, 4 modems, idle':<44}{ours:>8.1f} MB   goal 40")
    if peer is not None:
        print(f"{'4 x gammu-smsd, idle':<44}{peer:>8.1f} MB   ours : peer {ours / peer:.2f}")
    print(f"{'cloud, idle':<44}{controller:>8.1f} MB")
    print(f"{'agent: CPU from start to all registered':<44}{started:>8.2f} s    goal 0.5")
    print(f"{'agent: CPU while idle':<44}{idle * 100:>8.2f} %")
    print(f"{'agent: import':<44}{seconds:>8.2f} s    goal 0.2 ({megabytes:.0f} MB)")


if __name__ == "__main__":
    asyncio.run(main())
