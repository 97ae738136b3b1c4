"""What a real agent process listens on, as the kernel tells it (proc(5)), against what the agent says it does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from edge_agent.config import load_config
from edge_agent.devices.profiles import load_profiles
from edge_agent.listeners import listeners
from edge_agent.status_table import as_table
from tests.fakes.cloud_process import free_port
from tests.fakes.hub_cloud import cloud, write_site

ROOT = Path(__file__).parents[2]
OWN = "127.0.0.7"
"""Stands for this machine's address in the gateways' network."""
_OPEN = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
"""Listening, and of UDP those that anybody may write to (linux/net/tcp_states.h)."""


def kernels(pid: int) -> set[tuple[str, str, int]]:
    """Protocol, address and port of what the process listens on; of a UNIX socket its path and 0."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(link)
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for kind, state in _OPEN.items():
        for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and fields[3] == state:
                host, _, port = fields[1].partition(":")
                found.add((kind[:3], _address(host), int(port, 16)))
    for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[6] in inodes and int(fields[3], 16) & 0x10000:  # __SO_ACCEPTCON
            found.add(("unix", Path(fields[7]).name if len(fields) > 7 else "", 0))
    return found


def _address(text: str) -> str:
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    return str(ip_address(b"".join(words)))


def told(status: dict[str, Any]) -> set[tuple[str, str, int]]:
    """What the agent says; the range of RTP is for calls, of which there are none."""
    return {
        (one["protocol"], one["address"], int(one["ports"]))
        if one["ports"]
        else (one["protocol"], Path(one["address"]).name, 0)
        for one in status["listens"]
        if "-" not in one["ports"]
    }


@asynccontextmanager
async def agent(folder: Path, devices: str, more: str = "") -> AsyncIterator[tuple[int, int, Path]]:
    """Process, status port, folder."""
    async with cloud() as made:
        config = await asyncio.to_thread(write_site, folder, made.hub.port, devices)
        port = free_port()
        config.write_text(config.read_text().replace("port: 0", f"port: {port}", 1) + more)
        with (folder / "agent.log").open("wb") as log:
            line = (sys.executable, "-m", "edge_agent", "run", "--config", str(config))
            process = await asyncio.create_subprocess_exec(*line, cwd=ROOT, stderr=log)
        try:
            yield process.pid, port, folder
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()


async def status_of(port: int) -> dict[str, Any]:
    """Once its tunnel is up."""

    def ask() -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    for _ in range(300):
        try:
            status = await asyncio.to_thread(ask)
        except OSError:
            status = {}
        if status and status["tunnel"]["connected"]:
            return status
        await asyncio.sleep(0.1)
    raise AssertionError("the agent is not there")


async def same(pid: int, wanted: set[tuple[str, str, int]]) -> set[tuple[str, str, int]]:
    """What the kernel says, once it is this or after 10 s."""
    for _ in range(100):
        if await asyncio.to_thread(kernels, pid) == wanted:
            break
        await asyncio.sleep(0.1)
    return await asyncio.to_thread(kernels, pid)


async def test_with_modems_only_nothing_listens_beyond_this_machine(tmp_path: Path) -> None:
    async with agent(tmp_path, "[{id: modem1, port: /dev/none-such}]") as (pid, port, folder):
        status = await status_of(port)
        found = await same(pid, told(status))
        assert found == {("tcp", "127.0.0.1", port), ("unix", "control.sock", 0)} == told(status)
        assert (folder / "data" / "control.sock").stat().st_mode & 0o777 == 0o600
        assert f"listening on unix {folder}/data/control.sock (data_dir" in (folder / "agent.log").read_text()
        assert f"listens on tcp 127.0.0.1:{port} (status.port" in as_table(status)


async def test_with_a_gateway_exactly_what_its_settings_say(tmp_path: Path) -> None:
    sip, sms = free_port(), free_port()
    (tmp_path / "password").write_text("secret")
    (tmp_path / "passwords").write_text("goip01: secret1\n")
    for name in ("password", "passwords"):
        (tmp_path / name).chmod(0o600)
    box = (
        "{id: box, driver: gateway, host: 127.0.0.9, profile: goip/goip, lines: 1, user: admin, "
        f"password_file: password, passwords_file: passwords, management: {{listen_port: {sms}}}}}"
    )
    more = f"sip: {{listen: {OWN}, port: {sip}, rtp_ports: 18000-18099}}\n"
    async with agent(tmp_path, f"[{box}]", more) as (pid, port, folder):
        status = await status_of(port)
        wanted = {
            ("tcp", "127.0.0.1", port),
            ("unix", "control.sock", 0),
            ("udp", OWN, sip),
            ("udp", OWN, sms),
        }
        assert told(status) == wanted
        assert await same(pid, wanted) == wanted, (folder / "agent.log").read_text()
        because = {one["because"]: one["ports"] for one in status["listens"]}
        assert because["sip.rtp_ports"] == "18000-18099"
        assert because["device box, management.listen_port"] == str(sms)


@pytest.mark.parametrize(
    ("device", "wanted"),
    [
        ("profile: generic/sip", []),
        ("profile: acme/unheard-of", []),
        ("profile: goip/goip", ["udp 127.0.0.7:44444 (device box, profile goip/goip: the box's SMS server)"]),
        ("profile: goip/goip, enabled: false", None),
        ("profile: dinstar/uc2000", []),
        (
            "profile: dinstar/uc2000, management: {listen_port: 8090}",
            ["tcp 127.0.0.7:8090 (device box, management.listen_port: the box's webhooks, from its own address only)"],
        ),
        (
            "profile: openvox/gsm, management: {listen_port: 8090, options: {received: http}}",
            ["tcp 127.0.0.7:8090 (device box, management.listen_port: the box's webhooks, from its own address only)"],
        ),
        ("profile: openvox/gsm, management: {listen_port: 8090}", []),
    ],
)
def test_what_a_gateways_profile_turns_on(tmp_path: Path, device: str, wanted: list[str] | None) -> None:
    (tmp_path / "p").write_text("x")
    (tmp_path / "p").chmod(0o600)
    path = tmp_path / "agent.yaml"
    path.write_text(
        "data_dir: data\nstatus: {port: null}\n"
        f"sip: {{listen: {OWN}, tls_port: 5061, tls: {{certificate: c, key: k}}}}\n"
        f"devices: [{{id: box, driver: gateway, host: 192.0.2.9, lines: 1, user: u, password_file: p, {device}}}]\n"
    )
    found = [str(one) for one in listeners(load_config(path), load_profiles())]
    control = f"unix {tmp_path}/data/control.sock (data_dir: commands on site, mode 0600)"
    if wanted is None:
        assert found == [control]
        return
    assert found == [
        control,
        f"udp {OWN}:5060 (sip.listen, sip.port: SIP)",
        f"tcp {OWN}:5061 (sip.tls_port: SIP over TLS)",
        f"udp {OWN}:17000-17999 (sip.rtp_ports: sound, while there are calls)",
        *wanted,
    ]
