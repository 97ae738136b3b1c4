"""sipp, which knows nothing of us, calls through the simulated box and is called by it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from simulator.calls import CallState
from tests.fakes.gateway_box import ANSWERS, FREE, LINE1, a_box, until
from tests.fakes.ports import free_port

SIPP = shutil.which("sipp") or ""
pytestmark = pytest.mark.skipif(not SIPP, reason="sipp is not installed")
LIMIT_S = 10.0
FAMILIES = ("goip", "dinstar", "portech")


@asynccontextmanager
async def sipp(folder: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    common = ["-i", "127.0.0.1", "-timeout", f"{LIMIT_S:.0f}", "-timeout_error", "-nostdin", "-nd", "-m", "1"]
    process = await asyncio.create_subprocess_exec(
        SIPP, *options, *common, cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def done(process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(LIMIT_S + 5):
        _, said = await process.communicate()
    assert process.returncode == 0, said.decode()[-2000:]


@pytest.mark.parametrize("family", FAMILIES)
async def test_its_client_calls_a_handset(tmp_path: Path, family: str) -> None:
    async with a_box(family, registers=False) as box:
        host, port = box.at
        options = ["-sn", "uac", f"{host}:{port}", "-s", ANSWERS, "-d", "300", "-p", str(free_port())]
        async with sipp(tmp_path, *options) as process:
            await done(process)
        assert box.call.answered_at is not None
        assert (box.call.state, box.call.cause) == (CallState.ENDED, 16)


async def test_its_server_is_called_by_a_handset(tmp_path: Path) -> None:
    port = free_port()
    built_in = await asyncio.create_subprocess_exec(SIPP, "-sd", "uas", stdout=asyncio.subprocess.PIPE)
    scenario, _ = await built_in.communicate()
    (tmp_path / "uas.xml").write_bytes(scenario.replace(b'milliseconds="4000"', b'milliseconds="1"'))
    async with a_box("goip", registers=False) as box:
        box.gateway.switch.agent_at = ("127.0.0.1", port)
        async with sipp(tmp_path, "-sf", "uas.xml", "-p", str(port)) as process:
            await asyncio.sleep(0.3)
            assert box.network.handsets[FREE].dial(LINE1)
            await until(lambda: box.call.state is CallState.ANSWERED)
            await asyncio.sleep(0.1)
            box.network.exchange.end(box.call, 16)
            await done(process)
