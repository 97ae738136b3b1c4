"""Stolen boxes, with the real processes: ``revoke-edge`` cuts a live tunnel, and a copied key locks itself out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.fakes.cloud_process import ROOT, CloudProcess, free_port

WITHIN_S = 2.0


class Agent:
    """An edge agent in a process, without modems."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config, self.log = folder, folder / "agent.yaml", folder / "agent.log"
        folder.mkdir()
        self.port = free_port()
        self.config.write_text(f"data_dir: data\nstatus: {{port: {self.port}}}\ndevices: []\n")

    def enrolled(self, cloud: CloudProcess, name: str) -> Self:
        token = cloud.result("enrol-edge", name)["token"]
        self.run("enrol", "--cloud", f"http://127.0.0.1:{cloud.web}", f"--token={token}")
        return self

    def run(self, *words: str) -> None:
        line = [sys.executable, "-m", "edge_agent", *words, "--config", str(self.config)]
        done = subprocess.run(line, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    def connected(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status", timeout=5) as answer:
                return json.load(answer)["tunnel"]["connected"] is True
        except OSError:
            return False

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        line = [sys.executable, "-m", "edge_agent", "run", "--config", str(self.config)]
        with self.log.open("ab") as log:
            process = subprocess.Popen(line, cwd=ROOT, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)


def until(agent: Agent, wanted: bool, within_s: float) -> float:
    began = time.monotonic()
    while agent.connected() is not wanted:
        assert time.monotonic() - began < within_s, f"{agent.log.read_text()[-2000:]}"
        time.sleep(0.02)
    return time.monotonic() - began


def test_revoke_edge_cuts_the_live_tunnel_of_a_running_cloud(tmp_path: Path) -> None:
    cloud = CloudProcess(tmp_path)
    cloud.create_account()
    cloud.start()
    try:
        stolen, other = (Agent(tmp_path / name).enrolled(cloud, name) for name in ("site-1", "site-2"))
        with stolen.running() as process, other.running():
            until(stolen, True, 30)
            until(other, True, 30)
            cloud.result("revoke-edge", "site-1")
            until(stolen, False, WITHIN_S)
            for _ in range(20):  # it comes back by itself, and is not let in
                assert not stolen.connected()
                time.sleep(0.1)
            assert process.poll() is None
            assert "was revoked" in stolen.log.read_text()
            assert other.connected()
    finally:
        cloud.kill()


def test_a_copied_key_locks_both_out_until_the_operator_forgives(tmp_path: Path) -> None:
    cloud = CloudProcess(tmp_path)
    cloud.create_account()
    cloud.start()
    try:
        first, copy = Agent(tmp_path / "site-1").enrolled(cloud, "site-1"), Agent(tmp_path / "copy")
        shutil.copytree(first.folder / "data", copy.folder / "data")
        with first.running():
            until(first, True, 30)
            with copy.running():
                until(first, False, 30)
                said = time.monotonic() + 30
                while "two devices use this edge's key" not in copy.log.read_text():
                    assert time.monotonic() < said, copy.log.read_text()[-2000:]
                    time.sleep(0.1)
                assert not copy.connected()
        cloud.result("forgive-edge", "site-1")
        with first.running():
            until(first, True, 30)
    finally:
        cloud.kill()
