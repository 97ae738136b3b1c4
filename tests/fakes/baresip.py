"""baresip 1.0 as a far end, with its own folder, ports and a tone for a voice; driven over its TCP control."""

from __future__ import annotations

import asyncio
import json
import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from telecore.audio.tone import tone
from tests.fakes.ports import free_port

MODULES = Path("/usr/lib/baresip/modules")
needs_baresip = pytest.mark.skipif(
    shutil.which("baresip") is None or not (MODULES / "aufile.so").exists(), reason="baresip is not installed"
)

_CONFIG = """
poll_method epoll
net_interface 127.0.0.1
sip_listen 127.0.0.1:{port}
audio_player aubridge,nobody
audio_source aufile,{folder}/voice.wav
audio_alert aubridge,nobody
audio_buffer 20-160
rtp_ports {rtp}-{rtp_end}
module_path {modules}
module g711.so
module aubridge.so
module aufile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
module cons.so
ctrl_tcp_listen 127.0.0.1:{control}
cons_listen 127.0.0.1:{keys}
"""


class Baresip:
    """``port``: where it listens. Its events are kept in ``events``."""

    def __init__(self, port: int, keys: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.port = port
        self.events: list[dict[str, Any]] = []
        self._keys = keys
        self._reader = reader
        self._writer = writer
        self._more = asyncio.Event()

    async def listen(self) -> None:
        """Netstrings of JSON."""
        while True:
            length = await self._reader.readuntil(b":")
            data = await self._reader.readexactly(int(length[:-1]) + 1)
            self.events.append(json.loads(data[:-1]))
            self._more.set()

    def command(self, name: str, params: str = "") -> None:
        text = json.dumps({"command": name, "params": params, "token": "t"})
        self._writer.write(f"{len(text)}:{text},".encode())

    async def press(self, key: str) -> None:
        """As on its keyboard, for as long as a finger takes: down, and up."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=("127.0.0.1", self._keys)
        )
        transport.sendto(key.encode())
        await asyncio.sleep(0.2)
        transport.sendto(b"\x04")
        await asyncio.sleep(0.1)
        transport.close()

    async def until(self, kind: str, within_s: float = 6.0) -> dict[str, Any]:
        """The next event of this type; it is taken out."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    for event in self.events:
                        if event.get("type") == kind:
                            self.events.remove(event)
                            return event
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"no {kind} among {self.events}") from None


@asynccontextmanager
async def baresip(folder: Path, account: str) -> AsyncIterator[Baresip]:
    """A running one with this line of its ``accounts``."""
    port, control, keys, rtp = free_port(), free_port(), free_port(), 20_000 + free_port() % 100 * 40
    config = _CONFIG.format(
        port=port, control=control, keys=keys, rtp=rtp, rtp_end=rtp + 38, folder=folder, modules=MODULES
    )
    for name, text in (("config", config), ("accounts", account + "\n"), ("contacts", "")):
        (folder / name).write_text(text)  # noqa: ASYNC240
    with wave.open(str(folder / "voice.wav"), "wb") as voice:
        voice.setparams((1, 2, 8000, 0, "NONE", ""))
        voice.writeframes(tone((440,), 30_000))
    process = await asyncio.create_subprocess_exec(
        "baresip", "-f", str(folder), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        reader, writer = await _connect(control)
        phone = Baresip(port, keys, reader, writer)
        listening = asyncio.create_task(phone.listen())
        try:
            yield phone
        finally:
            listening.cancel()
            await asyncio.wait({listening})
            writer.close()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(10):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
