"""A customer's WebSocket application on a real port: it keeps what it is told and says what a test says."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Script = Callable[["Talk"], Awaitable[None]]


class Talk:
    """One connection. ``messages`` are JSON, in order, with ``arrived`` beside them."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.request = connection.request
        self.messages: list[dict] = []
        self.arrived: list[float] = []
        self.over = asyncio.Event()
        self.news = asyncio.Event()

    @property
    def sid(self) -> str:
        return self.of("start")[0]["streamSid"]

    def of(self, event: str) -> list[dict]:
        return [message for message in self.messages if message["event"] == event]

    def heard(self, track: str = "inbound") -> bytes:
        frames = [message["media"] for message in self.of("media") if message["media"]["track"] == track]
        return b"".join(b64decode(frame["payload"]) for frame in frames)

    def marks(self) -> list[str]:
        return [message["mark"]["name"] for message in self.of("mark")]

    async def send(self, event: str, **body: object) -> None:
        await self.connection.send(json.dumps({"event": event, "streamSid": self.sid, **body}))

    async def say(self, sound: bytes) -> None:
        await self.send("media", media={"payload": b64encode(sound).decode()})

    async def mark(self, name: str) -> None:
        await self.send("mark", mark={"name": name})

    async def clear(self) -> None:
        await self.send("clear")

    async def until(self, condition: Callable[[], object], within_s: float = 5.0) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                self.news.clear()
                await self.news.wait()


class StreamApp:
    """``script`` runs beside each connection; without one it only listens. ``reads``: False never reads."""

    def __init__(self, script: Script | None = None, *, reads: bool = True) -> None:
        self.script = script
        self.reads = reads
        self.talks: list[Talk] = []
        self.port = 0
        self._came = asyncio.Event()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/media"

    async def __aenter__(self) -> StreamApp:
        self._server = await serve(self._handle, "127.0.0.1", 0, compression=None, max_size=1 << 24, close_timeout=0.3)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def talk(self, number: int = 0, within_s: float = 5.0) -> Talk:
        """The connection of this number, once its start came."""
        async with asyncio.timeout(within_s):
            while len(self.talks) <= number:
                self._came.clear()
                await self._came.wait()
        talk = self.talks[number]
        if self.reads:
            await talk.until(lambda: talk.of("start"))
        return talk

    async def _handle(self, connection: ServerConnection) -> None:
        talk = Talk(connection)
        self.talks.append(talk)
        self._came.set()
        acting = asyncio.create_task(self._act(talk))
        try:
            if self.reads:
                async for text in connection:
                    talk.messages.append(json.loads(text))
                    talk.arrived.append(asyncio.get_running_loop().time())
                    talk.news.set()
            else:
                await connection.wait_closed()
        except ConnectionClosed:
            pass
        finally:
            talk.over.set()
            talk.news.set()
            acting.cancel()
            await asyncio.wait({acting})

    async def _act(self, talk: Talk) -> None:
        if self.script is not None:
            try:
                await self.script(talk)
            except ConnectionClosed:
                return
