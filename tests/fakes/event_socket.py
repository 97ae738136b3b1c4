"""FreeSWITCH's event socket, as far as one client sees it; what it answers is told to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

PASSWORD = "secret"
Answer = bytes | Callable[[str], Awaitable[bytes | None]]


def reply(text: str = "+OK", **headers: str) -> bytes:
    extra = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    return f"Content-Type: command/reply\nReply-Text: {text}\n{extra}\n".encode()


def api(body: str | bytes) -> bytes:
    data = body.encode() if isinstance(body, str) else body
    return b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(data), data)


def event(headers: Mapping[str, str], body: str | bytes = b"") -> bytes:
    """An event as FreeSWITCH writes it: values percent-encoded, the body as it is behind an empty line."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"{name}: {quote(value, safe='')}\n" for name, value in headers.items()]
    if data:
        lines.append(f"Content-Length: {len(data)}\n")
    return packed(f"{''.join(lines)}\n".encode() + data)


def packed(data: bytes, kind: str = "text/event-plain") -> bytes:
    return f"Content-Length: {len(data)}\nContent-Type: {kind}\n\n".encode() + data


class FakeEventSocket:
    """``answers``: what a command gets that begins so, the longest beginning first; ``+OK`` else.

    A callable answer may return None: nothing is answered. ``greets`` False: it accepts and stays silent; ``mute``: it
    greets and then stays silent.
    """

    def __init__(self, *, password: str = PASSWORD, greets: bool = True) -> None:
        self.password = password
        self.greets = greets
        self.mute = False
        self.greeting = b"Content-Type: auth/request\n\n"
        self.answers: dict[str, Answer] = {}
        self.commands: list[str] = []
        self.heard = asyncio.Condition()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> FakeEventSocket:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """On the same port again after ``stop``."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As when it is killed: connections are reset."""
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.sleep(0)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def send(self, data: bytes) -> None:
        for writer in self._writers:
            writer.write(data)

    async def until(self, beginning: str, count: int = 1) -> str:
        """The ``count``-th command that begins so, once it is here."""
        async with asyncio.timeout(5), self.heard:
            while True:
                found = [command for command in self.commands if command.startswith(beginning)]
                if len(found) >= count:
                    return found[count - 1]
                await self.heard.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self.greets:
                writer.write(self.greeting)
            while True:
                command = (await reader.readuntil(b"\n\n")).decode().rstrip("\n")
                await self._take(command, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _take(self, command: str, writer: asyncio.StreamWriter) -> None:
        async with self.heard:
            self.commands.append(command)
            self.heard.notify_all()
        if self.mute:
            return
        if command.startswith("auth "):
            right = command == f"auth {self.password}"
            writer.write(reply("+OK accepted" if right else "-ERR invalid"))
            return
        data = await self._answer(command)
        if data is not None:
            writer.write(data)

    async def _answer(self, command: str) -> bytes | None:
        for beginning in sorted(self.answers, key=len, reverse=True):
            if command.startswith(beginning):
                answer = self.answers[beginning]
                return answer if isinstance(answer, bytes) else await answer(command)
        return api("+OK\n") if command.startswith("api ") else reply()
