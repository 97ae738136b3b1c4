"""Our session at a manager port against the original: the manager of Asterisk 22."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.drivers.gateway.ami import AmiAccount, AmiSession
from edge_agent.drivers.gateway.ami_codec import Block
from telecore.errors import DeviceLost, DeviceRefused
from tests.peers.asterisk_switch import asterisk, find_asterisk

INSTALLED = find_asterisk()
pytestmark = pytest.mark.skipif(INSTALLED is None, reason="needs Asterisk (scripts/peers sid)")


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AmiAccount]:
    assert INSTALLED is not None
    folder: Path = tmp_path_factory.mktemp("asterisk")
    port = _free_port(socket.SOCK_STREAM)
    (folder / "etc").mkdir()
    (folder / "etc/manager.conf").write_text(
        f"[general]\nenabled = yes\nport = {port}\nbindaddr = 127.0.0.1\n"
        "[agent]\nsecret = s3cret\nread = all\nwrite = all\n"
    )
    with asterisk(INSTALLED, folder, _free_port(socket.SOCK_DGRAM), _free_port(socket.SOCK_DGRAM)):
        yield AmiAccount("127.0.0.1", port, "agent", "s3cret")


async def _opened(account: AmiAccount, events: list[Block]) -> AmiSession:
    session = AmiSession(account, events.append)
    await session.open()
    return session


async def test_it_logs_in_runs_commands_and_hears_events(account: AmiAccount) -> None:
    events: list[Block] = []
    session = await _opened(account, events)
    assert session.banner.startswith("Asterisk Call Manager/")
    assert any("Asterisk 2" in line for line in await session.command("core show version"))
    assert (await session.action("Ping")).get("Ping") == "Pong"
    await session.action("UserEvent", ("UserEvent", "ReceivedSMS"), ("Content", "Got+it"))
    async with asyncio.timeout(5):
        while not any(event.get("UserEvent") == "ReceivedSMS" for event in events):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await session.close()


async def test_many_commands_at_once_each_get_their_own_answer(account: AmiAccount) -> None:
    session = await _opened(account, [])
    outputs = await asyncio.gather(
        *(session.command(f"core show application {name}") for name in ("Dial", "Wait") * 10)
    )
    assert all(name in "\n".join(output) for name, output in zip(("Dial", "Wait") * 10, outputs, strict=True))
    await session.close()


async def test_a_command_that_it_does_not_know_is_refused(account: AmiAccount) -> None:
    session = await _opened(account, [])
    with pytest.raises(DeviceRefused):
        await session.command("gsm show spans")
    assert session.is_open
    await session.close()


async def test_a_wrong_password_is_refused(account: AmiAccount) -> None:
    session = AmiSession(AmiAccount(account.host, account.port, "agent", "guess"), lambda block: None)
    with pytest.raises(DeviceRefused, match="error"):
        await session.open()
    await session.close()


async def test_a_logoff_is_a_loss(account: AmiAccount) -> None:
    session = await _opened(account, [])
    running = asyncio.create_task(session.run(0.2))
    await session.action("Logoff")
    with pytest.raises(DeviceLost):
        await asyncio.wait_for(running, 5)
    await session.close()
