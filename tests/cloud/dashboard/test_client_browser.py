"""The telephone in Chromium, with a microphone that beeps: it rings, answers, is heard, hears, and hangs up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud.dashboard.client_page import ClientPage
from cloud.web.http import Request, Response, Route
from cloud.web.server import WebServer
from cloud.web.socket import Socket
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.audio.tone import tone
from tests.fakes.browser import CHROMIUM, browser

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]

FAKE_MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
CALL = "CA" + "0" * 32


class Door:
    """The cloud's end of the telephone's socket, in the hands of a test."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self.frames: list[bytes] = []
        self.socket: Socket | None = None

    async def serve(self, socket: Socket) -> None:
        self.socket = socket
        while (message := await socket.receive()) is not None:
            if isinstance(message, bytes):
                self.frames.append(message)
            else:
                self.said.put_nowait(json.loads(message))

    async def next(self, kind: str) -> dict[str, object]:
        async with asyncio.timeout(15):
            while (said := await self.said.get())["type"] != kind:
                pass
        return said

    def say(self, kind: str, **fields: object) -> None:
        assert self.socket is not None
        self.socket.send(json.dumps({"type": kind, **fields}))


@pytest.fixture
async def door() -> AsyncIterator[tuple[Door, str]]:
    door = Door()

    async def come_in(request: Request) -> Response:
        return Response(socket=door.serve)

    page = ClientPage("http://127.0.0.1")
    server = WebServer("127.0.0.1", 0, [*page.routes(), Route("GET", "/client/socket", come_in)])
    running = asyncio.create_task(server.run())
    await asyncio.wait_for(server.started.wait(), 5)
    yield door, f"http://127.0.0.1:{server.port}/client"
    running.cancel()
    await asyncio.wait({running}, timeout=10)


def shown(name: str) -> str:
    return f"document.getElementById('{name}').getClientRects().length > 0"


async def test_a_call_from_ring_to_end(door: tuple[Door, str], tmp_path: Path) -> None:
    cloud, url = door
    async with browser(tmp_path / "profile", *FAKE_MICROPHONE) as tab:
        await tab.go(f"{url}#token-1")
        await tab.evaluate("document.getElementById('ready').click()")
        said = await cloud.next("register")
        assert said["token"] == "token-1"
        cloud.say("registered", identity="alice", dials=True, expires=1e12)
        await tab.until("document.getElementById('state').textContent === 'reachable'")
        cloud.say("ring", call=CALL, **{"from": "+85512000001", "to": "client:alice", "parameters": {"order": "7"}})
        await tab.until(shown("answer"))
        assert not any([await tab.evaluate(shown(name)) for name in ("keypad", "mute", "dial", "enter", "start")])
        text = await tab.text()
        assert "+85512000001" in text
        assert "order: 7" in text
        await tab.screenshot(tmp_path / "ring.png")
        await tab.evaluate("document.getElementById('answer').click()")
        assert (await cloud.next("answer"))["call"] == CALL
        cloud.say("joined", call=CALL)
        await tab.until(shown("keypad"))
        await asyncio.sleep(2.5)  # the microphone beeps each second
        assert {len(frame) for frame in cloud.frames} == {160}
        assert 90 <= len(cloud.frames) <= 150
        assert max(abs(int.from_bytes(ulaw_to_l16(b"".join(cloud.frames))[n : n + 2], "little", signed=True))
                   for n in range(0, len(cloud.frames) * 320, 2)) > 500  # fmt: skip
        await tab.evaluate(LISTEN)
        spoken = l16_to_ulaw(tone((1000.0,), 1000))
        assert cloud.socket is not None
        for at in range(0, len(spoken), 160):
            cloud.socket.send_frame(spoken[at : at + 160])
            await asyncio.sleep(0.02)
        assert await tab.evaluate("window.loudest") > 0.05
        await tab.evaluate("document.querySelector('[data-key=\"5\"]').click()")
        assert (await cloud.next("digit"))["digit"] == "5"
        await tab.evaluate("document.getElementById('mute').click()")
        await asyncio.sleep(0.2)
        count = len(cloud.frames)
        await asyncio.sleep(0.5)
        assert len(cloud.frames) <= count + 1
        await tab.evaluate("document.getElementById('hang_up').click()")
        assert (await cloud.next("hang_up"))["call"] == CALL
        await tab.until("document.getElementById('state').textContent === 'reachable'")
        assert tab.problems == []


LISTEN = """
(() => {
  const analyser = sound.context.createAnalyser();
  sound.node.connect(analyser);
  const values = new Float32Array(analyser.fftSize);
  window.loudest = 0;
  setInterval(() => {
    analyser.getFloatTimeDomainData(values);
    window.loudest = Math.max(window.loudest, ...values.map(Math.abs));
  }, 50);
})()
"""


async def test_it_calls_and_comes_back_after_a_cut(door: tuple[Door, str], tmp_path: Path) -> None:
    cloud, url = door
    async with browser(tmp_path / "profile", *FAKE_MICROPHONE) as tab:
        await tab.go(f"{url}#token-1")
        await tab.evaluate("document.getElementById('ready').click()")
        first = await cloud.next("register")
        cloud.say("registered", identity="alice", dials=True, expires=1e12)
        await tab.until(shown("dial"))
        await tab.evaluate("document.querySelector('input[name=to]').value = '+85512000002'")
        await tab.evaluate("document.querySelector('#dial button').click()")
        assert (await cloud.next("dial"))["to"] == "+85512000002"
        cloud.say("dialling", call=CALL)
        cloud.say("joined", call=CALL)
        await tab.until(shown("keypad"))
        assert cloud.socket is not None
        cloud.socket.close(1012, "a restart")
        again = await cloud.next("register")
        assert (again["handset"], again["call"]) == (first["handset"], CALL)
        cloud.say("error", code=20104, message="the access token is expired")
        cloud.socket.close(4003, "expired")
        await tab.until("document.body.innerText.includes('the access token is expired')")
        await tab.until(shown("enter"))


async def test_a_page_without_a_token_asks_for_one(door: tuple[Door, str], tmp_path: Path) -> None:
    cloud, url = door
    async with browser(tmp_path / "profile", *FAKE_MICROPHONE) as tab:
        await tab.go(url)
        await tab.evaluate("document.querySelector('textarea').value = ' pasted '")
        await tab.evaluate("document.querySelector('#enter button').click()")
        assert (await cloud.next("register"))["token"] == "pasted"
