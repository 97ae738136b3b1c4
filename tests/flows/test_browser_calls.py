"""A handset of the network rings a browser and talks with it; the browser is a plain web socket."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import aiohttp

from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.audio.tone import tone
from telecore.audio.wav import read_wav, write_wav
from tests.fakes.customer_app import twiml
from tests.flows.conftest import World
from tests.flows.test_far_legs import share_of


async def until(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next message of this kind."""
    async with asyncio.timeout(40):
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT and message.json()["type"] == kind:
                return dict(message.json())
    raise AssertionError(f"closed before {kind}")


async def speak(socket: aiohttp.ClientWebSocketResponse, sound: bytes) -> None:
    """At the pace of real time."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number, at in enumerate(range(0, len(sound), 160)):
        await asyncio.sleep(max(0.0, began + number * 0.02 - loop.time()))
        await socket.send_bytes(sound[at : at + 160])


async def test_a_handset_and_a_browser_talk(world: World) -> None:
    caller = world.free_handset()
    base = world.about["base_url"]
    login = base64.b64encode(f"{world.about['account_sid']}:{world.token}".encode()).decode()
    voice = world.app.answer("/to-alice", twiml('<Dial action="/talked"><Client>alice</Client></Dial>'))
    world.app.answer("/talked", twiml("<Hangup/>"))
    await world.hook(world.numbers[2], voice_url=voice)
    async with aiohttp.ClientSession() as http:
        async with http.post(
            f"{base}/simferry/v1/clients/alice/tokens", headers={"Authorization": f"Basic {login}"}
        ) as answer:
            assert answer.status == 201
            token = (await answer.json())["token"]
        async with http.ws_connect(f"{base}/client/socket") as socket:
            await socket.send_json({"type": "register", "token": token, "handset": "h1"})
            await until(socket, "registered")
            spoken = base64.b64encode(write_wav(tone((700.0,), 8000))).decode()
            dialled = await world.network(
                "POST", f"/subscribers/{caller}/calls", {"to": world.numbers[2], "press": [], "speak_wav": spoken}
            )
            ring = await until(socket, "ring")
            assert ring["from"] == caller
            await socket.send_json({"type": "answer", "call": ring["call"]})
            await until(socket, "joined")
            speaking = asyncio.create_task(speak(socket, l16_to_ulaw(tone((1000.0,), 4000))))
            heard = b""
            async with asyncio.timeout(20):
                while len(heard) < 150 * 160:
                    message = await socket.receive()
                    if message.type is aiohttp.WSMsgType.BINARY:
                        heard += message.data
            await speaking
            assert share_of(ulaw_to_l16(heard[50 * 160 :]), 700.0) > 0.8
            await socket.send_json({"type": "hang_up", "call": ring["call"]})
            await until(socket, "ended")
    (after,) = await world.app.wait_for("/talked", within_s=20)
    assert (after.params["DialCallStatus"], after.params["DialCallSid"]) == ("completed", ring["call"])
    child = await asyncio.to_thread(world.client.calls(ring["call"]).fetch)
    assert (child.to, child.direction, child.status) == ("client:alice", "outbound-dial", "completed")
    samples = read_wav(await world.heard(dialled["id"])).samples
    best = max(share_of(samples[at : at + 16000], 1000.0) for at in range(0, len(samples) - 16000, 16000))
    assert best > 0.8
