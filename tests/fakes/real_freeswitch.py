"""A FreeSWITCH that runs, with the configuration that docs/freeswitch has, on ports of its own."""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

PREFIX = os.environ.get("SIMFERRY_FREESWITCH", "")
PASSWORD = "secret-of-a-test"
SHIPPED = Path(__file__).parents[2] / "docs" / "freeswitch"
START_LIMIT_S = 40.0

needs_freeswitch = pytest.mark.skipif(
    not Path(PREFIX, "bin", "freeswitch").exists(),
    reason="no FreeSWITCH: SIMFERRY_FREESWITCH names no prefix with bin/freeswitch in it",
)


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RealFreeswitch:
    """``agent_port``: the agent's SIP port; ``carrier_port`` the carrier's. ``changes``: of site.xml's values."""

    def __init__(self, folder: Path, agent_port: int, carrier_port: int, **changes: str) -> None:
        self.folder = folder
        self.esl_port = free_port(socket.SOCK_STREAM)
        self.sip_port = free_port()
        self.trunk_port = free_port()
        low = random.randrange(61_000, 65_000, 400)  # above the ports that sockets are given at random
        self.values = {
            "event_socket_port": str(self.esl_port),
            "event_socket_password": PASSWORD,
            "agent_address": f"127.0.0.1:{agent_port}",
            "agent_profile_port": str(self.sip_port),
            "rtp_low": str(low),
            "rtp_high": str(low + 398),
            "trunk_ip": "127.0.0.1",
            "trunk_port": str(self.trunk_port),
            "trunk_cidr": "127.0.0.1/32",
            "trunk_realm": "127.0.0.1",
            "trunk_proxy": f"127.0.0.1:{carrier_port}",
            "trunk_register": "true",
            "trunk_ping": "5",
            **changes,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when its event socket answers, which it opens last."""
        self._configure()
        folder = str(self.folder)
        with (self.folder / "console").open("wb") as console:
            self.process = subprocess.Popen(
                [f"{PREFIX}/bin/freeswitch", "-nf", "-nonat", "-nosql", "-conf", folder, "-log", folder]
                + ["-db", folder, "-run", folder],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """As by a power cut."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        self.kill()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while not self._answers():
            dead = self.process is None or self.process.poll() is not None
            assert not dead, (self.folder / "console").read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, "FreeSWITCH does not start"
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.esl_port), timeout=1) as probe:
                return probe.recv(12) == b"Content-Type"
        except OSError:
            return False

    def _configure(self) -> None:
        self.folder.mkdir(exist_ok=True)
        shutil.copy(SHIPPED / "freeswitch.xml", self.folder)
        text = (SHIPPED / "site.xml.example").read_text()
        for name, value in self.values.items():
            text, count = re.subn(rf'data="{name}=[^"]*"', f'data="{name}={value}"', text)
            assert count == 1, name
        (self.folder / "site.xml").write_text(text)


async def eventually(wanted: object, seconds: float = 5.0) -> None:
    """Wait until ``wanted()`` is true."""
    assert callable(wanted)
    for _ in range(int(seconds / 0.01)):
        if wanted():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not in time")
