"""The contract of scripts/lab: what it prints, how it ends, what it refuses."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.labkit import ports
from scripts.labkit.kept import in_use
from scripts.labkit.options import Refusal
from tests.flows.conftest import ROOT, LabProcess, World

KEYS = {
    "base_url", "account_sid", "auth_token", "numbers", "handsets", "verify_url", "lookups_url", "messaging_url",
    "simulator_url", "dashboard_url", "operator", "edges", "cloud", "data_dir",
}  # fmt: skip


def test_it_says_what_the_contract_asks(shared_lab: LabProcess) -> None:
    about = shared_lab.about
    assert set(about) == KEYS
    assert len(about["numbers"]) >= 4
    assert set(about["handsets"]) == {"answers", "busy", "no_answer", "unreachable", "sms_fails", "free"}
    assert len(about["handsets"]["free"]) == 20
    assert all(set(edge) == {"name", "pid", "status_url"} for edge in about["edges"])


def test_it_stops_in_time_and_comes_back_on_its_data(tmp_path: Path) -> None:
    first = LabProcess(tmp_path, "--speed", "20", "--modems", "4", "--edges", "2", "--tunnel-proxy")
    assert len(first.about["edges"]) == 2
    status, seconds, rest = first.stop()
    assert (status, rest) == (0, "")
    assert seconds < 10
    second = LabProcess(tmp_path, "--speed", "20", "--modems", "4", "--edges", "2", "--tunnel-proxy")
    try:
        assert second.about["account_sid"] == first.about["account_sid"]
        assert second.about["base_url"] == first.about["base_url"]
    finally:
        assert second.stop()[0] == 0


def test_killed_at_any_moment_it_leaves_nobody_behind_and_comes_back(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.labkit.lab", "--data", str(tmp_path), "--log-dir", str(tmp_path / "logs")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT) as first:
        until((tmp_path / "cloud" / "data" / "cloud.db").exists)  # its tables are being made
        first.kill()
    second = LabProcess(tmp_path, "--speed", "20", "--modems", "1")
    ours = [entry["pid"] for entry in second.about["edges"] + second.about["cloud"]]
    second.kill()
    until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in ours))
    third = LabProcess(tmp_path, "--speed", "20", "--modems", "1")
    try:
        assert third.about["account_sid"] == second.about["account_sid"]
        assert third.about["base_url"] == second.about["base_url"]
    finally:
        assert third.stop()[0] == 0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_its_ports_are_not_those_of_outgoing_connections(tmp_path: Path) -> None:
    names = [f"p{n}" for n in range(50)]
    chosen = ports.choose(names, tmp_path / "ports.json")
    assert len(set(chosen.values())) == 50
    assert all(port in ports.LISTENERS for port in chosen.values())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", chosen["p7"]))
        taken.listen()
        again = ports.choose(names, tmp_path / "ports.json")
    assert [name for name in names if again[name] != chosen[name]] == ["p7"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--edges", "9"], "--edges must be from 1 to 4"),
        (["--modems", "0"], "--modems must be from 1"),
        (["--gateway-channels", "129"], "--gateway-channels must be from 0 to 128"),
        (["--gateway-channels", "2", "--gateway-family", "acme"], "--gateway-family must be one of goip"),
        (["--config", "/nowhere.yaml"], "there is no such file"),
        (["--speed", "0"], "--speed must be from"),
        (["--data", "/dev/null/x"], "/dev/null/x: Not a directory"),
        (["--log-dir", "/dev/null/x"], "/dev/null/x: Not a directory"),
    ],
)
def test_what_it_cannot_do_it_refuses_in_one_sentence(options: list[str], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.labkit.lab", *options],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_damaged_file_of_its_own_is_named(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{")
    with pytest.raises(Refusal, match="ports.json is not JSON"):
        ports.choose(["web"], tmp_path / "ports.json")


async def test_two_labs_do_not_share_a_folder(tmp_path: Path) -> None:
    async with in_use(tmp_path):
        with pytest.raises(Refusal, match="another lab is running"):
            async with in_use(tmp_path, within_s=0.2):
                pass
    async with in_use(tmp_path, within_s=0.2):
        pass


async def test_the_processes_can_be_restarted(world: World) -> None:
    old = world.about["edges"][0]["pid"]
    name = world.about["edges"][0]["name"]
    answer = await world.network("POST", f"/processes/{name}/restart")
    assert answer["pid"] not in (0, old)

    async def registered() -> bool:
        async with world._http.get(world.about["edges"][0]["status_url"] + "/status") as status:
            data = await status.json()
        return bool(data["tunnel"]["connected"]) and all(c["state"] == "registered" for c in data["channels"])

    async def asked() -> bool:
        import aiohttp

        try:
            return await registered()
        except aiohttp.ClientError:
            return False

    await world.until(asked, 40)
