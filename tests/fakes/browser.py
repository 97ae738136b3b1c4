"""Chromium without a window, driven over its debugging protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--window-size=1200,1000",
)


class Browser:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.problems: list[str] = []
        """What the console complained about: blocked by the content security policy, failed scripts."""

    async def command(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            answer = await self._socket.receive_json(timeout=30)
            self._note(answer)
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return dict(answer["result"])

    async def go(self, url: str) -> None:
        await self.command("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def evaluate(self, expression: str) -> Any:
        result = await self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def until(self, condition: str, within_s: float = 20.0) -> None:
        """Wait until the expression is true in the page."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    with contextlib.suppress(AssertionError):  # between two pages there is nothing to ask
                        if await self.evaluate(condition):
                            return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TimeoutError(f"not within {within_s:g} s: {condition}; the page said: {self.problems}") from None

    async def text(self) -> str:
        return str(await self.evaluate("document.body.innerText"))

    async def screenshot(self, path: Path) -> None:
        shot = await self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))

    def _note(self, answer: dict[str, Any]) -> None:
        if answer.get("method") == "Log.entryAdded" and answer["params"]["entry"]["level"] == "error":
            self.problems.append(answer["params"]["entry"]["text"])
        if answer.get("method") == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(answer["params"]["exceptionDetails"])[:500])


@contextlib.asynccontextmanager
async def browser(directory: Path, *more: str) -> AsyncIterator[Browser]:
    """Start Chromium with its profile in ``directory``, and ``more`` flags; stop it at the end."""
    assert CHROMIUM is not None
    quiet = asyncio.subprocess.DEVNULL
    flags = [*_FLAGS, *more, f"--user-data-dir={directory}", "about:blank"]
    process = await asyncio.create_subprocess_exec(CHROMIUM, *flags, stdout=quiet, stderr=quiet)
    try:
        async with aiohttp.ClientSession() as http:
            port = await _port(directory / "DevToolsActivePort")
            async with http.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tab = next(entry for entry in await answer.json() if entry["type"] == "page")
            async with http.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                made = Browser(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await made.command(f"{domain}.enable")
                yield made
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _port(path: Path) -> int:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
                return int((await asyncio.to_thread(path.read_text)).split()[0])
            await asyncio.sleep(0.05)
