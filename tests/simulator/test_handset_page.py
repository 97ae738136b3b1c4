"""The handset's page in a real browser: it dials, presses keys, speaks, hears, writes."""

import asyncio
import itertools
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse

from tests.simulator.rig import Rig, until

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


class Page:
    """One page, driven over the DevTools protocol."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def command(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            answer = await self._socket.receive_json(timeout=20)
            if answer.get("id") == number:
                return answer["result"]

    async def run(self, script: str) -> Any:
        result = await self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def wait(self, script: str) -> None:
        """Until it is true; the page itself looks, for 15 s."""
        poll = f"const timer = setInterval(() => {{ if ({script}) {{ clearInterval(timer); done(true); }} }}, 30)"
        assert await self.run(f"new Promise(done => {{ {poll}; setTimeout(() => done(false), 15000); }})"), script


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    process = await asyncio.create_subprocess_exec(
        str(CHROMIUM),
        *OPTIONS,
        f"--user-data-dir={tmp_path}",
        "about:blank",
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while b"DevTools listening" not in (line := await process.stderr.readline()):
            assert line
    port = line.decode().split(":")[2].split("/")[0]
    async with ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/json") as answer:
            target = next(one for one in json.loads(await answer.text()) if one["type"] == "page")
        async with session.ws_connect(target["webSocketDebuggerUrl"]) as socket:
            yield Page(socket)
    process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            await process.stderr.read()
    await process.wait()


async def test_a_person_with_a_browser_calls_and_writes(rig: Rig, page: Page) -> None:
    line = rig.at(1)
    await page.command("Page.navigate", url=f"{rig.line['url']}/handset?number=%2B85512000014")
    await page.wait("document.querySelectorAll('#number option').length > 20")
    await page.run("document.getElementById('take').click()")
    await page.wait("document.getElementById('status').textContent.includes('+85512000014')")
    await page.run("document.getElementById('sound').click()")
    await page.wait("sound !== null")

    await page.run("document.getElementById('call').click()")
    await asyncio.to_thread(line.read_until, "RING")
    await asyncio.to_thread(line.ask, "ATA")
    await asyncio.to_thread(line.read_until, "BEGIN")
    await page.wait("document.getElementById('status').textContent.includes('answered')")
    await asyncio.to_thread(line.ask, "AT+DDET=1;+CPCMREG=1")
    await page.run("[...document.querySelectorAll('#keypad button')].find(b => b.textContent === '7').click()")
    await asyncio.to_thread(line.read_until, r"\+RXDTMF: 7")

    speech = os.open(rig.line["modems"][0]["pcm"], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    loudest = 0
    async with asyncio.timeout(10):
        while loudest < 1000:  # the browser's fake microphone beeps once a second
            await asyncio.sleep(0.1)
            with suppress(BlockingIOError):
                loudest = max(abs(value) for value in memoryview(os.read(speech, 4096)[:3200]).cast("h"))
    os.close(speech)

    await page.run("document.getElementById('hangup').click()")
    await asyncio.to_thread(line.read_until, "NO CARRIER")
    await page.run("document.getElementById('text').value = 'hello ខ្មែរ'")
    await page.run("document.querySelector('#send button').click()")
    arrived = await asyncio.to_thread(until, lambda: rig.api.messages("+85510000001"))
    assert arrived[0]["body"] == "hello ខ្មែរ"
    await asyncio.to_thread(line.send, "0001000B915815020010F4000005E8329BFD06", 18)
    await page.wait("document.getElementById('messages').textContent.includes('hello')")
