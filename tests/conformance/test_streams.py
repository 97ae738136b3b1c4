"""Media streams: begun and stopped by a client, and by TwiML; both ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.conformance.conftest import Customer
from tests.fakes.customer_app import twiml


class Listener:
    """A WebSocket server that keeps what it is told, and sends back each medium it hears."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.news = asyncio.Condition()
        self.echoes = False
        self.url = ""

    async def __call__(self, connection: ServerConnection) -> None:
        async for text in connection:
            message = json.loads(text)
            if self.echoes and message["event"] == "media":
                echo = {"event": "media", "streamSid": message["streamSid"], "media": message["media"]}
                with suppress(ConnectionClosed):  # what was said before it closed is still to be read
                    await connection.send(json.dumps(echo))
            async with self.news:
                self.heard.append(message)
                self.news.notify_all()

    async def wait_for(self, event: str, count: int = 1, within_s: float = 25.0) -> list[dict[str, Any]]:
        def found() -> list[dict[str, Any]]:
            return [one for one in self.heard if one["event"] == event]

        async with asyncio.timeout(within_s), self.news:
            await self.news.wait_for(lambda: len(found()) >= count)
        return found()


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()
    async with serve(listener, "127.0.0.1", 0) as server:
        (socket,) = server.sockets
        listener.url = f"ws://127.0.0.1:{socket.getsockname()[1]}"
        yield listener


async def test_a_stream_of_a_live_call_by_the_client(customer: Customer) -> None:
    handset, app = customer.free_handset(), customer.app
    await customer.network("PUT", f"/subscribers/{handset}", {"on_call": "answer", "answer_after_s": 0.1})
    status = app.answer("/stream-status", "")
    app.answer("/wait", twiml("<Pause length='60'/>"))
    call = await customer.ask("calls.create", to=handset, from_=customer.numbers[0], url=app.url("/wait"))
    await app.wait_for("/wait", within_s=20)
    async with listening() as listener:
        made = await customer.ask(
            f"calls({call['sid']}).streams.create",
            url=listener.url,
            name="one",
            track="inbound_track",
            status_callback=status,
        )
        assert (made["name"], made["status"]) == ("one", "in-progress")
        await listener.wait_for("media", 5)
        stopped = await customer.ask(f"calls({call['sid']}).streams({made['sid']}).update", status="stopped")
        assert stopped["status"] == "stopped"
        await listener.wait_for("stop")
    await customer.ask(f"calls({call['sid']}).update", status="completed")
    await customer.call_over(call["sid"])
    events = [one["event"] for one in listener.heard]
    assert events[:2] == ["connected", "start"]
    assert events[-1] == "stop"
    start = listener.heard[1]["start"]
    assert (start["callSid"], start["tracks"]) == (call["sid"], ["inbound"])
    assert start["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    sequence = [int(one["sequenceNumber"]) for one in listener.heard[1:]]
    assert sequence == list(range(1, len(sequence) + 1))
    told = await app.wait_for("/stream-status", 2, within_s=15)
    assert [one.params["StreamEvent"] for one in told] == ["stream-started", "stream-stopped"]


async def test_connect_stream_both_ways_with_parameters_and_keys(customer: Customer) -> None:
    handset, number, app = customer.free_handset(), customer.numbers[0], customer.app
    async with listening() as listener:
        listener.echoes = True
        app.answer(
            "/connect",
            twiml(
                f'<Connect action="/after"><Stream url="{listener.url}"><Parameter name="ward" value="4"/>'
                "</Stream></Connect>"
            ),
        )
        app.answer("/after", twiml("<Hangup/>"))
        await customer.hooked(number, voice_url=app.url("/connect"))
        await customer.dial_in(handset, number, press=[{"after_s": 1.5, "digits": "5"}])
        (start,) = await listener.wait_for("start")
        assert start["start"]["customParameters"] == {"ward": "4"}
        (key,) = await listener.wait_for("dtmf")
        assert key["dtmf"]["digit"] == "5"
        await customer.ask(f"calls({start['start']['callSid']}).update", status="completed")
        await listener.wait_for("stop")
    assert {one["media"]["track"] for one in listener.heard if one["event"] == "media"} == {"inbound"}
    await customer.call_over(start["start"]["callSid"])
