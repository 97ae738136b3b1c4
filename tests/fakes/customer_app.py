"""A customer's web application on a real port of loopback: it answers as told and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web


@dataclass(frozen=True)
class Received:
    """One request. ``url`` is the whole of it as the application sees it; ``params`` its form or query."""

    method: str
    path: str
    url: str
    params: dict[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """``drop``: close the connection without a word. ``size``: a body of that many bytes, sent in pieces."""

    body: str | bytes = ""
    status: int = 200
    content_type: str = "text/xml"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    drop: bool = False
    size: int = 0


Answerer = Callable[[Received], "str | Reply | Awaitable[str | Reply]"]
TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response>%s</Response>'


def twiml(inner: str) -> str:
    """A document with these verbs."""
    return TWIML % inner


class CustomerApp:
    """Paths without an answer are 404. An answer may be text, a Reply, a list of them in turn, or a function."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.received: list[Received] = []
        self.sent_bytes = 0
        self._answers: dict[str, object] = {}
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def url(self, path: str) -> str:
        return f"http://{self.host}:{self.port}{path}"

    def answer(self, path: str, answer: str | Reply | list[str | Reply] | Answerer) -> str:
        """From now on ``path`` answers so. Returns its URL. The last of a list is repeated."""
        self._answers[path] = answer
        return self.url(path)

    def seen(self, path: str) -> list[Received]:
        return [request for request in self.received if request.path == path]

    async def wait_for(self, path: str, count: int = 1, within_s: float = 5.0) -> list[Received]:
        """The requests to ``path``, once there are ``count`` of them."""
        try:
            async with asyncio.timeout(within_s), self._changed:
                await self._changed.wait_for(lambda: len(self.seen(path)) >= count)
        except TimeoutError:
            came = [f"{request.path} {request.params}" for request in self.received]
            raise TimeoutError(
                f"{path}: {len(self.seen(path))} of {count} in {within_s:g} s; all that came: {came}"
            ) from None
        return self.seen(path)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        params = form if request.method == "POST" else dict(request.query)
        received = Received(
            request.method, request.path, str(request.url), params, request.headers.copy(), dict(request.cookies)
        )
        async with self._changed:
            self.received.append(received)
            self._changed.notify_all()
        reply = await self._reply(received)
        await asyncio.sleep(reply.delay_s)
        if reply.drop:
            assert request.transport is not None
            request.transport.abort()
        if reply.size:
            return await self._stream(request, reply)
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        headers = {"Content-Type": reply.content_type} if reply.content_type else {}
        return web.Response(body=body, status=reply.status, headers={**headers, **reply.headers})

    async def _reply(self, received: Received) -> Reply:
        answer = self._answers.get(received.path, Reply(status=404))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(received)
            if isinstance(answer, Awaitable):
                answer = await answer
        return Reply(answer) if isinstance(answer, str) else answer

    async def _stream(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers={"Content-Type": reply.content_type})
        await response.prepare(request)
        piece = b" " * 16384
        for _ in range(0, reply.size, len(piece)):
            await response.write(piece)
            self.sent_bytes += len(piece)
        return response
