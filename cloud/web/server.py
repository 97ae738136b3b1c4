"""The web server, the only user of aiohttp's: requests become values, and what is raised becomes an error's body."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web
from multidict import CIMultiDict

from cloud.web import errors, refusals
from cloud.web.connections import Bounds, Server
from cloud.web.errors import request_id
from cloud.web.http import Request, Response, Route
from cloud.web.refusals import Refusals
from cloud.web.routing import Router
from cloud.web.socket import Socket
from cloud.web.source import Proxies
from telecore.errors import Refused, Transient
from telecore.ids import new_sid

log = logging.getLogger(__name__)

BODY_LIMIT = 1024 * 1024
BODY_WITHIN_S = 30.0
DRAIN_S = 5.0
"""How long answers under way may take after the stop began."""
PING_S = 15.0
WRITE_S = 20.0
"""How long one event of an answer without an end may take to be let go."""
MESSAGE_LIMIT = 16 * 1024
"""Of a web socket."""
CLOSE_S = 3.0
"""How long a web socket's other end has to say that it has seen the close (RFC 6455 §7.1.1)."""
MOST_UNREAD = 8
"""Messages of a web socket that are read before somebody takes them."""


class WebServer:
    """``port`` 0 takes any free one; the real one is in ``port`` once ``started`` is set.

    ``drain`` is asked before anything else; what it raises is the answer.
    """

    def __init__(
        self,
        host: str,
        port: int,
        routes: Iterable[Route],
        *,
        body_limit: int = BODY_LIMIT,
        bounds: Bounds | None = None,
        proxies: Proxies | None = None,
        refused: Refusals | None = None,
        https: bool = False,
        drain: Callable[[str, str], None] = lambda method, path: None,
    ) -> None:
        self.host = host
        self.port = port
        self.started = asyncio.Event()
        self.routes = tuple(routes)
        self._router = Router(self.routes)
        self._limit = body_limit
        self._bounds = bounds or Bounds()
        self._proxies = proxies or Proxies()
        self._refused = refused or Refusals()
        self._https = https
        self._drain = drain
        self._streams: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until cancelled, then finish what is under way. Raises OSError when the port is taken."""
        server = Server(
            self._answer,
            bounds=self._bounds,
            proxies=self._proxies,
            refused=self._refused,
            access_log=None,
            keepalive_timeout=self._bounds.idle_s,
            request_factory=self._made,
        )
        runner = web.ServerRunner(server, shutdown_timeout=DRAIN_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
            self.port = runner.addresses[0][1]
            self.started.set()
            await asyncio.get_running_loop().create_future()
        finally:
            for stream in self._streams:
                stream.cancel()
            await runner.cleanup()

    def _made(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=self._limit)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The one place where errors become answers; an unforeseen one is logged here, with its traceback, once."""
        request_id.set(new_sid("RQ"))
        try:
            response = await self._handled(request)
        except Refused as error:
            response = errors.refusal(error)
        except web.HTTPRequestEntityTooLarge:
            self._refused.count(refusals.TOO_LARGE, self._source(request))
            response = errors.too_large(self._limit)
        except Transient as error:
            log.warning("%s %s put off: %s (%s)", request.method, request.path, error, request_id.get())
            response = errors.unavailable()
        except TimeoutError:
            self._refused.count(refusals.TOO_SLOW, self._source(request), "the body of a request")
            response = errors.bad_http(408, "The request took too long to arrive")
        except ConnectionError:
            raise  # the client went away: nobody to tell
        except Exception:
            log.exception("%s %s failed (%s)", request.method, request.path, request_id.get())
            response = errors.internal()
        if response.socket is not None:
            return await self._socket(request, response.socket)
        if response.stream is not None:
            return await self._stream(request, response)
        return _sent(response, self._https)

    async def _handled(self, request: web.BaseRequest) -> Response:
        self._drain(request.method, request.rel_url.raw_path)
        handler, fields = self._router.find(request.method, request.rel_url.raw_path)
        return await handler(await _read(request, fields, self._source(request)))

    def _source(self, request: web.BaseRequest) -> str:
        return self._proxies.source(request.remote or "", request.headers.get("X-Forwarded-For", ""))

    async def _socket(self, request: web.BaseRequest, serve: Callable[[Socket], Awaitable[None]]) -> web.StreamResponse:
        """A web socket: a task of its own, which a stop cuts at once."""
        out = web.WebSocketResponse(heartbeat=PING_S, timeout=CLOSE_S, max_msg_size=MESSAGE_LIMIT, compress=False)
        if not out.can_prepare(request).ok:
            return _sent(errors.bad_http(426, "Ask for a web socket here"), self._https)
        await out.prepare(request)
        serving = asyncio.create_task(_serve(out, serve))
        self._streams.add(serving)
        try:
            await asyncio.wait([serving])
            if not serving.cancelled() and (error := serving.exception()) is not None:
                log.error("%s failed (%s)", request.path, request_id.get(), exc_info=error)
        finally:
            self._streams.discard(serving)
            serving.cancel()
        return out

    async def _stream(self, request: web.BaseRequest, response: Response) -> web.StreamResponse:
        """An answer without an end: a task of its own, which a stop cuts at once instead of waiting for it."""
        out = web.StreamResponse(status=response.status, headers=_headers(response, self._https))
        await out.prepare(request)
        pump = asyncio.create_task(_pump(out, response))
        self._streams.add(pump)
        try:
            await asyncio.wait([pump])
        finally:
            self._streams.discard(pump)
            pump.cancel()
        return out


async def _read(request: web.BaseRequest, fields: dict[str, str], source: str) -> Request:
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
    async with asyncio.timeout(BODY_WITHIN_S):
        body = await request.read()
    return Request(
        method=request.method,
        path=request.path,
        query=request.rel_url.raw_query_string,
        body=body,
        content_type=request.content_type if "Content-Type" in request.headers else "",
        headers=request.headers,
        cookies=request.cookies,
        fields=fields,
        remote=source,
    )


def _headers(response: Response, https: bool) -> CIMultiDict[str]:
    content_type = {} if response.status == 204 else {"Content-Type": response.content_type}
    lasting = {"Strict-Transport-Security": "max-age=31536000"} if https else {}
    headers = CIMultiDict({**content_type, **errors.own_headers(), **lasting, **response.headers})
    for cookie in response.cookies:
        headers.add("Set-Cookie", cookie)
    return headers


def _sent(response: Response, https: bool) -> web.StreamResponse:
    if response.file is not None:
        return web.FileResponse(response.file, headers=_headers(response, https))
    return web.Response(status=response.status, body=response.body, headers=_headers(response, https))


async def _pump(out: web.StreamResponse, response: Response) -> None:
    assert response.stream is not None
    with suppress(ConnectionError, TimeoutError):  # the reader has gone, or takes nothing
        async for piece in response.stream:
            async with asyncio.timeout(WRITE_S):
                await out.write(piece)


class _Wire:
    """An aiohttp socket as ``socket.Wire``.

    aiohttp does not wait for the other end's close while somebody receives. What that end has sent meanwhile would then
    reset the connection, and with it goes the close that it has not read. So one task reads, and ends before a close.
    """

    def __init__(self, out: web.WebSocketResponse) -> None:
        self._out = out
        self._came: asyncio.Queue[str | bytes | None] = asyncio.Queue(MOST_UNREAD)
        self._over = False
        self.reading = asyncio.create_task(self._read(), name="reading a web socket")
        self.reading.add_done_callback(self._read_out)

    async def receive(self) -> str | bytes | None:
        if self._over or (self.reading.done() and self._came.empty()):
            return None
        message = await self._came.get()
        self._over = self._over or message is None
        return message

    async def send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            await self._out.send_str(message)
        else:
            await self._out.send_bytes(message)

    async def close(self, code: int, reason: str) -> None:
        await self.stop()
        await self._out.close(code=code, message=reason.encode()[:120])

    async def stop(self) -> None:
        """Read no more; who waits for a message is told that there is none."""
        self.reading.cancel()
        await asyncio.wait({self.reading})
        self._over = True
        while not self._came.empty():
            self._came.get_nowait()
        self._came.put_nowait(None)

    async def _read(self) -> None:
        while (message := await self._out.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            await self._came.put(message.data)

    def _read_out(self, _: asyncio.Task[None]) -> None:
        """However the reading ended: whoever waits for a message waits no more."""
        if self._came.empty():
            self._came.put_nowait(None)


async def _serve(out: web.WebSocketResponse, serve: Callable[[Socket], Awaitable[None]]) -> None:
    """Until either end has enough; what was said last is still sent."""
    wire = _Wire(out)
    socket = Socket(wire)
    pumping = asyncio.create_task(socket.pump())
    serving = asyncio.ensure_future(serve(socket))
    try:
        await asyncio.wait({pumping, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done() and not pumping.done():
            socket.close(1000, "")
            await asyncio.wait({pumping}, timeout=DRAIN_S)
    finally:
        for task in (serving, pumping):
            task.cancel()
        await asyncio.wait({serving, pumping})
        await wire.stop()
    for task in (serving, pumping, wire.reading):
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ConnectionError):
            raise error
